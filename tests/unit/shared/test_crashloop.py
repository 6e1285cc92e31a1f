"""Records that end the process: who is condemned, who is not, and what it costs the others."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from shared import consume as consume_module
from shared.consume import Stage, TooManyDeadLetters, consume
from shared.deadletters import DeadLetterLimit, note
from shared.eventlog import Message, Unavailable
from shared.eventlog.memory import MemoryLog
from shared.events import Article, Event, Source, encode
from shared.metrics import Metrics
from shared.topics import ARTICLES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def now():
    return NOW


class ProcessEndedError(Exception):
    """The process ends, as by a signal or a mistake in the code: nothing below catches it."""


class Counting(MemoryLog):
    """Counts the notes its readers leave."""

    def __init__(self, **given) -> None:
        super().__init__(now=now, **given)
        self.notes = 0

    @asynccontextmanager
    async def reader(self, topic, group):
        async with super().reader(topic, group) as reader:
            mark = reader.mark

            async def counted(marks):
                self.notes += 1
                await mark(marks)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reader, "mark", counted)
                yield reader


class Life:
    """One process: handles until it has seen all of `expected`, or meets something in `deadly`."""

    def __init__(self, log, *, deadly=(), troubles=0, limit=None) -> None:
        self.log = log
        self.deadly = frozenset(deadly)
        self.troubles = troubles
        self.limit = limit or DeadLetterLimit(least=10_000)
        self.handled: list[str] = []
        self.batches: list[int] = []
        self.stop = asyncio.Event()

    async def handle(self, events) -> None:
        ids = [event.id for event in events]
        self.batches.append(len(ids))
        if self.troubles:
            self.troubles -= 1
            raise Unavailable("the database is away")
        if self.deadly.intersection(ids):
            raise ProcessEndedError
        self.handled.extend(ids)

    async def run(self) -> bool:
        """Return whether it lived until everything was committed."""
        stage = Stage("tagger", ARTICLES, "tagger", (Article,), self.handle, limit=self.limit)
        task = asyncio.create_task(
            consume(self.log, stage, stop=self.stop, metrics=Metrics(CollectorRegistry()), now=now, draw=lambda: 0.0)
        )
        while not task.done() and not self._all_committed():
            await asyncio.sleep(0)
        self.stop.set()
        try:
            await task
        except ProcessEndedError:
            return False
        return True

    def _all_committed(self) -> bool:
        ends = {n: p.end for n, p in enumerate(self.log._topics[ARTICLES.name]) if p.end}
        committed: dict[int, int] = self.log._committed[ARTICLES.name].get("tagger", {})
        return committed == ends


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch):
    monkeypatch.setattr(consume_module, "PAUSE_BASE", timedelta(milliseconds=1))
    monkeypatch.setattr(consume_module, "READ_TIMEOUT", timedelta(milliseconds=5))


def article(number: int) -> Message:
    data = Article(
        id=f"article-{number}",
        revision=0,
        source=Source(feed_id="feed", name="Feed"),
        url=None,
        title=f"Title {number}",
        observed_at=NOW,
    )
    return encode(Event(id=f"event-{number}", source="test", subject=data.id, time=NOW, data=data), key=data.id)


async def filled(count: int, **given) -> Counting:
    log = Counting(**given)
    await log.append(ARTICLES.name, [article(n) for n in range(count)])
    return log


async def letters(log) -> list[tuple[str, str]]:
    return [(record.key, note(record, "error.reason")) async for record in log.scan("articles.dead")]


async def live_until_done(log, **given) -> list[Life]:
    lives: list[Life] = []
    while len(lives) < 30:
        lives.append(Life(log, **given))
        if await lives[-1].run():
            return lives
    raise AssertionError("it never got past the record")


async def test_a_record_that_ends_every_process_is_put_aside_and_its_neighbours_are_handled():
    log = await filled(50)
    lives = await live_until_done(log, deadly={"event-17"})
    assert await letters(log) == [("article-17", "crash-loop")]
    assert {one for life in lives for one in life.handled} == {f"event-{n}" for n in range(50)} - {"event-17"}
    assert len(lives) == 5, "among many, among few, alone, alone again, put aside"


async def test_one_met_in_steady_work_takes_one_more_process():
    log = await filled(5)
    steady = Life(log, deadly={"event-7"})
    task = asyncio.create_task(steady.run())
    while len(steady.handled) < 5:
        await asyncio.sleep(0)
    await log.append(ARTICLES.name, [article(n) for n in range(5, 30)])
    steady.stop.clear()
    await task
    lives = await live_until_done(log, deadly={"event-7"})
    assert await letters(log) == [("article-7", "crash-loop")]
    assert len(lives) <= 5


async def test_a_process_killed_once_or_twice_condemns_nobody():
    log = await filled(40)
    for _ in range(2):
        assert not await Life(log, deadly={f"event-{n}" for n in range(40)}).run()
    (last,) = await live_until_done(log)
    assert await letters(log) == []
    assert set(last.handled) == {f"event-{n}" for n in range(40)}


async def test_what_one_process_left_in_hand_is_handled_few_at_a_time_and_then_the_work_goes_on_in_batches():
    log = await filled(600)
    assert not await Life(log, deadly={"event-0", "event-1", "event-2"}).run()
    (life,) = await live_until_done(log)
    assert max(life.batches[:12]) == 20
    assert 1 not in life.batches[:12]
    assert max(life.batches) > 100


async def test_a_record_met_alone_is_put_aside_at_the_third_attempt():
    log = await filled(1)
    lives = await live_until_done(log, deadly={"event-0"})
    assert len(lives) == 3
    assert await letters(log) == [("article-0", "crash-loop")]


async def test_nothing_is_noted_in_steady_work():
    log = await filled(1_000)
    await live_until_done(log)
    assert log.notes <= 3, "once for each partition at most"


async def test_trouble_with_infrastructure_and_stops_in_it_condemn_nobody():
    log = await filled(3, partitions=1)
    for _ in range(6):
        life = Life(log, troubles=10**6)
        task = asyncio.create_task(life.run())
        while len(life.batches) < 2:
            await asyncio.sleep(0)
        life.stop.set()
        assert await task
    await live_until_done(log)
    assert await letters(log) == []


async def test_stopping_at_the_dead_letter_limit_condemns_nobody():
    log = await filled(30, partitions=1)
    await log.append(ARTICLES.name, [Message(f"bad-{n}", b"{") for n in range(40)])
    with pytest.raises(TooManyDeadLetters):
        await Life(log, limit=DeadLetterLimit(window=40, least=20)).run()
    assert await log_marks(log) == []


async def log_marks(log):
    async with log.reader(ARTICLES.name, "tagger") as reader:
        return list(await reader.marks())


@given(deadly=st.sets(st.integers(0, 29), max_size=4), count=st.integers(1, 30), partitions=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_exactly_the_deadly_are_put_aside_wherever_they_stand(deadly, count, partitions):
    async def main():
        log = await filled(count, partitions=partitions)
        lives = await live_until_done(log, deadly={f"event-{n}" for n in deadly})
        there = {n for n in deadly if n < count}
        assert sorted(await letters(log)) == sorted((f"article-{n}", "crash-loop") for n in there)
        handled = {one for life in lives for one in life.handled}
        assert handled == {f"event-{n}" for n in range(count) if n not in there}

    asyncio.run(main())
