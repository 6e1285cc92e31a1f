"""Bringing the database to the schema this version of the code knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import BadDatabaseUrl, NotLetIn, reading, writing
from shared.eventlog import Unavailable

MIGRATION_LOCK = 0x617474616368  # any number all replicas share; PostgreSQL's advisory locks have one name space
UNUSABLE = ("unable to open database file", "attempt to write a readonly database", "file is not a database")
"""SQLite's words for a file that waiting does not mend."""


class SchemaTooNew(BadDatabaseUrl):
    """The database was migrated by a later version of Attaché; this one would misread it."""


class Standing(StrEnum):
    """How a database's schema stands to this version of the code."""

    BEHIND = "behind"
    CURRENT = "current"
    TOO_NEW = "too new"


@dataclass(frozen=True)
class SchemaState:
    """The revision a database has (None: no schema yet), the newest this code knows, and the ones still to apply."""

    standing: Standing
    found: str | None
    newest: str
    missing: tuple[str, ...] = ()


async def ensure_schema(engine: AsyncEngine) -> None:
    """Upgrade the database to the newest revision in the `migrations` package, all of it or nothing.

    Safe when several processes start at once: the first does the work, the others wait for it (SQLite's write
    lock, an advisory lock on PostgreSQL) and find nothing to do. Raises SchemaTooNew when the database is ahead
    of this code, BadDatabaseUrl when it cannot be opened, cannot be written, refuses the login or is no database,
    Unavailable when it cannot serve now.
    """
    async with _opening(engine), writing(engine, "database", within=None) as connection:
        await connection.run_sync(_upgrade)


async def schema_state(engine: AsyncEngine) -> SchemaState:
    """Tell how the database's schema stands to this code, changing nothing.

    Raises BadDatabaseUrl and Unavailable as `ensure_schema` does.
    """
    async with _opening(engine), reading(engine, "database") as connection:
        return await connection.run_sync(_state)


@asynccontextmanager
async def _opening(engine: AsyncEngine) -> AsyncIterator[None]:
    """Turn what a person must mend into BadDatabaseUrl: to wait, as for other trouble, would not end."""
    shown = engine.url.set(drivername=engine.url.get_backend_name()).render_as_string()
    try:
        yield
    except NotLetIn as error:
        raise BadDatabaseUrl(f"DB_URL {shown!r}: {error.words}") from error
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, DatabaseError) and any(words in str(cause.orig) for words in UNUSABLE):
            raise BadDatabaseUrl(f"DB_URL {shown!r}: {cause.orig}") from error
        raise
    except DatabaseError as error:  # what SQLite does not call operational
        if any(words in str(error.orig) for words in UNUSABLE):
            raise BadDatabaseUrl(f"DB_URL {shown!r}: {error.orig}") from error
        raise


def alembic_config(connection: Connection) -> Config:
    """Build Alembic's configuration for the packaged migrations, to run on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _state(connection: Connection) -> SchemaState:
    script = ScriptDirectory.from_config(alembic_config(connection))
    known = [one.revision for one in script.walk_revisions()]  # newest first
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        return SchemaState(Standing.BEHIND, None, known[0], tuple(reversed(known)))
    if found not in known:
        return SchemaState(Standing.TOO_NEW, found, known[0])
    missing = tuple(reversed(known[: known.index(found)]))
    return SchemaState(Standing.BEHIND if missing else Standing.CURRENT, found, known[0], missing)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # a migration, or the wait for another's, may last longer than any statement of the services
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    state = _state(connection)
    if state.standing is Standing.TOO_NEW:
        raise SchemaTooNew(
            f"the database {connection.engine.url.render_as_string()!r} has schema revision {state.found}, "
            f"which this version of Attaché does not know (newest known: {state.newest}): "
            "start the version that wrote it, or a later one"
        )
    if state.standing is Standing.BEHIND:
        command.upgrade(alembic_config(connection), "head")
