"""Running the services under faults: embedded in the test's own loop, and what is stored, waited for and read."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.embedded import Embedded, open_embedded
from shared.database.engine import reading
from shared.database.tables import METADATA
from shared.database.tables.store import article
from shared.eventlog import EventLog, Message, Record
from shared.events import Article, Event, Source, encode
from shared.process import run_until_stopped
from shared.settings import Settings
from tests.system.world import ROOT, Item, World, dyad_of

LOOK_SECONDS = 0.05
GRACE = timedelta(seconds=10)


@asynccontextmanager
async def running(env: Mapping[str, str], *, polling: bool = True) -> AsyncIterator[Embedded]:
    """Run all services in this loop for the block; one that falls over ends the test with its error."""
    stop = asyncio.Event()
    async with open_embedded(Settings.from_env(env), polling=polling) as attache, asyncio.TaskGroup() as group:
        group.create_task(run_until_stopped(*attache.services, grace=GRACE, stop=stop))
        try:
            yield attache
        finally:
            stop.set()


@asynccontextmanager
async def process(
    env: Mapping[str, str],
    *args: str,
    said: Path,
    through: Callable[..., Sequence[str]] = lambda *command: command,
    may_end: bool = False,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real `attache` with `args` for the block, then stop it as an operator does and expect it to agree.

    What it says is appended to the file `said`; `through` may put another command before it. Where it has ended by
    itself the test fails, unless it `may_end`.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    with said.open("ab") as out:
        started = await asyncio.create_subprocess_exec(
            *through(sys.executable, "-m", "services.cli", *args),
            cwd=ROOT, env={**kept, "PYTHONUNBUFFERED": "1", **env}, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield started
        if may_end and started.returncode is not None:
            return
        assert started.returncode is None, f"it stopped by itself:\n{said.read_text()[-3000:]}"
        started.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(started.wait(), 30) == 0, said.read_text()[-3000:]
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def until(condition: Callable[[], Awaitable[bool]], what: str, *, within: float) -> float:
    """Wait for a condition and return after how many seconds it held; fail with `what` after `within` seconds."""
    started = time.monotonic()
    while not await condition():
        assert time.monotonic() - started < within, f"not within {within} s: {what}"
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - started


async def rows(engine: AsyncEngine, query: Select[Any]) -> list[tuple[Any, ...]]:
    """Return what a query finds."""
    async with reading(engine, "test") as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def stored_titles(engine: AsyncEngine) -> list[str]:
    """Return the titles of all stored articles, each as often as it is stored."""
    return [title for (title,) in await rows(engine, select(article.c.title))]


async def stored(attache: Embedded, count: int) -> bool:
    """Tell whether so many articles are stored."""
    return len(await stored_titles(attache.engine)) >= count


async def all_told(world: World) -> bool:
    """Tell whether the webhook receiver heard of every item it should hear of."""
    return {dyad_of(payload) for _, payload in world.hooks} >= {item.dyad for item in world.items if item.dyad}


async def everything_stored(engine: AsyncEngine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of the store and the notifier, to be compared with later."""
    names = ("article", "claim", "development", "development_article", "alert", "alert_party", "delivery", "outbox")
    tables = [METADATA.tables[name] for name in names]
    return {table.name: await rows(engine, select(table).order_by(*table.primary_key)) for table in tables}


async def records_of(eventlog: EventLog, topic: str) -> list[Record]:
    """Return all records of a topic."""
    return [record async for record in eventlog.scan(topic)]


async def troubles_told(ops_url: str) -> dict[str, str]:
    """Return what /readyz says is not well: nothing while it says ready."""
    async with aiohttp.ClientSession() as session, session.get(f"{ops_url}/readyz") as answer:
        told: dict[str, str] = (await answer.json()).get("reasons", {})
        assert (answer.status == 503) == bool(told)
        return told


async def ready(attache: Embedded) -> bool:
    """Tell whether all is well."""
    return not await troubles_told(attache.ops_url)


async def not_ready(attache: Embedded) -> bool:
    """Tell whether something is not well, and readiness says so."""
    return bool(await troubles_told(attache.ops_url))


def article_of(item: Item, *, revision: int = 0, at: datetime | None = None) -> Message:
    """Write a numbered item as the event the fetcher would append."""
    moment = at or datetime.now(UTC)
    data = Article(
        id=f"art_{item.number}", revision=revision, source=Source(feed_id="test", name="Test", language="en"), url=None,
        title=item.title, content=item.text, language="en", published=moment, observed_at=moment,
    )  # fmt: skip
    return encode(
        Event(id=f"{data.id}-{revision}", source="test", subject=data.id, time=moment, data=data), key=data.id
    )
