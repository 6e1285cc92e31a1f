"""`attache migrate`: bring the database to the newest schema, before services of a new version start."""

import asyncio
import os

import click

from services.cli.opening import database_of
from shared.database.migrate import SchemaState, Standing, ensure_schema, schema_state
from shared.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when the database is behind.")
def migrate(check: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Bring the database of DB_URL to the schema this version needs, all of it or nothing, and say from where to where.

    Safe to run at any time and by several at once: the first does the work, the others find it done.
    """
    settings = Settings.from_env(os.environ)
    before = asyncio.run(_state(settings) if check else _migrate(settings))
    if before.standing is Standing.BEHIND:
        done = "must go" if check else "went"
        click.echo(f"The schema {done} from {before.found or 'nothing'} to {before.newest}.")
    else:
        click.echo(f"The schema is {before.found}; " + ("the newest." if before.found == before.newest else "too new."))
    raise SystemExit(1 if check and before.standing is not Standing.CURRENT else 0)


async def _state(settings: Settings) -> SchemaState:
    async with database_of(settings) as engine:
        return await schema_state(engine)


async def _migrate(settings: Settings) -> SchemaState:
    """Return what was there before. Raises SchemaTooNew."""
    async with database_of(settings) as engine:
        before = await schema_state(engine)
        await ensure_schema(engine)
    return before
