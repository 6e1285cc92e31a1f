"""`attache keys`: keys for the parts of the API that change something."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.opening import current_database
from shared.apikeys import RANDOM_BYTES, generate
from shared.clock import utc_now
from shared.database.engine import reading, writing
from shared.database.tables.web import api_key
from shared.settings import Settings

NAME_CHARS = 120


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.argument("name")
def create(name: str) -> None:
    """Create a key for NAME and print it; it is stored only as a digest and never shown again."""
    if not name.strip() or len(name) > NAME_CHARS or not name.isprintable():
        raise click.BadParameter(f"must be 1 to {NAME_CHARS} printable characters", param_hint="NAME")
    key = generate(secrets.token_bytes(RANDOM_BYTES))

    async def work(engine: AsyncEngine) -> None:
        row = {"id": key.id, "name": name.strip(), "secret_sha256": key.digest, "created_at": utc_now()}
        async with writing(engine, "api keys") as connection:
            await connection.execute(insert(api_key).values(row))

    _run(work)
    click.echo(key.text)
    click.echo("Keep it: it is shown this once. Send it as `Authorization: Bearer …`.", err=True)


@keys.command("list")
def list_() -> None:
    """Show all keys, without their secrets."""

    async def work(engine: AsyncEngine) -> None:
        async with reading(engine, "api keys") as connection:
            rows = (await connection.execute(select(api_key).order_by(api_key.c.created_at, api_key.c.id))).all()
        if not rows:
            click.echo("No keys yet. Make one with `attache keys create NAME`.")
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("id", "name", "created", "last used", "state"):
            table.add_column(title)
        for row in rows:
            used = f"{row.last_used_at:%Y-%m-%d %H:%M}Z" if row.last_used_at else "never"
            state = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}Z" if row.revoked_at else "valid"
            table.add_row(row.id, escape(row.name), f"{row.created_at:%Y-%m-%d %H:%M}Z", used, state)
        Console().print(table)

    _run(work)


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke the key with this ID, from the next request on."""

    async def work(engine: AsyncEngine) -> None:
        async with writing(engine, "api keys") as connection:
            query = select(api_key.c.revoked_at).where(api_key.c.id == key_id).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise click.ClickException(f"no key has the id {key_id!r}; see `attache keys list`")
            if row.revoked_at is None:
                await connection.execute(update(api_key).where(api_key.c.id == key_id).values(revoked_at=utc_now()))

    _run(work)
    click.echo(f"revoked {key_id}")


def _run(work: Callable[[AsyncEngine], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with current_database(Settings.from_env(os.environ)) as engine:
            await work(engine)

    asyncio.run(main())
