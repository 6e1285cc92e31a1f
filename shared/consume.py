"""The one consumer loop: read, decode, handle, dead-letter, commit.

A record leaves the loop in one of three ways: handled (its effect is done before the commit), dead (copied byte
for byte to the topic's dead letters, acknowledged before the commit), or not at all (the process ends uncommitted
and the record is read again). Trouble with infrastructure pauses the stage; it never makes a dead letter. A record
that ends the process again and again does, so that those behind it are not held up for ever (shared.crashloop).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from shared.backoff import delay
from shared.crashloop import Caution, Portion
from shared.deadletters import DeadLetterLimit, DeadLetterWindow, dead_letter, note
from shared.eventlog import EventLog, Message, Reader, Record, TooLarge, Unavailable
from shared.events import BadEvent, Event, Heartbeat, decode
from shared.failpoints import passing
from shared.failures import Refused
from shared.metrics import Metrics
from shared.process import pause
from shared.telemetry import Health
from shared.topics import TopicSpec, dead_letters_of

log = structlog.get_logger()

BATCH_RECORDS = 200
READ_TIMEOUT = timedelta(seconds=1)
PAUSE_BASE = timedelta(seconds=1)
PAUSE_CAP = timedelta(seconds=15)
"""How long an outage may be over before it is noticed; asking four times a minute disturbs nobody."""
WITHDRAW_WITHIN = timedelta(seconds=2)
STUCK_AFTER = timedelta(minutes=2)
"""Longer than any batch takes and than a pause; a turn that lasts longer is stuck."""


class TooManyDeadLetters(Refused):
    """Most of a window went to the dead letters: the code is bad, not the data. The process must stop."""


Batch = Sequence[Event[Any]]
Handler = Callable[[Batch], Awaitable[None]]


@dataclass(frozen=True)
class Stage:
    """One consuming stage: its name in metrics, what it reads and as which group, where its heartbeats go on.

    `handle` makes the effect of a whole batch durable before it returns, or raises: BadEvent or TooLarge if the data
    of a record is at fault (the loop then hands the batch over one by one, to find which), Unavailable if
    infrastructure is. It must be idempotent: a batch may come again.
    """

    name: str
    topic: TopicSpec
    group: str
    expects: tuple[type[Any], ...]
    handle: Handler
    heartbeat_to: TopicSpec | None = None
    limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)


async def consume(
    eventlog: EventLog,
    stage: Stage,
    *,
    stop: asyncio.Event,
    metrics: Metrics,
    now: Callable[[], datetime],
    draw: Callable[[], float] = random.random,
    health: Health | None = None,
) -> None:
    """Run `stage` until `stop` is set. Raises TooManyDeadLetters above the stage's limit; all else passes through.

    In `health` the check "<stage>-consumer" says why the loop waits, or that one batch has been in hand for too long.
    """
    window = DeadLetterWindow(stage.limit)
    turning = _Turning()
    async with AsyncExitStack() as stack:
        stack.enter_context(_checked(health, f"{stage.name}-consumer", turning))
        reader = await stack.enter_async_context(eventlog.reader(stage.topic.name, stage.group))
        caution = await stack.enter_async_context(_caution(reader))
        pauses = 0
        while not stop.is_set():
            turning.since = asyncio.get_running_loop().time()
            try:
                if pauses:
                    await reader.rewind()
                records = await reader.read(BATCH_RECORDS, READ_TIMEOUT)
                if records:
                    passing(f"{stage.name}.read")
                    for portion in await caution.divide(records):
                        await caution.begin(portion)
                        await _deal_with(eventlog, stage, portion, window, metrics, now)
                        await caution.end(portion)
                    passing(f"{stage.name}.handled")
                    await reader.commit()
                    caution.settled(records)
                    passing(f"{stage.name}.committed")
                    _check(window, stage)
                await _export_lag(reader, stage, metrics, now)
            except Unavailable as trouble:
                metrics.pauses.labels(stage.name).inc()
                wait = delay(pauses, base=PAUSE_BASE, cap=PAUSE_CAP, draw=draw())
                log.warning("pause", stage=stage.name, seconds=round(wait.total_seconds(), 1), reason=str(trouble))
                pauses += 1
                turning.trouble = str(trouble)
                await pause(stop, wait)
            else:
                pauses, turning.trouble = 0, None


@dataclass
class _Turning:
    """Whether a loop turns: why it waits, and when its present turn began on the event loop's clock."""

    trouble: str | None = None
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def __call__(self) -> str | None:
        still = asyncio.get_running_loop().time() - self.since
        if self.trouble is None and still > STUCK_AFTER.total_seconds():
            return f"busy with one batch for {still:.0f} s"
        return self.trouble


