"""What only the SQLite log has: owners and visitors, its file, and the troubles of a disk."""

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.eventlog import BadLog, LogInUse, Message, Unavailable
from shared.eventlog import sqlite_file as sqlite_file_module
from shared.eventlog.open import open_log
from shared.eventlog.sqlite import open_sqlite_log
from shared.eventlog.sqlite_file import LogFile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = timedelta(seconds=10)
NOT_AT_ALL = timedelta(0)
HELLO = [Message("key", b"hello")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "folder" / "log.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


def open_impatient(path, *, owner=True):
    return open_sqlite_log(path, owner=owner, now=lambda: NOW, patience=timedelta(milliseconds=1))


async def values(log, topic="articles"):
    return [record.value async for record in log.scan(topic)]


async def test_a_second_owner_is_refused_and_told_who_has_the_file(url, path):
    async with open_log(url):
        with pytest.raises(LogInUse, match=rf"event log {path} is in use by process {os.getpid()}; .*DATA_DIR"):
            async with open_log(url):
                pass
    async with open_log(url):
        pass


def test_a_commit_never_moves_a_group_back(tmp_path):
    file = LogFile(tmp_path / "log.db")
    with closing(file):
        file.commit("articles", "group", 5)
        file.commit("articles", "group", 3)
        assert file.join("articles", "group") == 5


async def test_nothing_is_taken_into_a_file_that_was_removed_or_replaced(url, path):
    async with open_log(url) as log:
        await log.append("articles", HELLO)
        path.unlink()
        with pytest.raises(BadLog, match=rf"event log {path}: the file was removed or replaced"):
            await log.append("articles", HELLO)
        path.write_bytes(b"")
        with pytest.raises(BadLog, match="removed or replaced"):
            await log.append("articles", HELLO)


OWNER = """
import asyncio, sys
from shared.eventlog.open import open_log
async def main():
    async with open_log(sys.argv[1]):
        print("open", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_an_owner_in_another_process_is_named_and_its_death_frees_the_log(url):
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, url, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[4]
    )
    try:
        assert owner.stdout
        assert await owner.stdout.readline() == b"open\n"
        with pytest.raises(LogInUse, match=f"in use by process {owner.pid};"):
            async with open_log(url):
                pass
    finally:
        owner.kill()
        await owner.communicate()
    async with open_log(url) as log:
        await log.append("articles", HELLO)
        assert await values(log) == [b"hello"]


def test_a_lock_whose_owner_has_not_written_its_number_yet_is_still_a_lock(tmp_path):
    script = "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held'); sys.stdin.read()"

    async def main():
        holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(tmp_path / "log.db.lock"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert holder.stdout
        await holder.stdout.readline()
        try:
            with pytest.raises(LogInUse, match="in use by another process"):
                async with open_log(f"sqlite:///{tmp_path}/log.db"):
                    pass
        finally:
            await holder.communicate(b"")

    asyncio.run(main())


async def test_a_visitor_appends_and_scans_while_another_owns_the_log_and_its_reader_sees_it(url):
    async with open_log(url) as log, log.reader("articles", "group") as reader:
        waiting = asyncio.create_task(reader.read(10, SOON))
        async with open_log(url, owner=False) as visitor:
            await visitor.append("articles", HELLO)
            assert await values(visitor) == [b"hello"]
        assert [record.value for record in await waiting] == [b"hello"]


async def test_a_visitor_does_not_make_a_log(url, path):
    with pytest.raises(BadLog, match="no such file; `attache run` makes it"):
        async with open_log(url, owner=False):
            pass
    assert not path.parent.exists()


async def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path):
    path = tmp_path / "log.db"
    path.write_bytes(b"these are not the bytes of a database" * 100)
    before = path.read_bytes()
    with pytest.raises(BadLog, match=f"event log {path}: file is not a database"):
        async with open_log(f"sqlite:///{path}"):
            pass
    assert path.read_bytes() == before


async def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(BadLog, match="this SQLite file is something else's"):
        async with open_log(f"sqlite:///{path}"):
            pass


async def test_a_log_of_another_format_is_refused(url, path):
    async with open_log(url):
        pass
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 7")
    with pytest.raises(BadLog, match="has format 7, this version reads format 1"):
        async with open_log(url):
            pass


async def test_a_damaged_log_is_named_when_the_damage_is_met(url, path):
    async with open_log(url) as log:
        await log.append("articles", [Message("key", b"x" * 3000)] * 200)
    raw = bytearray(path.read_bytes())
    raw[8192:-4096] = b"\x7f" * (len(raw) - 8192 - 4096)
    path.write_bytes(raw)
    with pytest.raises(BadLog, match=rf"event log {path}: .*malformed"):
        async with open_log(url) as log:
            await values(log)


@pytest.mark.parametrize("where", ["file/log.db", "file/deeper/log.db"])
async def test_a_folder_that_cannot_be_is_named(tmp_path, where):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadLog, match=f"event log {tmp_path}/{where}: cannot make its folder: "):
        async with open_log(f"sqlite:///{tmp_path}/{where}"):
            pass


async def test_a_lock_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "log.db.lock").mkdir()
    with pytest.raises(BadLog, match=r"cannot make its lock log\.db\.lock: Is a directory"):
        async with open_log(f"sqlite:///{tmp_path}/log.db"):
            pass


async def test_a_path_that_is_a_folder_is_named(tmp_path):
    (tmp_path / "log.db").mkdir()
    with pytest.raises(BadLog, match=r"log\.db: unable to open database file"):
        async with open_log(f"sqlite:///{tmp_path}/log.db"):
            pass


async def test_the_write_of_another_process_is_waited_for_and_then_unavailable(path):
    async with open_impatient(path) as log:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match=rf"event log {path}: database is locked"):
                await log.append("articles", HELLO)
            async with log.reader("articles", "group") as reader:
                with pytest.raises(Unavailable):
                    await reader.read(1, NOT_AT_ALL)
            other.execute("ROLLBACK")
        await log.append("articles", HELLO)
        assert await values(log) == [b"hello"]


async def test_a_full_disk_is_unavailable_appends_nothing_and_passes(path):
    async with open_impatient(path) as log:
        await log.append("articles", HELLO)
        (pages,) = log._file._sql.execute("PRAGMA page_count").fetchone()
        await log.do(log._file._sql.execute, f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Unavailable, match="full"):
            await log.append("articles", [Message("key", b"small"), Message("key", b"x" * 100_000)])
        assert await values(log) == [b"hello"]
        await log.do(log._file._sql.execute, "PRAGMA max_page_count = 100000")
        await log.append("articles", HELLO)
        assert await values(log) == [b"hello", b"hello"]


async def test_a_disk_turned_read_only_is_unavailable_until_it_is_not(path):
    async with open_impatient(path) as log, log.reader("articles", "group") as reader:
        await log.append("articles", HELLO)
        assert await reader.read(1, NOT_AT_ALL)
        await log.do(log._file._sql.execute, "PRAGMA query_only = ON")
        with pytest.raises(Unavailable, match="readonly"):
            await log.append("articles", HELLO)
        with pytest.raises(Unavailable, match="readonly"):
            await reader.commit()
        await log.do(log._file._sql.execute, "PRAGMA query_only = OFF")
        await reader.commit()
        assert (await reader.lag()).records == 0


def test_a_mistake_in_our_own_sql_is_not_taken_for_a_trouble(tmp_path):
    file = LogFile(tmp_path / "log.db")
    try:
        file._sql.execute("DROP TABLE record")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            file.read("articles", 0, 1)
    finally:
        file.close()


def test_a_read_stops_where_memory_would_suffer(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_file_module, "READ_BYTES", 1000)
    file = LogFile(tmp_path / "log.db")
    try:
        file.append("articles", [Message("key", b"x" * 600)] * 5, NOW)
        assert [len(file.read("articles", start, 10)) for start in (0, 2, 4)] == [2, 2, 1]
    finally:
        file.close()


async def test_the_file_survives_power_cuts_by_its_settings(path):
    async with open_impatient(path) as log:
        assert log._file._sql.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert log._file._sql.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_relative_path_has_three_slashes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with open_log("sqlite:///data/log.db"):
        assert (tmp_path / "data" / "log.db").is_file()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///", "must be sqlite:///path, kafka://host:port or memory:"),
        ("sqlite://log.db", "must be sqlite:///path, kafka://host:port or memory:"),
        ("redis://x", "must be sqlite:///path, kafka://host:port or memory:"),
    ],
)
async def test_a_url_that_names_no_log_is_refused(url, reason):
    with pytest.raises(BadLog, match=f"LOG_URL '{url}': {reason}"):
        async with open_log(url):
            pass


async def test_memory_is_a_log_too():
    async with open_log("memory:", now=lambda: NOW) as log:
        await log.append("articles", HELLO)
        assert await values(log) == [b"hello"]


async def test_a_standby_that_loses_its_place_while_reading_returns_nothing_it_might_share(path):
    async with open_impatient(path) as log, log.reader("articles", "group") as first:
        await log.append("articles", HELLO)
        reading = asyncio.create_task(first.read(10, NOT_AT_ALL))
        await asyncio.sleep(0)
        async with log.reader("articles", "group"):
            assert list(await reading) == []
            assert [record.value for record in await first.read(10, NOT_AT_ALL)] == [b"hello"]
