"""The migrated schema is the one the tables describe, on both databases, and it can be reached by many at once."""

import asyncio

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, MetaData, String, Table, insert, inspect, select, text

from shared.database.engine import BadDatabaseUrl, open_database, reading
from shared.database.migrate import (
    SchemaState,
    SchemaTooNew,
    Standing,
    alembic_config,
    ensure_schema,
    schema_state,
)
from shared.database.tables import METADATA
from shared.database.tables import fetcher as tables
from shared.eventlog import Unavailable


async def differences(engine, metadata=METADATA):
    """Compare tables with the database: what is there, its types, and whether it may be null or has a default."""
    options = {"compare_type": True, "compare_server_default": True}
    async with engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts=options), metadata)
        )


def kinds(found):
    """Name the differences: a change of columns comes as a list, of tables as a tuple."""
    return sorted(one[0][0] if isinstance(one, list) else one[0] for one in found)


async def alter(engine, *statements):
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def move(engine, revision):
    async with engine.begin() as connection:
        way = command.downgrade if revision != "head" else command.upgrade
        await connection.run_sync(lambda sync: way(alembic_config(sync), revision))


async def test_the_migrated_schema_is_the_one_the_tables_describe(engine):
    assert await differences(engine) == []


async def test_a_missing_column_table_or_index_would_be_noticed(engine):
    await alter(engine, "ALTER TABLE alert DROP COLUMN line", "DROP TABLE poll_attempt", "DROP INDEX ix_feed_due")
    found = kinds(await differences(engine))
    assert found == ["add_column", "add_index", "add_index", "add_table"]


async def test_another_type_or_nullability_would_be_noticed(engine):
    other = MetaData(naming_convention=METADATA.naming_convention)
    for table in METADATA.tables.values():
        table.to_metadata(other)
    other.remove(other.tables["host_gate"])
    Table("host_gate", other, *(
        Column(one.name, String(12) if one.name == "closed_until" else one.type, primary_key=one.primary_key,
               nullable=one.name == "reason" or one.nullable, comment=one.comment)
        if one.name != "leased_by" else Column(one.name, one.type, nullable=False, comment=one.comment)
        for one in tables.host_gate.columns
    ))  # fmt: skip
    assert kinds(await differences(engine, other)) == ["modify_nullable", "modify_type"]


async def test_each_revision_can_be_left_and_reached_again(engine):
    await move(engine, "base")
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["alembic_version"]
    await move(engine, "head")
    assert await differences(engine) == []


async def test_feeds_of_the_first_schema_get_their_hosts_and_gates_stay_closed(engine):
    await move(engine, "0001")
    at = "2026-03-04 12:00:00"
    columns = "url, name, kind, grade, origin, enabled, added_at, identity_policy, state, failures, next_poll_at, next_poll_reason, polls"
    for number, url in enumerate(("https://www.a.test/feed", "https://a.test/other", "http://b.test:8080/x")):
        values = f"'f{number}', '{url}', 'N', 'wire', 'B', 'added', true, '{at}', 'guid', 'new', 0, '{at}', 'never', 0"
        await alter(engine, f"INSERT INTO feed (id, {columns}) VALUES ({values})")  # noqa: S608 - our own words
    await alter(engine, "INSERT INTO host_gate VALUES ('b.test', '2026-03-05 12:00:00', 'rate-limited')")
    await ensure_schema(engine)
    async with engine.connect() as connection:
        feeds = (await connection.execute(select(tables.feed.c.host).order_by(tables.feed.c.id))).scalars().all()
        gates = (await connection.execute(select(tables.host_gate).order_by(tables.host_gate.c.host))).all()
    assert feeds == ["a.test", "a.test", "b.test"]
    assert [(gate.host, gate.reason) for gate in gates] == [("b.test", "rate-limited")]
    await alter(engine, "INSERT INTO host_gate (host) VALUES ('a.test')")
    await move(engine, "0001")
    async with engine.connect() as connection:
        left = (await connection.execute(text("SELECT host, reason FROM host_gate"))).all()
    assert [tuple(row) for row in left] == [("b.test", "rate-limited")]


async def test_how_the_schema_stands_is_told_without_changing_it(engine):
    assert await schema_state(engine) == SchemaState(Standing.CURRENT, "0002", "0002")
    await move(engine, "0001")
    assert await schema_state(engine) == SchemaState(Standing.BEHIND, "0001", "0002", ("0002",))
    assert await schema_state(engine) == SchemaState(Standing.BEHIND, "0001", "0002", ("0002",))
    await move(engine, "base")
    assert await schema_state(engine) == SchemaState(Standing.BEHIND, None, "0002", ("0001", "0002"))
    await ensure_schema(engine)
    await alter(engine, "UPDATE alembic_version SET version_num = '9999'")
    assert await schema_state(engine) == SchemaState(Standing.TOO_NEW, "9999", "0002")
    with pytest.raises(SchemaTooNew, match="9999"):
        await ensure_schema(engine)


async def test_five_that_start_at_once_on_an_empty_postgresql_all_find_the_schema(postgresql_url):
    async def start():
        async with open_database(postgresql_url) as engine:
            await ensure_schema(engine)
            return await schema_state(engine)

    assert await asyncio.gather(*(start() for _ in range(5))) == [SchemaState(Standing.CURRENT, "0002", "0002")] * 5


async def test_who_is_not_let_in_at_the_start_is_told_what_to_do(postgresql_server):
    for url, words in (
        (postgresql_server.url("nowhere"), '"nowhere" does not exist; make it with CREATE DATABASE'),
        (postgresql_server.url().replace("attache@", "nobody@"), 'role "nobody" does not exist; .*check the user'),
        (postgresql_server.url() + "?sslmode=require", "rejected SSL upgrade; check sslmode"),
    ):
        async with open_database(url) as engine:
            for ask in (ensure_schema, schema_state):
                with pytest.raises(BadDatabaseUrl, match=words):
                    await ask(engine)


async def test_a_server_that_is_not_there_yet_is_unavailable_not_a_mistake(unused_tcp_port):
    async with open_database(f"postgresql://attache@127.0.0.1:{unused_tcp_port}/attache") as engine:
        with pytest.raises(Unavailable, match="database: "):
            await ensure_schema(engine)


async def test_a_statement_prepared_before_a_migration_fails_once_as_passing_trouble(postgresql_database):
    async with open_database(postgresql_database) as engine:

        async def read():
            async with reading(engine, "hosts") as connection:
                return (await connection.execute(select(tables.host_gate))).all()

        async with engine.begin() as connection:
            await connection.execute(insert(tables.host_gate).values(host="a.test"))
        assert await read()
        async with open_database(postgresql_database) as other:
            await alter(other, "ALTER TABLE host_gate ALTER COLUMN reason TYPE varchar(50)")
        with pytest.raises(Unavailable, match="hosts: cached statement plan"):
            await read()
        assert await read()
