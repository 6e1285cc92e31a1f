"""Whether there is room where the data are, and we may write there."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.doctor.finding import Finding, failure, ok, warning

LOW_BYTES = 1_000_000_000
LOW_SHARE = 0.05
FULL_BYTES = 50_000_000


@dataclass(frozen=True)
class Disk:
    """The file system of a folder, which is `folder` or, where that is missing, the nearest parent that exists.

    `total_inodes` is 0 on file systems that do not count them. `trouble` says why nothing can be written, if so.
    """

    folder: str
    exists: bool
    free_bytes: int
    total_bytes: int
    free_inodes: int
    total_inodes: int
    trouble: str | None = None


def judge_disk(seen: Disk) -> Sequence[Finding]:
    """Judge room and rights."""
    room = f"{seen.folder}: {size(seen.free_bytes)} free of {size(seen.total_bytes)}"
    if seen.trouble:
        return [
            failure(f"{seen.folder}: {seen.trouble}", "Let this user write there, or set DATA_DIR to another folder.")
        ]
    if seen.free_bytes < FULL_BYTES:
        return [failure(room, "Make room or set DATA_DIR to another disk; log and database stop where it is full.")]
    found: list[Finding] = []
    if seen.free_bytes < LOW_BYTES or seen.free_bytes < LOW_SHARE * seen.total_bytes:
        found.append(warning(room, "Make room or set DATA_DIR to another disk before log and database fill it."))
    if seen.total_inodes and seen.free_inodes < LOW_SHARE * seen.total_inodes:
        found.append(
            warning(
                f"{seen.folder}: {seen.free_inodes:,} of {seen.total_inodes:,} inodes free",
                "Remove small files from this file system; without inodes no new file can be made.",
            )
        )
    return found or [ok(room if seen.exists else f"{room}; the folder itself is made at the first run")]


def size(count: int) -> str:
    """Write a number of bytes as people do."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - SI
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
