"""Bringing the database to the schema this version of the code knows."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import BadDatabaseUrl, infrastructure_errors

MIGRATION_LOCK = 0x617474616368  # any number all replicas share; PostgreSQL's advisory locks have one name space
UNUSABLE = ("unable to open database file", "attempt to write a readonly database", "file is not a database")
"""SQLite's words for a file that waiting does not mend."""


class SchemaTooNew(BadDatabaseUrl):
    """The database was migrated by a later version of Attaché; this one would misread it."""


async def ensure_schema(engine: AsyncEngine) -> None:
    """Upgrade the database to the newest revision in the `migrations` package, all of it or nothing.

    Safe when several processes start at once: the first does the work, the others wait for it (SQLite's write
    lock, an advisory lock on PostgreSQL) and find nothing to do. Raises SchemaTooNew when the database is ahead
    of this code, BadDatabaseUrl when its file cannot be opened, cannot be written or is no database, Unavailable
    when the database cannot serve now.
    """
    async with infrastructure_errors("database"):
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_upgrade)
        except DatabaseError as error:
            if any(words in str(error.orig) for words in UNUSABLE):
                raise BadDatabaseUrl(f"DB_URL {engine.url.render_as_string()!r}: {error.orig}") from error
            raise


def alembic_config(connection: Connection) -> Config:
    """Build Alembic's configuration for the packaged migrations, to run on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found - known:
        raise SchemaTooNew(
            f"the database {connection.engine.url.render_as_string()!r} has schema revision "
            f"{', '.join(sorted(found - known))}, which this version of Attaché does not know "
            f"(newest known: {max(known)}): start the version that wrote it, or a later one"
        )
    command.upgrade(config, "head")
