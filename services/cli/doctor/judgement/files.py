"""The two SQLite files of the embedded set-up."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.doctor.finding import Finding, failure, ok
from services.cli.doctor.judgement.disk import size


@dataclass(frozen=True)
class SqliteFile:
    """A SQLite file of ours. `owner` is the process that holds the log, `trouble` why the file cannot be used."""

    what: str
    path: str
    size_bytes: int | None = None
    owner: str | None = None
    trouble: str | None = None


def judge_file(seen: SqliteFile) -> Sequence[Finding]:
    """Judge one; a file that is not there yet is made at the first start."""
    told = f"{seen.what} {seen.path}"
    if seen.trouble:
        return [failure(f"{told}: {seen.trouble}", _advice(seen))]
    if seen.size_bytes is None:
        return [ok(f"{told} is not there yet; `attache run` makes it")]
    owner = f", in use by process {seen.owner}" if seen.owner else ""
    return [ok(f"{told}, {size(seen.size_bytes)}{owner}")]


def _advice(seen: SqliteFile) -> str:
    if "lock" in (seen.trouble or "") or "busy" in (seen.trouble or ""):
        return "See which process keeps it locked, such as a backup or a sqlite3 shell, and end that."
    setting = "LOG_URL" if seen.what == "log" else "DB_URL"
    return f"Let this user write the file and its folder, put back a backup of it, or set {setting} to another."
