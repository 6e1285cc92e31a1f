"""One owner per log: a lock that the operating system drops when the process ends, however it ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from shared.eventlog import BadLog, LogInUse

_held: set[Path] = set()


@contextlib.contextmanager
def own(path: Path) -> Iterator[None]:
    """Own `path` within the block; raises LogInUse naming the file and the owner's process, BadLog if it cannot.

    The lock is a POSIX record lock on `<path>.lock`, which holds the owner's process id. Record locks belong to a
    process and are not inherited, so a parser process that outlives its killed parent holds nothing (flock would).
    They do not keep two owners within one process apart; the set of held paths does.
    """
    lock = path.with_name(path.name + ".lock").resolve()
    if lock in _held:
        raise LogInUse(_in_use(path, str(os.getpid())))
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadLog(f"event log {path}: cannot make its lock {lock.name}: {error.strerror}") from error
    with os.fdopen(handle, "r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LogInUse(_in_use(path, file.read(20).strip())) from error
        _held.add(lock)
        try:
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
        finally:
            _held.discard(lock)


def owner(path: Path) -> str | None:
    """Return the process id of who owns `path`, "unknown" where it left none, or None while nobody does."""
    lock = path.with_name(path.name + ".lock").resolve()
    if lock in _held:  # to open and close the file would drop our own lock on it
        return str(os.getpid())
    try:
        file = lock.open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return file.read(20).strip() or "unknown"
        return None


def _in_use(path: Path, process: str) -> str:
    owner = f"process {process}" if process.isdigit() else "another process"
    return f"event log {path} is in use by {owner}; stop that one first, or set DATA_DIR to another folder"
