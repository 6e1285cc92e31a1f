"""Opening the database: one URL, the right driver, and the settings without which either database would lose or block.

`sqlite:///path` and `postgresql://…` as people write them; the async driver is our business.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.database.postgresql import BadDatabaseUrl, open_postgresql, shown_url
from shared.database.troubles import Kind, advice, kind_of
from shared.eventlog import Unavailable
from shared.settings import without_password

__all__ = ["BadDatabaseUrl", "NotLetIn", "infrastructure_errors", "open_database", "reading", "writing"]

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
BUSY_TIMEOUT_MS = 5_000
"""How long another's write is waited for before Unavailable; shorter than the grace, so that a stop need not wait."""
WORK_LIMIT = timedelta(seconds=30)
"""How long one piece of work with the database may take; longer means that nobody answers at the other end."""
DISPOSE_WITHIN = timedelta(seconds=3)
SWITCHES, SWITCH_AGAIN = 50, timedelta(milliseconds=20)
READS_ONLY = "attache_reads_only"
"""The execution option that `reading` sets: the transaction takes no write lock."""


_turns: WeakKeyDictionary[AsyncEngine, asyncio.Lock] = WeakKeyDictionary()


class NotLetIn(Unavailable):
    """The database server refuses us (password, user, name, certificate); `words` say how, and what to do."""

    def __init__(self, what: str, words: str) -> None:
        super().__init__(f"{what}: {words}")
        self.words = words


def async_url(url: str) -> str:
    """Return the URL with the async driver we use; raises BadDatabaseUrl for an unknown scheme."""
    return _parsed(url).render_as_string(hide_password=False)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(shown_url(url))
    except (ArgumentError, ValueError) as error:
        raise BadDatabaseUrl(f"DB_URL {without_password(url)!r}: {error}") from error
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise BadDatabaseUrl(f"DB_URL {without_password(url)!r}: scheme must be one of {', '.join(DRIVERS)}")
    return parsed.set(drivername=driver)


@asynccontextmanager
async def open_database(url: str, *, password_file: Path | None = None) -> AsyncIterator[AsyncEngine]:
    """Open the engine for `url` and dispose of it at the end. Creates the folder of a SQLite file.

    PostgreSQL's password is in the URL or in `password_file`, which is read at each connection, so that it can be
    changed without a restart; nothing connects before the first use. Raises BadDatabaseUrl for a URL that names no
    database or says what we do not know, for a password file without a password, and for a SQLite file that cannot
    be opened.

    SQLite: write-ahead log, `synchronous=FULL` (what was stored survives a power cut), foreign keys on, and
    every transaction begins IMMEDIATE, because a read that turns into a write fails with BUSY whatever the timeout.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        engine = open_postgresql(url, parsed, password_file)
    else:
        if parsed.database and parsed.database != ":memory:":
            try:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(_make_ready, parsed.database)
            except OSError as error:
                raise BadDatabaseUrl(f"DB_URL {url!r}: cannot make its folder: {error}") from error
            except sqlite3.Error as error:
                raise BadDatabaseUrl(f"DB_URL {url!r}: {error}") from error
        engine = create_async_engine(parsed)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    try:
        yield engine
    finally:
        try:
            async with asyncio.timeout(DISPOSE_WITHIN.total_seconds()):
                await engine.dispose()
        except (TimeoutError, OSError):
            pass  # nobody answers the farewell; the sockets end with the process


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
async def writing(
    engine: AsyncEngine, what: str, *, within: timedelta | None = WORK_LIMIT
) -> AsyncIterator[AsyncConnection]:
    """Begin a transaction that commits at the end of the block or leaves nothing behind.

    On SQLite those of this process take turns as they come: SQLite lets waiting writers try again at random, where one
    of many can starve until its patience is over. Raises as `infrastructure_errors` does.
    """
    async with infrastructure_errors(what, within=within), _turn(engine), engine.begin() as connection:
        yield connection


def _turn(engine: AsyncEngine) -> AbstractAsyncContextManager[object]:
    if engine.dialect.name != "sqlite":
        return nullcontext()
    return _turns.setdefault(engine, asyncio.Lock())


@asynccontextmanager
async def infrastructure_errors(what: str, *, within: timedelta | None = WORK_LIMIT) -> AsyncIterator[None]:
    """Turn the database's own troubles (locked, unreachable, disk full) into Unavailable; the rest passes as it is.

    A server that stops answering without closing its connections is such a trouble too: after `within` (None: ever)
    the work is abandoned and its connection with it. Raises NotLetIn where a person must mend it first.
    """
    try:
        async with asyncio.timeout(within.total_seconds() if within is not None else None) as limit:
            yield
    except Exception as error:
        kind = kind_of(error)
        if kind is Kind.OURS:
            raise
        if limit.expired():
            raise Unavailable(f"{what}: no answer within {within}") from error
        words = _words(error)
        if kind is Kind.LOGIN:
            raise NotLetIn(what, f"{words}; {advice(error)}") from error
        raise Unavailable(f"{what}: {words}") from error


def _words(error: Exception) -> str:
    told = str(getattr(error, "orig", None) or error) or type(error).__name__
    return told.splitlines()[0].removeprefix("<class 'asyncpg.exceptions.").replace("'>: ", ": ", 1)
