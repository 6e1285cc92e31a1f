"""The database: does it answer, may we write, whose clock is right, which tables does it hold."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from services.cli.doctor.finding import Finding, failure, skipped
from services.cli.doctor.judgement.clock import judge_database_clock
from services.cli.doctor.judgement.database import Server, judge_server
from services.cli.doctor.judgement.files import SqliteFile, judge_file
from services.cli.doctor.judgement.schema import judge_schema
from shared.clock import Clock
from shared.database.engine import BadDatabaseUrl, open_database, reading, writing
from shared.database.migrate import schema_state
from shared.database.tables import METADATA
from shared.eventlog import Unavailable
from shared.settings import Settings

SEEN = text(
    "SELECT current_setting('server_version_num')::int / 10000 AS version,"
    " split_part(current_setting('server_version'), ' ', 1) AS version_text,"
    " pg_encoding_to_char(encoding) AS encoding,"
    " pg_is_in_recovery() AS standby,"
    " current_setting('default_transaction_read_only')::bool AS read_only,"
    " has_schema_privilege(current_schema(), 'CREATE') AS may_create,"
    " current_setting('max_connections')::int AS max_connections,"
    " current_setting('superuser_reserved_connections')::int AS reserved,"
    " (SELECT count(*) FROM pg_stat_activity"
    "  WHERE backend_type = 'client backend' AND usename <> current_user) AS in_use"
    " FROM pg_database WHERE datname = current_database()"
)
DENIED = text(
    "SELECT relname FROM pg_class"
    " WHERE oid IN (SELECT to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS t(name))"
    " AND NOT has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY relname"
)
MAY_CREATE = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")
CLOCK = text("SELECT clock_timestamp()")


async def examine_database(settings: Settings) -> Sequence[Finding]:
    """Connect and look at what the server or file allows."""
    path = sqlite_path(settings)
    if path is not None:
        return judge_file(await _look_at_file(settings, path))
    try:
        async with _open(settings) as engine, reading(engine, "database") as connection:
            return judge_server(await _look_at_server(engine, connection))
    except (BadDatabaseUrl, Unavailable) as trouble:
        return [
            failure(
                str(trouble),
                "Start PostgreSQL, or correct DB_URL and DB_PASSWORD_FILE; `psql` with the same URL tells more.",
            )
        ]


async def _look_at_server(engine: AsyncEngine, connection: AsyncConnection) -> Server:
    row = (await connection.execute(SEEN)).one()
    denied = await connection.execute(DENIED, {"tables": [table.name for table in METADATA.sorted_tables]})
    return Server(**row._mapping, denied=tuple(denied.scalars()), pool=_pool(engine))  # noqa: SLF001 - SQLAlchemy's own name for a row as a mapping


def _pool(engine: AsyncEngine) -> int:
    pool = engine.pool
    return pool.size() + max(pool._max_overflow, 0) if isinstance(pool, QueuePool) else 1  # noqa: SLF001 - no public name


async def _look_at_file(settings: Settings, path: Path) -> SqliteFile:
    if not await asyncio.to_thread(path.exists):
        return SqliteFile("database", str(path))
    try:
        async with _open(settings) as engine, writing(engine, "database"):
            pass  # the transaction begins with the write lock
    except (BadDatabaseUrl, Unavailable) as trouble:
        return SqliteFile("database", str(path), trouble=str(trouble))
    return SqliteFile("database", str(path), size_bytes=(await asyncio.to_thread(path.stat)).st_size)


async def examine_schema(settings: Settings) -> Sequence[Finding]:
    """Compare the tables with those this version knows."""
    path = sqlite_path(settings)
    if path is not None and not await asyncio.to_thread(path.exists):
        return [skipped("there is no database file yet; `attache run` makes it with all tables")]
    try:
        async with _open(settings) as engine:
            state = await schema_state(engine)
            if engine.dialect.name != "postgresql":
                return [judge_schema(state)]
            async with reading(engine, "database") as connection:
                may_create = bool((await connection.execute(MAY_CREATE)).scalar_one())
    except (BadDatabaseUrl, Unavailable):
        return [skipped("the database cannot be used; see there")]
    return [judge_schema(state, may_create=may_create)]


async def examine_database_clock(settings: Settings, now: Clock) -> Sequence[Finding]:
    """Compare our clock with the database server's, halfway through asking."""
    if sqlite_path(settings) is not None:
        return []  # a file has no clock
    try:
        async with _open(settings) as engine, reading(engine, "database") as connection:
            await connection.execute(CLOCK)  # the first use of a connection takes longer
            before = now()
            there = (await connection.execute(CLOCK)).scalar_one()
            ahead = before + (now() - before) / 2 - there
    except (BadDatabaseUrl, Unavailable):
        return [skipped("the database cannot be asked for its time; see there")]
    return [judge_database_clock(ahead)]


def sqlite_path(settings: Settings) -> Path | None:
    """Return the database's file, or None where it is a server."""
    url = make_url(settings.db_url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with open_database(settings.db_url, password_file=settings.db_password_file) as engine:
        yield engine