@contextmanager
def _checked(health: Health | None, name: str, check: Callable[[], str | None]) -> Iterator[None]:
    checks = health.checks if health is not None else {}
    checks[name] = check
    try:
        yield
    finally:
        del checks[name]


@asynccontextmanager
async def _caution(reader: Reader) -> AsyncIterator[Caution]:
    """Divide batches with caution; whoever ends without being ended by a record takes the note about it back.

    A cancelled stage does not: it may have been cut off because a record took for ever.
    """
    caution = Caution(reader)
    blameless = False
    try:
        yield caution
        blameless = True
    except Refused:
        blameless = True
        raise
    finally:
        if blameless:
            with suppress(Refused, TimeoutError):
                await asyncio.wait_for(caution.withdraw(), WITHDRAW_WITHIN.total_seconds())


async def _deal_with(
    eventlog: EventLog,
    stage: Stage,
    portion: Portion,
    window: DeadLetterWindow,
    metrics: Metrics,
    now: Callable[[], datetime],
) -> None:
    good: list[tuple[Record, Event[Any]]] = []
    bad: list[tuple[Record, BadEvent]] = []
    beats: list[tuple[Record, Event[Any]]] = []
    for record in portion.records:
        if portion.condemned:
            bad.append((record, BadEvent("crash-loop", f"{record.where} was alone in hand when two processes ended")))
            continue
        try:
            event: Event[Any] = decode(record, *stage.expects, Heartbeat)
        except BadEvent as fault:
            bad.append((record, fault))
        else:
            (beats if isinstance(event.data, Heartbeat) else good).append((record, event))
    if good:
        bad.extend(await _handle(stage, good))
    await _bury(eventlog, stage, bad, metrics, now)
    dead = {id(record) for record, _ in bad}
    handled = sum(id(record) not in dead for record, _ in good)
    metrics.stage_events.labels(stage.name, "handled").inc(handled)
    if handled:
        metrics.stage_last_event.labels(stage.name).set(now().timestamp())
    if beats and stage.heartbeat_to is not None:
        forwarded = [Message(record.key, record.value, record.headers, record.partition) for record, _ in beats]
        await eventlog.append(stage.heartbeat_to.name, forwarded)
    for record, beat in beats:
        metrics.saw_heartbeat(stage.name, beat.data.sent_at, record.partition)
    fresh = [fault for record, fault in bad if not note(record, "requeued_from")]
    window.record(handled=handled + len(beats), dead=len(fresh))
    if fresh:
        window.last = str(fresh[-1])


def _check(window: DeadLetterWindow, stage: Stage) -> None:
    """Stop above the limit. After the commit: a restart goes on behind the letters instead of writing them again."""
    if window.exceeded:
        raise TooManyDeadLetters(
            f"{stage.name}: {window.dead} of the last {window.total} records of {stage.topic.name} went to "
            f"{dead_letters_of(stage.topic.name)}; the last because {window.last}"
        )


async def _handle(stage: Stage, good: Sequence[tuple[Record, Event[Any]]]) -> list[tuple[Record, BadEvent]]:
    try:
        await stage.handle([event for _, event in good])
    except (BadEvent, TooLarge) as fault:
        if len(good) == 1:
            return [(good[0][0], fault if isinstance(fault, BadEvent) else BadEvent("too-large", str(fault)))]
        found: list[tuple[Record, BadEvent]] = []
        for pair in good:
            found.extend(await _handle(stage, [pair]))
        return found
    return []


async def _bury(
    eventlog: EventLog,
    stage: Stage,
    bad: Sequence[tuple[Record, BadEvent]],
    metrics: Metrics,
    now: Callable[[], datetime],
) -> None:
    if not bad:
        return
    letters = [dead_letter(record, fault, stage=stage.name, failed_at=now()) for record, fault in bad]
    await eventlog.append(dead_letters_of(stage.topic.name), letters)
    for record, fault in bad:
        metrics.stage_events.labels(stage.name, "dead").inc()
        metrics.dead_letters.labels(stage.name, fault.reason).inc()
        log.error("dead-letter", stage=stage.name, record=record.where, reason=fault.reason, detail=fault.detail[:300])


async def _export_lag(reader: Reader, stage: Stage, metrics: Metrics, now: Callable[[], datetime]) -> None:
    lag = await reader.lag()
    metrics.lag_records.labels(stage.name).set(lag.records)
    age = (now() - lag.oldest).total_seconds() if lag.oldest else 0.0
    metrics.lag_seconds.labels(stage.name).set(max(age, 0.0))
