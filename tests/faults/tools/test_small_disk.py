"""The small disk itself: it is as small as it says, is seen only from inside, and gives space back."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.faults.tools.small_disk import SmallDisk, open_small_disk
from tests.servers import Missing

MEGABYTE = 1 << 20


def _absent(why: Missing) -> NoReturn:
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(why))


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    try:
        with open_small_disk(4 * MEGABYTE) as disk:
            yield disk
    except Missing as why:
        _absent(why)


def test_what_is_written_inside_is_seen_through_outside_and_nowhere_else(disk: SmallDisk):
    disk.python("import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('here')", str(disk.folder / "file"))
    assert (disk.outside / "file").read_text() == "here"
    assert not (disk.folder / "file").exists()


def test_a_full_disk_refuses_the_next_byte_and_takes_it_once_relieved(disk: SmallDisk):
    disk.fill()
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        (disk.outside / "one-more").write_bytes(b"x")
    disk.relieve()
    (disk.outside / "one-more").write_bytes(b"x" * MEGABYTE)


def test_filling_leaves_what_it_was_told_to_leave(disk: SmallDisk):
    disk.fill(leave=MEGABYTE)
    assert 0 < disk.free <= MEGABYTE


def test_a_command_inside_runs_where_it_was_told_to(disk: SmallDisk, tmp_path: Path):
    ran = subprocess.run(disk.inside("pwd", cwd=tmp_path), check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == str(tmp_path)


def test_it_is_gone_after_its_block():
    try:
        with open_small_disk(MEGABYTE) as disk:
            folder, keeper = disk.folder, disk.keeper
    except Missing as why:
        _absent(why)
    assert not folder.exists()
    assert not Path(f"/proc/{keeper}").exists()
