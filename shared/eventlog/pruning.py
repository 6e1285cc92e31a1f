"""Forgetting old records now and then, for logs that do not do so by themselves."""

import asyncio
from datetime import timedelta

import structlog

from shared.clock import Clock
from shared.eventlog import EventLog, Unavailable
from shared.process import Service, pause

PRUNE_EVERY = timedelta(hours=1)

log = structlog.get_logger()


def pruning(eventlog: EventLog, *, now: Clock, every: timedelta = PRUNE_EVERY) -> Service:
    """Return a service that prunes the log at once and then `every` so often until it is stopped."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                if forgotten := await eventlog.prune(now()):
                    log.info("prune", records=forgotten)
            except Unavailable as trouble:
                log.warning("prune", outcome="later", reason=str(trouble))
            await pause(stop, every)

    return run
