"""Opening the database: one URL, the right driver, and the pragmas without which SQLite would lose or block.

`sqlite:///path` and `postgresql://…` as people write them; the async driver is our business.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.eventlog import Unavailable
from shared.failures import Refused
from shared.settings import without_password

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
BUSY_TIMEOUT_MS = 5_000
"""How long another's write is waited for before Unavailable; shorter than the grace, so that a stop need not wait."""
SWITCHES, SWITCH_AGAIN = 50, timedelta(milliseconds=20)
READS_ONLY = "attache_reads_only"
"""The execution option that `reading` sets: the transaction takes no write lock."""


class BadDatabaseUrl(Refused):
    """The database URL cannot be understood or used; the message says which part and why."""


def async_url(url: str) -> str:
    """Return the URL with the async driver we use; raises BadDatabaseUrl for an unknown scheme."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise BadDatabaseUrl(f"DB_URL {without_password(url)!r}: {error}") from error
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise BadDatabaseUrl(f"DB_URL {without_password(url)!r}: scheme must be one of {', '.join(DRIVERS)}")
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[AsyncEngine]:
    """Open the engine for `url` and dispose of it at the end. Creates the folder of a SQLite file.

    Raises BadDatabaseUrl for a URL that names no database, and for a SQLite file that cannot be opened.

    SQLite: write-ahead log, `synchronous=FULL` (what was stored survives a power cut), foreign keys on, and
    every transaction begins IMMEDIATE, because a read that turns into a write fails with BUSY whatever the timeout.
    """
    target = async_url(url)
    parsed = make_url(target)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(_make_ready, parsed.database)
        except OSError as error:
            raise BadDatabaseUrl(f"DB_URL {url!r}: cannot make its folder: {error}") from error
        except sqlite3.Error as error:
            raise BadDatabaseUrl(f"DB_URL {url!r}: {error}") from error
    engine = create_async_engine(target)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    try:
        yield engine
    finally:
        await engine.dispose()


def _make_ready(file: str) -> None:
    """Open the file and switch it to a write-ahead log before aiosqlite does, whose thread outlives a failed opening.

    Two that switch a new file at once are told BUSY whatever the timeout, since waiting for each other would not end.
    """
    with closing(sqlite3.connect(file)) as connection:
        for _ in range(SWITCHES):
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(SWITCH_AGAIN.total_seconds())
            else:
                return


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    reads = connection.get_execution_options().get(READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@asynccontextmanager
async def reading(engine: AsyncEngine, what: str) -> AsyncIterator[AsyncConnection]:
    """Open a connection for reads alone. On SQLite it takes no lock, so it neither waits for a writer nor holds one up.

    Raises Unavailable, beginning with `what`, when the database cannot be reached.
    """
    async with infrastructure_errors(what), engine.connect() as connection:
        yield await connection.execution_options(**{READS_ONLY: True})


@asynccontextmanager
async def infrastructure_errors(what: str) -> AsyncIterator[None]:
    """Turn the database's own troubles (locked, unreachable, disk full) into Unavailable; the rest passes as it is.

    SQLite calls a mistake in the SQL (no such table) operational too; that is ours, and waiting would not mend it.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(f"{what}: {error}") from error
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise
        raise Unavailable(f"{what}: {error.orig}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(f"{what}: {error.orig}") from error
        raise
