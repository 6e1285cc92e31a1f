"""Opening log and database as the settings say, in one way for every command."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import open_database
from shared.database.migrate import SchemaTooNew, Standing, ensure_schema, schema_state
from shared.eventlog import EventLog, Unavailable
from shared.eventlog.open import open_log
from shared.metrics import Metrics
from shared.settings import Settings


def log_of(
    settings: Settings, *, owner: bool = True, metrics: Metrics | None = None
) -> AbstractAsyncContextManager[EventLog]:
    """Open the log of the settings; see shared.eventlog.open. Visitors belong to no group, so they need no name."""
    replica = settings.replica_name if owner else ""
    return open_log(settings.log_url, owner=owner, kafka=settings.kafka, replica=replica, metrics=metrics)


def database_of(settings: Settings) -> AbstractAsyncContextManager[AsyncEngine]:
    """Open the database of the settings, whatever its schema."""
    return open_database(settings.db_url, password_file=settings.db_password_file)


@asynccontextmanager
async def current_database(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """Open the database if it has the schema this code knows: a SQLite file is given it, a server must have it.

    A server's database belongs to several processes, perhaps of several versions, so only `attache migrate` and
    `attache run` change it. Raises Unavailable while it is behind, SchemaTooNew when it is ahead.
    """
    async with database_of(settings) as engine:
        if engine.dialect.name == "sqlite":
            await ensure_schema(engine)
        else:
            await _require_schema(engine)
        yield engine


async def _require_schema(engine: AsyncEngine) -> None:
    state = await schema_state(engine)
    shown = engine.url.render_as_string()
    if state.standing is Standing.BEHIND:
        has = f"schema {state.found}" if state.found else "no schema yet"
        raise Unavailable(f"the database {shown!r} has {has}, this version needs {state.newest}: run `attache migrate`")
    if state.standing is Standing.TOO_NEW:
        raise SchemaTooNew(
            f"the database {shown!r} has schema {state.found}, which this version does not know "
            f"(newest known: {state.newest}): start the version that wrote it, or a later one"
        )
