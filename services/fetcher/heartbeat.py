"""A marker sent through every stage, by which each can tell how far it is behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from services.fetcher.polling import EVENT_SOURCE
from shared.clock import Clock
from shared.eventlog import EventLog, Unavailable
from shared.events import Event, Heartbeat, encode
from shared.metrics import Metrics
from shared.process import pause
from shared.topics import ARTICLES, HEARTBEAT_KEY

log = structlog.get_logger()


async def beat(
    eventlog: EventLog,
    metrics: Metrics,
    *,
    every: timedelta,
    stage: str,
    also: Callable[[], Awaitable[None]],
    now: Clock,
    stop: asyncio.Event,
) -> None:
    """Send a heartbeat now and `every` so often, and do `also`, until `stop`; a missed one is not made up for.

    It goes to every partition, so that it passes every replica of the stages behind. Replicas of the fetcher all send.
    """
    sequence = 0
    while not stop.is_set():
        sent_at = now()
        event = Event(
            id=f"heartbeat-{sent_at.timestamp()}",
            source=EVENT_SOURCE,
            subject=HEARTBEAT_KEY,
            time=sent_at,
            data=Heartbeat(sent_at=sent_at, sequence=sequence),
        )
        try:
            message = encode(event, key=HEARTBEAT_KEY)
            everywhere = [replace(message, partition=n) for n in range(await eventlog.partitions(ARTICLES.name))]
            await eventlog.append(ARTICLES.name, everywhere)
            metrics.saw_heartbeat(stage, sent_at)
            await also()
        except Unavailable as trouble:
            log.debug("heartbeat-missed", reason=str(trouble))
        sequence += 1
        await pause(stop, every)
