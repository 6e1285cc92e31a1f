"""Knowing when everything that was polled has come out at the far end.

A heartbeat is sent to every partition after the last article. When the store has seen them, every alert is in the
outbox or on the log; when the outbox is empty, a second round follows the last alert, and when the notifier has seen
that one, every delivery is a row. What is left is what must wait (retries).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import outbox
from shared.clock import Clock
from shared.database.engine import reading
from shared.database.tables.notifier import delivery
from shared.eventlog import EventLog
from shared.events import Event, Heartbeat, encode
from shared.metrics import Metrics
from shared.topics import ARTICLES, HEARTBEAT_KEY

LOOK_EVERY = timedelta(milliseconds=50)


async def drain(eventlog: EventLog, engine: AsyncEngine, metrics: Metrics, *, now: Clock) -> None:
    """Return once everything appended before the call has been tagged, stored, and tried to be delivered once."""
    await _heartbeat_through(eventlog, metrics, "store", now())
    await _until(lambda: _outbox_empty(engine))
    await _heartbeat_through(eventlog, metrics, "notifier", now())
    await _until(lambda: _none_due(engine, now()))


async def _heartbeat_through(eventlog: EventLog, metrics: Metrics, stage: str, sent_at: datetime) -> None:
    beat = Event(
        id=f"drain-{stage}-{sent_at.timestamp()}",
        source="attache/drain",
        subject="heartbeat",
        time=sent_at,
        data=Heartbeat(sent_at=sent_at, sequence=0),
    )
    message = encode(beat, key=HEARTBEAT_KEY)
    everywhere = range(await eventlog.partitions(ARTICLES.name))
    await eventlog.append(ARTICLES.name, [replace(message, partition=partition) for partition in everywhere])

    async def arrived() -> bool:
        return all(metrics.newest_heartbeat(stage, partition) >= sent_at for partition in everywhere)

    await _until(arrived)


async def _outbox_empty(engine: AsyncEngine) -> bool:
    return await outbox.pending(engine) == 0


async def _none_due(engine: AsyncEngine, now: datetime) -> bool:
    query = (
        select(func.count())
        .select_from(delivery)
        .where(delivery.c.state == "pending", delivery.c.due_at <= now, delivery.c.attempts == 0)
    )
    async with reading(engine, "deliveries") as connection:
        return (await connection.execute(query)).scalar_one() == 0


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110 - what is waited for happens in the database and on the log
        await asyncio.sleep(LOOK_EVERY.total_seconds())
