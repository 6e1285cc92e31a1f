"""A file system of a few megabytes, in a mount name space of its own that goes with the block.

Only processes begun with `inside` see it at `folder`; the test sees it through `outside`. (SQLite would resolve that
path to one of the test's own name space: databases are looked at from inside, or copied out.)
"""

import contextlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Missing

HOW_TO_GET = "a file system of limited size needs Linux, unshare and nsenter, and root or user name spaces"


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system; made by `open_small_disk`."""

    folder: Path
    keeper: int
    as_user: tuple[str, ...]

    @property
    def outside(self) -> Path:
        """The folder as the test's process sees it."""
        return Path(f"/proc/{self.keeper}/root{self.folder}")

    def inside(self, *command: str, cwd: Path | None = None) -> list[str]:
        """Return the command that runs `command` where the file system is mounted, in `cwd`."""
        enter = ["nsenter", "--mount", f"--target={self.keeper}", *self.as_user, f"--wd={cwd or Path.cwd()}", "--"]
        return [*enter, *command]

    def python(self, program: str, *args: str) -> str:
        """Run a Python program inside and return what it prints."""
        command = self.inside(sys.executable, "-c", program, *args)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def fill(self, *, leave: int = 0) -> None:
        """Write until no more than `leave` bytes are free."""
        with (self.outside / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while (room := self.free - leave) > 0:
                filler.write(b"\0" * min(room, 1 << 20))

    def relieve(self) -> None:
        """Give back what `fill` took."""
        (self.outside / "filler").unlink()

    @property
    def free(self) -> int:
        """Bytes free now."""
        status = os.statvfs(self.outside)
        return status.f_bavail * status.f_frsize


@contextlib.contextmanager
def open_small_disk(size: int, *, owner: str | None = None) -> Iterator[SmallDisk]:
    """Mount a file system of `size` bytes for the block; with `owner`, it is that user's. Raises Missing."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        raise Missing(HOW_TO_GET)
    root = os.getuid() == 0
    unshare = ["unshare", "--mount"] if root else ["unshare", "--mount", "--map-root-user"]
    with tempfile.TemporaryDirectory(prefix="attache-small-") as name:
        Path(name).chmod(0o755)
        options = f"size={size},mode=0755" + (f",uid={pwd.getpwnam(owner).pw_uid}" if owner else "")
        wait = f"exec setpriv --reuid {owner} --regid {owner} --clear-groups cat" if owner else "exec cat"
        script = f'mount -t tmpfs -o "$1" attache-small "$0" && echo mounted && {wait}'
        keeper = subprocess.Popen(
            [*unshare, "sh", "-c", script, name, options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        with keeper:
            assert keeper.stdout is not None
            assert keeper.stderr is not None
            try:
                if keeper.stdout.readline() != b"mounted\n":
                    raise Missing(f"{HOW_TO_GET} ({keeper.stderr.read().decode(errors='replace').strip()})")
                yield SmallDisk(Path(name), keeper.pid, () if root else ("--user", "--preserve-credentials"))
            finally:
                keeper.send_signal(signal.SIGKILL)


def integrity(database: Path) -> str:
    """Return what SQLite says of a database file nobody has open: "ok", or what is wrong with it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return "\n".join(row[0] for row in connection.execute("PRAGMA integrity_check"))


def copied(folder: Path, names: Sequence[str], to: Path) -> list[Path]:
    """Copy SQLite files (with their write-ahead logs) out of a small disk's `outside`."""
    to.mkdir(parents=True, exist_ok=True)
    for name in names:
        for found in folder.glob(name + "*"):
            shutil.copy(found, to / found.name)
    return [to / name for name in names]
