"""Checking API keys against their table, and remembering when each was last used."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.apikeys import ApiKey, parse, verify
from shared.database.engine import reading, writing
from shared.database.tables.web import api_key

REMEMBER_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is; a write per request would be more than it is worth."""


async def is_valid(engine: AsyncEngine, text: str, *, now: datetime) -> bool:
    """Tell whether `text` is a key made here and not revoked; which part of it is wrong is not told."""
    key = parse(text)
    if key is None:
        return False
    query = select(api_key.c.secret_sha256, api_key.c.last_used_at).where(
        api_key.c.id == key.id, api_key.c.revoked_at.is_(None)
    )
    async with reading(engine, "checking an API key") as connection:
        row = (await connection.execute(query)).one_or_none()
    if not verify(key, row.secret_sha256 if row else None) or row is None:
        return False
    if row.last_used_at is None or now - row.last_used_at >= REMEMBER_EVERY:
        await _remember_use(engine, key, now)
    return True


async def _remember_use(engine: AsyncEngine, key: ApiKey, now: datetime) -> None:
    async with writing(engine, "noting the use of an API key") as connection:
        await connection.execute(update(api_key).where(api_key.c.id == key.id).values(last_used_at=now))
