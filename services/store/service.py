"""The store: takes tagged articles in, raises alerts through the outbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.store.instruments import Kinds, instrument_kinds
from services.store.intake import Arrival, Intake, Outcome, Sent, take_in
from services.store.reports import check_times
from services.store.repository import open_batch
from shared import outbox
from shared.clock import Clock, utc_now
from shared.consume import Batch, Stage, consume
from shared.eventlog import EventLog, Message, Unavailable
from shared.events import Event, TaggedArticle, encode
from shared.failpoints import passing
from shared.gazetteer import load_gazetteer
from shared.metrics import Metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ALERTS, TAGGED_ARTICLES
from shared.vocabulary import AlertKind

log = structlog.get_logger()

NAME = "store"
RELAY_EVERY = timedelta(seconds=1)
"""How soon rows are found that nobody announced: those another replica, or this one before a crash, left behind."""


@asynccontextmanager
async def open_store(
    settings: Settings,
    *,
    eventlog: EventLog,
    engine: AsyncEngine,
    metrics: Metrics,
    health: Health,
    now: Clock = utc_now,
) -> AsyncIterator[Service]:
    """Open the store; yields its run function, which consumes tagged articles and relays the outbox until stopped.

    Not ready while the outbox cannot be relayed. What is stored but not yet relayed when it stops is relayed by the
    next run, under the same ids.
    """
    del settings
    gazetteer = await asyncio.to_thread(load_gazetteer)
    store = _Store(eventlog, engine, metrics, health, now, instrument_kinds(gazetteer))
    for outcome in Outcome:
        metrics.stored.labels(outcome)
    for kind in AlertKind:
        metrics.alerts.labels(kind)
    health.checks[NAME] = lambda: store.trouble
    yield store.run
    del health.checks[NAME]


@dataclass
class _Store:
    eventlog: EventLog
    engine: AsyncEngine
    metrics: Metrics
    health: Health
    now: Clock
    kinds: Kinds
    trouble: str | None = None
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        stage = Stage(
            name=NAME,
            topic=TAGGED_ARTICLES,
            group=NAME,
            expects=(TaggedArticle,),
            handle=self.take_in,
            heartbeat_to=ALERTS,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    consume(self.eventlog, stage, stop=stop, metrics=self.metrics, now=self.now, health=self.health)
                )
                group.create_task(self.relay_until(stop))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures  # the first is the cause; it cancelled the other
        await self.relay()

    async def take_in(self, batch: Batch) -> None:
        """Store a batch with all it leads to, in one transaction; then wake the relay."""
        now = self.now()
        arrivals = [read_arrival(event) for event in batch]
        async with open_batch(self.engine, arrivals) as transaction:
            intake = take_in(arrivals, await transaction.known(), self.kinds, now=now)
            messages = [alert_message(sent, now) for sent in intake.sent]
            await transaction.write(intake, messages, ALERTS.name, now=now)
            passing("store.written")
        if intake.sent:
            self.filled.set()
        self._report(intake, arrivals)

    def _report(self, intake: Intake, arrivals: list[Arrival]) -> None:
        done = self.now()
        for verdict, arrival in zip(intake.verdicts, arrivals, strict=True):
            self.metrics.stored.labels(verdict.outcome).inc()
            log.debug(
                "stored",
                article=verdict.article_id,
                outcome=str(verdict.outcome),
                reason=verdict.reason,
                trace_id=arrival.trace_id,
            )
        for arrival in arrivals:
            age = (done - arrival.article.observed_at).total_seconds()
            self.metrics.event_age.labels(NAME).observe(max(age, 0.0))
        for sent in intake.sent:
            alert = sent.alert
            self.metrics.alerts.labels(alert.kind).inc()
            log.info(
                "alert",
                id=alert.id,
                kind=str(alert.kind),
                severity=str(alert.severity),
                line=alert.line,
                changes="; ".join(alert.changes),
                trace_id=sent.arrival.trace_id,
            )

    async def relay_until(self, stop: asyncio.Event) -> None:
        """Relay whenever a batch filled the outbox, and each second."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await self.relay()
                filled = asyncio.create_task(self.filled.wait())
                await asyncio.wait(
                    (stopped, filled), timeout=RELAY_EVERY.total_seconds(), return_when=asyncio.FIRST_COMPLETED
                )
                filled.cancel()
        finally:
            stopped.cancel()

    async def relay(self) -> None:
        """Empty the outbox onto the log. While the log or the database is away the rows wait, and it is said once."""
        self.filled.clear()
        try:
            while await outbox.relay(self.engine, self.eventlog) == outbox.RELAY_ROWS:
                pass
            waiting = await outbox.waiting(self.engine)
            self.metrics.outbox_pending.set(waiting.pending)
            self.metrics.outbox_refused.set(waiting.refused)
        except Unavailable as trouble:
            if self.trouble is None:
                log.warning("pause", stage="outbox", reason=str(trouble))
            self.trouble = f"outbox: {trouble}"
        else:
            self.trouble = None


def read_arrival(event: Event[TaggedArticle]) -> Arrival:
    """Decode the article inside; raises BadEvent if it cannot be read or bears an impossible time."""
    article = event.data.read_article()
    check_times(article)
    return Arrival(article, event.data, event.traceparent)


def alert_message(sent: Sent, now: datetime) -> Message:
    """Write an alert as its event, keyed by development and carrying the trace of the article that caused it."""
    event = Event(
        id=sent.alert.id,
        source="attache/store",
        subject=sent.alert.development_id,
        time=now,
        data=sent.alert,
        traceparent=sent.arrival.traceparent,
    )
    return encode(event, key=sent.alert.development_id)
