import asyncio
import logging
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import insert, inspect, make_url, select, text
from sqlalchemy.schema import CreateTable

from shared.database.engine import BadDatabaseUrl, open_database
from shared.database.migrate import SchemaTooNew, alembic_config, ensure_schema
from shared.database.tables import METADATA
from shared.database.tables.store import outbox


@pytest.fixture
async def engine(tmp_path):
    async with open_database(f"sqlite:///{tmp_path}/a.db") as engine:
        yield engine


async def test_downgrade_takes_away_every_table(engine):
    await ensure_schema(engine)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "base"))
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["alembic_version"]
    await ensure_schema(engine)
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(METADATA.tables) < set(tables)


async def test_upgrading_twice_keeps_the_data(engine):
    await ensure_schema(engine)
    async with engine.begin() as connection:
        await connection.execute(
            insert(outbox).values(topic="t", key="k", value=b"v", headers="[]", created_at=datetime.now(UTC))
        )
    await ensure_schema(engine)
    async with engine.connect() as connection:
        assert (await connection.execute(select(outbox.c.key))).scalars().all() == ["k"]


async def test_processes_starting_at_once_all_find_the_schema(tmp_path):
    async def start(url: str) -> list[str]:
        async with open_database(url) as engine:
            await ensure_schema(engine)
            async with engine.connect() as connection:
                found = await connection.execute(text("SELECT version_num FROM alembic_version"))
                return list(found.scalars())

    for number in range(10):  # they meet while a new file becomes a write-ahead log only now and then
        url = f"sqlite:///{tmp_path}/{number}.db"
        assert await asyncio.gather(*(start(url) for _ in range(4))) == [["0002"]] * 4


async def test_a_database_of_a_later_version_is_refused_and_left_alone(engine):
    await ensure_schema(engine)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match=r"a\.db.* revision 9999.*newest known: 0002"):
        await ensure_schema(engine)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "9999"


async def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "a.db").write_text("dear diary, " * 200)
    with pytest.raises(BadDatabaseUrl, match=r"a\.db.*file is not a database"):
        async with open_database(f"sqlite:///{tmp_path}/a.db"):
            pass


async def test_a_failed_upgrade_leaves_nothing_behind(engine):
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE outbox (x INTEGER)"))  # in the way of the first revision
    with pytest.raises(Exception, match="outbox already exists"):
        await ensure_schema(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["outbox"]


async def test_migrating_says_nothing_below_warnings(engine, caplog):
    caplog.set_level(logging.WARNING)
    await ensure_schema(engine)
    assert caplog.records == []


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_written_for_postgresql(table):
    dialect = make_url("postgresql://").get_dialect()()
    assert str(CreateTable(table).compile(dialect=dialect)).strip().startswith("CREATE TABLE")
