import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.database.engine import (
    BUSY_TIMEOUT_MS,
    BadDatabaseUrl,
    async_url,
    infrastructure_errors,
    open_database,
    reading,
    writing,
)
from shared.database.tables import METADATA
from shared.database.types import UtcDateTime
from shared.eventlog import Unavailable
from shared.settings import Settings

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
moments = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


@pytest.fixture
async def engine(tmp_path):
    async with open_database(f"sqlite:///{tmp_path}/deep/attache.db") as opened:
        async with opened.begin() as connection:
            await connection.run_sync(moments.metadata.create_all)
        yield opened


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("sqlite:///data/a.db", "sqlite+aiosqlite:///data/a.db"),
        ("postgresql://me:pass@host/db", "postgresql+asyncpg://me:pass@host/db"),
    ],
)
def test_a_url_gets_the_async_driver(url, made):
    assert async_url(url) == made


@pytest.mark.parametrize("url", ["mysql://me:hidden@host/db", "nonsense", "postgresql://me:hidden@host:port/db"])
def test_a_url_that_cannot_be_used_is_named_without_its_password(url):
    with pytest.raises(BadDatabaseUrl, match="DB_URL") as caught:
        async_url(url)
    assert "hidden" not in str(caught.value)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadDatabaseUrl, match="cannot make its folder"):
        async with open_database(f"sqlite:///{tmp_path}/file/attache.db"):
            pass


async def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "attache.db").mkdir()
    with pytest.raises(BadDatabaseUrl, match=r"attache\.db': unable to open database file"):
        async with open_database(f"sqlite:///{tmp_path}/attache.db"):
            pass


async def test_sqlite_is_durable_checked_and_patient(engine):
    async with engine.connect() as connection:
        found = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": BUSY_TIMEOUT_MS}


def test_a_locked_database_is_told_before_the_grace_of_a_stop_is_over():
    assert timedelta(milliseconds=BUSY_TIMEOUT_MS) < Settings().grace < timedelta(seconds=10)


async def test_a_transaction_holds_the_write_lock_from_its_beginning(engine):
    async with engine.begin() as connection:
        await connection.execute(select(moments))
        with (
            closing(sqlite3.connect(engine.url.database, timeout=0, isolation_level=None)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")


async def test_two_transactions_that_read_and_then_write_both_succeed(engine):
    async def one(number):
        async with engine.begin() as connection:
            await connection.execute(select(moments))
            await asyncio.sleep(0)
            await connection.execute(insert(moments).values(id=number, at=MOMENT))

    await asyncio.gather(*(one(number) for number in range(5)))
    async with reading(engine, "test") as connection:
        assert len((await connection.execute(select(moments))).all()) == 5


async def test_reading_neither_waits_for_a_writer_nor_sees_what_is_not_committed(engine):
    async with engine.begin() as writer:
        await writer.execute(insert(moments).values(id=1, at=MOMENT))
        async with reading(engine, "test") as connection:
            assert (await connection.execute(select(moments))).all() == []


async def test_a_moment_comes_back_as_it_was_in_utc(engine):
    offset = timezone(timedelta(hours=7))
    async with engine.begin() as connection:
        await connection.execute(
            insert(moments),
            [{"id": 1, "at": MOMENT}, {"id": 2, "at": MOMENT.astimezone(offset)}, {"id": 3, "at": None}],
        )
    async with engine.connect() as connection:
        found = (await connection.execute(select(moments.c.at).order_by(moments.c.id))).scalars().all()
    assert found == [MOMENT, MOMENT, None]
    assert [at.tzinfo for at in found if at] == [UTC, UTC]


async def test_a_naive_moment_is_refused(engine):
    async with engine.begin() as connection:
        with pytest.raises(StatementError, match="naive datetime 2026-03-01T12:30:15"):
            await connection.execute(insert(moments).values(id=1, at=MOMENT.replace(tzinfo=None)))


def test_postgresql_is_given_and_gives_aware_moments():
    column, dialect = UtcDateTime(), postgresql.dialect()
    local = MOMENT.astimezone(timezone(timedelta(hours=7)))
    assert column.process_bind_param(local, dialect) == MOMENT
    result = column.process_result_value(local, dialect)
    assert result == MOMENT
    assert result is not None
    assert result.tzinfo is UTC


async def write_at_once(engine):
    async with infrastructure_errors("store"), engine.connect() as connection:
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute("PRAGMA busy_timeout = 0")
        await connection.execute(insert(moments).values(id=1, at=MOMENT))


async def test_a_locked_database_is_unavailable(engine):
    with closing(sqlite3.connect(engine.url.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="store: database is locked"):
            await write_at_once(engine)


async def test_a_mistake_in_our_sql_is_no_trouble_of_the_database(engine):
    with pytest.raises(OperationalError, match="no such table"):
        async with infrastructure_errors("store"), engine.connect() as connection:
            await connection.execute(text("SELECT * FROM nowhere"))


async def test_a_broken_constraint_is_no_trouble_of_the_database(engine):
    with pytest.raises(IntegrityError):
        async with infrastructure_errors("store"), engine.begin() as connection:
            await connection.execute(insert(moments), [{"id": 1, "at": None}, {"id": 1, "at": None}])


@pytest.mark.parametrize(
    "trouble",
    [PoolTimeout("pool exhausted"), DBAPIError("SELECT 1", None, Exception("gone"), connection_invalidated=True)],
)
async def test_a_lost_connection_and_an_exhausted_pool_are_unavailable(trouble):
    with pytest.raises(Unavailable, match="store: "):
        async with infrastructure_errors("store"):
            raise trouble


def test_every_table_names_its_constraints():
    for table in METADATA.tables.values():
        for constraint in table.constraints:
            assert constraint.name, f"{table.name} has a constraint without a name"


async def test_writers_to_sqlite_take_turns_in_the_order_they_came(tmp_path):
    done: list[int] = []
    async with open_database(f"sqlite:///{tmp_path}/a.db") as engine:

        async def write(number: int) -> None:
            async with writing(engine, "test") as connection:
                await connection.execute(text("SELECT 1"))
                await asyncio.sleep(0.001)
                done.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(write(number))
    assert done == list(range(40))


async def test_what_is_written_is_there_after_the_block_and_not_after_a_failure(tmp_path):
    async with open_database(f"sqlite:///{tmp_path}/a.db") as engine:
        async with writing(engine, "test") as connection:
            await connection.execute(text("CREATE TABLE t (x INTEGER)"))

        async def fail() -> None:
            async with writing(engine, "test") as connection:
                await connection.execute(text("INSERT INTO t VALUES (1)"))
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        async with reading(engine, "test") as connection:
            assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == 0
