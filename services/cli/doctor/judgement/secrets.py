"""Whether secrets are kept where others cannot read them."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.doctor.finding import Finding, failure, ok, skipped, warning

WORLD_READS, WORLD_WRITES = 0o004, 0o022
IN_CONTAINER = "/run/secrets/"
"""Where Compose puts secrets: readable to all, and there is nobody else in a container."""


@dataclass(frozen=True)
class SecretFile:
    """A file that holds a secret. `mode` are its permission bits; `trouble` says why it cannot be read."""

    setting: str
    path: str
    mode: int = 0
    empty: bool = False
    trouble: str | None = None


def judge_secrets(files: Sequence[SecretFile], inline: Sequence[str]) -> Sequence[Finding]:
    """Judge the files, and the names of settings that carry a password in themselves."""
    found = [judge_file(file) for file in files]
    for setting in inline:
        by_file = " and DB_PASSWORD_FILE to a file that holds it" if setting == "DB_URL" else ""
        found.append(
            warning(
                f"{setting} carries a password, which shows wherever the environment does",
                f"Set {setting} without it{by_file}." if by_file else f"Let only the service's user see {setting}.",
            )
        )
    return found or [skipped("no setting names or holds a secret")]


def judge_file(file: SecretFile) -> Finding:
    """Judge one file."""
    what = f"{file.setting} {file.path}"
    if file.trouble:
        return failure(f"{what}: {file.trouble}", "Let the user that runs Attaché read it.")
    if file.empty:
        return failure(f"{what} is empty", "Write the secret into it.")
    if file.mode & WORLD_WRITES:
        return warning(f"{what} can be changed by others (mode {file.mode:04o})", f"Run `chmod 600 {file.path}`.")
    if file.mode & WORLD_READS and not file.path.startswith(IN_CONTAINER):
        return warning(f"{what} can be read by every user (mode {file.mode:04o})", f"Run `chmod 600 {file.path}`.")
    return ok(f"{what} (mode {file.mode:04o})")
