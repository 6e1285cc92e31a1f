"""Our stages on a real Kafka and PostgreSQL, each alone in this process. Each returns the seconds it took.

The input lies on the log before; the clock runs from joining the group to the last record handled (and, for the
store, the last alert relayed).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.store.service import open_store
from services.tagger.decide import Tagging
from services.tagger.service import _tagged, open_tagger
from shared import outbox
from shared.clock import utc_now
from shared.consume import Batch, Stage, consume
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.eventlog import EventLog, Message
from shared.eventlog.open import open_log
from shared.events import Article, Decision, encode
from shared.metrics import Metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ARTICLES, TAGGED_ARTICLES

APPENDED = 2000
LOOK_EVERY = 0.005


async def fill(log: EventLog, topic: str, messages: Sequence[Message]) -> None:
    """Append in pieces that the producer takes within its time."""
    for start in range(0, len(messages), APPENDED):
        await log.append(topic, messages[start : start + APPENDED])


async def hop_without_tagging(settings: Settings, articles: Sequence[Message], tagging: Tagging) -> float:
    """Decode, wrap every article with the same claims, encode, append, commit: all of the tagger but its work."""
    async with _log(settings) as (log, metrics):
        await fill(log, ARTICLES.name, articles)
        await log.partitions(TAGGED_ARTICLES.name)

        async def pass_on(batch: Batch) -> None:
            messages = [encode(_tagged(event, tagging, "bench"), key=event.data.id) for event in batch]
            await log.append(TAGGED_ARTICLES.name, messages)

        stage = Stage(name="bench", topic=ARTICLES, group="bench", expects=(Article,), handle=pass_on)

        async def run(stop: asyncio.Event) -> None:
            await consume(log, stage, stop=stop, metrics=metrics, now=utc_now)

        return await _timed(run, metrics, "bench", len(articles))


async def tagger(settings: Settings, articles: Sequence[Message]) -> float:
    """Run the tagger service."""
    async with _log(settings) as (log, metrics):
        await fill(log, ARTICLES.name, articles)
        await log.partitions(TAGGED_ARTICLES.name)
        async with open_tagger(settings, eventlog=log, metrics=metrics, health=Health()) as run:
            return await _timed(run, metrics, "tagger", len(articles))


async def store(settings: Settings, tagged: Sequence[Message]) -> float:
    """Run the store service, outbox included."""
    async with _log(settings) as (log, metrics), open_database(settings.db_url) as engine:
        await ensure_schema(engine)
        await fill(log, TAGGED_ARTICLES.name, tagged)

        async def relayed() -> bool:
            return await outbox.pending(engine) == 0

        opened = open_store(settings, eventlog=log, engine=engine, metrics=metrics, health=Health())
        async with opened as run:
            return await _timed(run, metrics, "store", len(tagged), then=relayed)


def nothing_found() -> Tagging:
    """Return what the tagger says of an article that is no news to us."""
    return Tagging((), Decision(alert=False, score=0.0, reasons=("bench",)))


@asynccontextmanager
async def _log(settings: Settings) -> AsyncIterator[tuple[EventLog, Metrics]]:
    metrics = Metrics(CollectorRegistry())
    async with open_log(settings.log_url, kafka=settings.kafka, metrics=metrics) as log:
        yield log, metrics


async def _timed(
    run: Service, metrics: Metrics, stage: str, count: int, *, then: Callable[[], Awaitable[bool]] | None = None
) -> float:
    stop = asyncio.Event()
    started = time.perf_counter()
    running = asyncio.ensure_future(run(stop))
    labels = {"stage": stage, "outcome": "handled"}
    while not running.done() and (metrics.registry.get_sample_value("attache_stage_events_total", labels) or 0) < count:
        await asyncio.sleep(LOOK_EVERY)
    while not running.done() and then is not None and not await then():
        await asyncio.sleep(LOOK_EVERY)
    seconds = time.perf_counter() - started
    stop.set()
    await running
    return seconds
