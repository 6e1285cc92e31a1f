"""The consumer loop over the memory log: what is handled, what dies, what waits, and in which order."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from shared import consume as consume_module
from shared.consume import Stage, TooManyDeadLetters, consume
from shared.deadletters import DeadLetterLimit, note, original, requeued_message
from shared.eventlog import Message, Record, TooLarge, Unavailable
from shared.eventlog.memory import MemoryLog
from shared.events import Alert, Article, BadEvent, Event, Heartbeat, Source, encode
from shared.metrics import Metrics
from shared.telemetry import Health
from shared.topics import ARTICLES, HEARTBEAT_KEY, TAGGED_ARTICLES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOT_AT_ALL = timedelta(0)


def now():
    return NOW


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


def heartbeat(sequence: int, sent_at: datetime = NOW) -> Message:
    data = Heartbeat(sent_at=sent_at, sequence=sequence)
    return encode(
        Event(id=f"beat-{sequence}", source="test", subject="heartbeat", time=sent_at, data=data), key=HEARTBEAT_KEY
    )


BROKEN = Message(
    "broken", b'{"id": "trunc', (("ce_id", b"x"), ("ce_type", b"attache.article.fetched.v1"), ("h", b"\x01"))
)


class Handler:
    """Remembers what it made durable; refuses, waits or breaks as told; sets the stop event when `enough` came."""

    def __init__(self, *, enough: int, bad=(), troubles: int = 0) -> None:
        self.stop = asyncio.Event()
        self.enough = enough
        self.bad = frozenset(bad)
        self.troubles = troubles
        self.batches: list[list[str]] = []
        self.done: list[str] = []

    async def __call__(self, events) -> None:
        ids = [event.id for event in events]
        self.batches.append(ids)
        if self.troubles:
            self.troubles -= 1
            raise Unavailable("database: locked")
        if found := self.bad.intersection(ids):
            if len(ids) == 1:
                self.stop_when_enough()
            raise BadEvent("no-good", f"{sorted(found)}")
        self.done.extend(ids)
        self.stop_when_enough()

    def stop_when_enough(self) -> None:
        if len(set(self.done)) >= self.enough:
            self.stop.set()


@pytest.fixture
def metrics():
    return Metrics(CollectorRegistry())


@pytest.fixture
def log():
    return MemoryLog(now=now)


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch):
    monkeypatch.setattr(consume_module, "PAUSE_BASE", timedelta(milliseconds=1))
    monkeypatch.setattr(consume_module, "PAUSE_CAP", timedelta(milliseconds=4))
    monkeypatch.setattr(consume_module, "READ_TIMEOUT", timedelta(milliseconds=5))


def stage(handler, **changes) -> Stage:
    given = {"name": "tagger", "topic": ARTICLES, "group": "tagger", "expects": (Article,), "handle": handler}
    return Stage(**{**given, **changes})


async def run(log, handler, metrics, *, stop=None, health=None, **changes):
    await consume(
        log,
        stage(handler, **changes),
        stop=stop or handler.stop,
        metrics=metrics,
        now=now,
        draw=lambda: 0.0,
        health=health,
    )


async def test_a_stage_that_waits_for_infrastructure_is_not_ready_and_says_why(log, metrics):
    health, told = Health(), []

    class Watching(Handler):
        async def __call__(self, events) -> None:
            told.append(health.troubles())
            await super().__call__(events)

    handler = Watching(enough=1, troubles=2)
    await log.append("articles", [article(1)])
    await run(log, handler, metrics, health=health)
    assert told == [{}, {"tagger-consumer": "database: locked"}, {"tagger-consumer": "database: locked"}]
    assert health.checks == {}


async def test_a_stage_stuck_in_one_batch_is_not_ready(log, metrics, monkeypatch):
    monkeypatch.setattr(consume_module, "STUCK_AFTER", timedelta(seconds=-1))
    health, told, stop = Health(), [], asyncio.Event()

    async def stuck(events) -> None:
        told.append(health.troubles())
        stop.set()

    await log.append("articles", [article(1)])
    await run(log, stuck, metrics, stop=stop, health=health)
    assert told == [{"tagger-consumer": "busy with one batch for 0 s"}]


async def all_of(log, topic) -> list[Record]:
    return [record async for record in log.scan(topic)]


async def left(log, group="tagger") -> list[str]:
    async with log.reader(ARTICLES.name, group) as reader:
        return sorted(record.key for record in await reader.read(10_000, NOT_AT_ALL))


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


async def test_every_event_is_handled_and_committed(log, metrics):
    await log.append(ARTICLES.name, [article(n) for n in range(450)])
    handler = Handler(enough=450)
    await run(log, handler, metrics)
    assert sorted(handler.done) == sorted(f"event-{n}" for n in range(450))
    assert max(map(len, handler.batches)) == 200
    assert await left(log) == []
    assert value(metrics, "attache_stage_events_total", stage="tagger", outcome="handled") == 450
    assert value(metrics, "attache_stage_last_event_timestamp_seconds", stage="tagger") == NOW.timestamp()


async def test_nothing_is_committed_before_its_effect(log, metrics):
    await log.append(ARTICLES.name, [article(n) for n in range(3)])

    async def breaks(events):
        raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError):
        await run(log, breaks, metrics, stop=asyncio.Event())
    assert await left(log) == ["article-0", "article-1", "article-2"]
    assert await all_of(log, "articles.dead") == []


async def test_a_cancelled_stage_commits_nothing_it_has_not_finished(log, metrics):
    await log.append(ARTICLES.name, [article(0)])
    begun = asyncio.Event()

    async def hangs(events):
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(run(log, hangs, metrics, stop=asyncio.Event()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await left(log) == ["article-0"]


async def test_a_broken_record_becomes_a_dead_letter_byte_for_byte_and_its_neighbours_are_handled(log, metrics):
    await log.append(ARTICLES.name, [article(0), BROKEN, article(1)])
    handler = Handler(enough=2)
    with capture_logs() as lines:
        await run(log, handler, metrics)
    assert sorted(handler.done) == ["event-0", "event-1"]
    (letter,) = await all_of(log, "articles.dead")
    assert original(letter) == BROKEN
    assert letter.headers[: len(BROKEN.headers)] == BROKEN.headers
    assert note(letter, "stage") == "tagger"
    assert note(letter, "error.reason") == "bad-json"
    assert note(letter, "source.topic") == "articles"
    assert note(letter, "source.timestamp") == note(letter, "failed_at") == NOW.isoformat()
    assert await left(log) == []
    assert value(metrics, "attache_dead_letters_total", stage="tagger", reason="bad-json") == 1
    assert [(line["event"], line["reason"]) for line in lines] == [("dead-letter", "bad-json")]


async def test_a_batch_whose_data_is_at_fault_is_handed_over_one_by_one(log, metrics):
    await log.append(ARTICLES.name, [article(n) for n in range(5)])
    handler = Handler(enough=4, bad=["event-2"])
    await run(log, handler, metrics)
    assert sorted(map(len, handler.batches)) == [1, 1, 1, 1, 1, 5]
    assert sorted(handler.done) == ["event-0", "event-1", "event-3", "event-4"]
    (letter,) = await all_of(log, "articles.dead")
    assert letter.key == "article-2"
    assert note(letter, "error.reason") == "no-good"


async def test_what_the_log_would_never_take_is_a_dead_letter_of_the_record_it_came_from(log, metrics):
    await log.append(ARTICLES.name, [article(n) for n in range(5)])

    class Growing(Handler):
        async def __call__(self, events) -> None:
            if any(event.id == "event-3" for event in events):
                raise TooLarge("tagged: 5,000,000 bytes, the log takes 4,194,304")
            await super().__call__(events)

    handler = Growing(enough=4)
    await run(log, handler, metrics)
    assert sorted(handler.done) == ["event-0", "event-1", "event-2", "event-4"]
    (letter,) = await all_of(log, "articles.dead")
    assert (letter.key, note(letter, "error.reason")) == ("article-3", "too-large")
    assert "4,194,304" in note(letter, "error.detail")


async def test_an_event_the_stage_does_not_expect_is_a_dead_letter(log, metrics):
    await log.append(ARTICLES.name, [article(0)])
    stop = asyncio.Event()

    async def count(events):
        raise AssertionError("nothing to handle")

    async def watch():
        while not await all_of(log, "articles.dead"):
            await asyncio.sleep(0)
        stop.set()

    watching = asyncio.create_task(watch())
    await run(log, count, metrics, stop=stop, expects=(Alert,))
    await watching
    (letter,) = await all_of(log, "articles.dead")
    assert note(letter, "error.reason") == "unexpected-type"


async def test_trouble_with_infrastructure_pauses_and_loses_nothing(log, metrics):
    await log.append(ARTICLES.name, [article(n) for n in range(3)])
    handler = Handler(enough=3, troubles=2)
    with capture_logs() as lines:
        await run(log, handler, metrics)
    assert sorted(handler.done) == ["event-0", "event-1", "event-2"]
    assert [len(batch) for batch in handler.batches] == [3, 3, 3]
    assert await all_of(log, "articles.dead") == []
    assert value(metrics, "attache_stage_pauses_total", stage="tagger") == 2
    assert [(line["event"], line["reason"]) for line in lines] == [("pause", "database: locked")] * 2


class TroubledLog:
    """A memory log whose calls fail as often as `failures` says, call by call."""

    def __init__(self, log: MemoryLog, failures: dict[str, int]) -> None:
        self.log = log
        self.failures = Counter(failures)

    def meet(self, call: str) -> None:
        if self.failures[call] > 0:
            self.failures[call] -= 1
            raise Unavailable(f"{call}: broker away")

    async def append(self, topic, messages):
        self.meet("append")
        await self.log.append(topic, messages)

    @asynccontextmanager
    async def reader(self, topic, group):
        async with self.log.reader(topic, group) as reader:
            outer = self

            class Troubled:
                async def read(self, limit, timeout):  # noqa: ASYNC109 - the port's
                    outer.meet("read")
                    return await reader.read(limit, timeout)

                async def commit(self):
                    outer.meet("commit")
                    await reader.commit()

                async def rewind(self):
                    outer.meet("rewind")
                    await reader.rewind()

                async def lag(self):
                    outer.meet("lag")
                    return await reader.lag()

                async def mark(self, marks):
                    outer.meet("mark")
                    await reader.mark(marks)

                async def marks(self):
                    outer.meet("marks")
                    return await reader.marks()

            yield Troubled()

    def scan(self, topic):
        return self.log.scan(topic)

    async def prune(self, now):
        return 0


@given(
    failures=st.dictionaries(
        st.sampled_from(["append", "read", "commit", "rewind", "lag", "mark", "marks"]), st.integers(0, 3)
    ),
    troubles=st.integers(0, 2),
    count=st.integers(1, 30),
    bad=st.sets(st.integers(0, 29), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_whatever_is_unavailable_for_a_while_every_record_is_handled_or_dead(failures, troubles, count, bad):
    async def main():
        inner = MemoryLog(now=now)
        await inner.append(ARTICLES.name, [article(n) for n in range(count)])
        refused = {f"event-{n}" for n in bad if n < count}
        handler = Handler(enough=count - len(refused), bad=refused, troubles=troubles)
        stop = asyncio.Event()
        task = asyncio.create_task(
            run(TroubledLog(inner, failures), handler, Metrics(CollectorRegistry()), stop=stop,
                limit=DeadLetterLimit(least=10_000))
        )  # fmt: skip
        while inner._committed[ARTICLES.name].get("tagger", {}) != {
            n: p.end for n, p in enumerate(inner._topics[ARTICLES.name]) if p.end
        }:
            assert not task.done(), task.result()
            await asyncio.sleep(0.001)
        stop.set()
        await task
        dead = {record.key.replace("article", "event") for record in await all_of(inner, "articles.dead")}
        assert dead == refused
        assert set(handler.done) == {f"event-{n}" for n in range(count)} - refused

    asyncio.run(main())


async def test_a_heartbeat_goes_on_unchanged_after_everything_before_it_was_handled(log, metrics):
    beats = [heartbeat(1), heartbeat(2, NOW + timedelta(seconds=30))]
    await log.append(ARTICLES.name, [article(0), *beats])
    seen_at_handling = []

    async def handle(events):
        seen_at_handling.extend(await all_of(log, TAGGED_ARTICLES.name))
        stop.set()

    stop = asyncio.Event()
    await run(log, handle, metrics, stop=stop, heartbeat_to=TAGGED_ARTICLES)
    assert seen_at_handling == []
    sent_on = await all_of(log, TAGGED_ARTICLES.name)
    assert [Message(r.key, r.value, r.headers) for r in sent_on] == beats
    newest = (NOW + timedelta(seconds=30)).timestamp()
    assert value(metrics, "attache_heartbeat_last_seen_timestamp_seconds", stage="tagger") == newest
    assert value(metrics, "attache_stage_events_total", stage="tagger", outcome="heartbeat") == 2


async def test_a_heartbeat_keeps_its_partition_so_that_it_passes_every_replica(log, metrics):
    beats = [replace(heartbeat(n), partition=n) for n in range(await log.partitions(ARTICLES.name))]
    await log.append(ARTICLES.name, [*beats, article(0)])
    handler = Handler(enough=1)
    await run(log, handler, metrics, heartbeat_to=TAGGED_ARTICLES)
    assert sorted(record.partition for record in await all_of(log, TAGGED_ARTICLES.name)) == list(range(len(beats)))


async def test_the_last_stage_sends_no_heartbeat_on(log, metrics):
    await log.append(ARTICLES.name, [article(0), heartbeat(1)])
    await run(log, Handler(enough=1), metrics)
    assert await all_of(log, TAGGED_ARTICLES.name) == []
    assert value(metrics, "attache_heartbeat_last_seen_timestamp_seconds", stage="tagger") == NOW.timestamp()


def broken(count: int) -> list[Message]:
    return [Message(f"broken-{n}", b"{", BROKEN.headers) for n in range(count)]


async def test_too_many_dead_letters_stop_the_stage_with_a_clear_error(log, metrics):
    await log.append(ARTICLES.name, [*broken(30), *(article(n) for n in range(10))])
    with pytest.raises(
        TooManyDeadLetters,
        match=r"tagger: 30 of the last 40 records of articles went to articles\.dead; the last because bad-json: art",
    ):
        await run(log, Handler(enough=99), metrics)


async def test_a_stage_stopped_by_its_limit_does_not_write_the_same_letters_again_when_restarted(log, metrics):
    await log.append(ARTICLES.name, broken(30))
    with pytest.raises(TooManyDeadLetters):
        await run(log, Handler(enough=99), metrics)
    await log.append(ARTICLES.name, [article(0)])
    await run(log, Handler(enough=1), metrics)
    assert len(await all_of(log, "articles.dead")) == 30


async def test_a_few_dead_letters_do_not_stop_the_stage(log, metrics):
    await log.append(ARTICLES.name, [*broken(19), *(article(n) for n in range(40))])
    await run(log, Handler(enough=40), metrics)
    assert len(await all_of(log, "articles.dead")) == 19


async def test_requeued_records_that_die_again_do_not_stop_the_stage(log, metrics):
    await log.append("articles.dead", broken(30))
    await log.append(ARTICLES.name, [requeued_message(letter) for letter in await all_of(log, "articles.dead")])
    await log.append(ARTICLES.name, [article(0)])
    await run(log, Handler(enough=1), metrics)
    letters = [letter for letter in await all_of(log, "articles.dead") if note(letter, "error.reason")]
    assert len(letters) == 30
    assert original(letters[0]).headers == BROKEN.headers


async def test_lag_is_exported_with_the_age_of_the_oldest(metrics):
    log = MemoryLog(now=lambda: NOW - timedelta(minutes=5))
    stop = asyncio.Event()

    async def handle(events):
        await log.append(ARTICLES.name, [article(1), article(2)])
        stop.set()

    await log.append(ARTICLES.name, [article(0)])
    await run(log, handle, metrics, stop=stop)
    assert value(metrics, "attache_consumer_lag_records", stage="tagger") == 2
    assert value(metrics, "attache_consumer_lag_seconds", stage="tagger") == 300


async def test_no_lag_is_exported_as_nought(log, metrics):
    await log.append(ARTICLES.name, [article(0)])
    await run(log, Handler(enough=1), metrics)
    assert value(metrics, "attache_consumer_lag_records", stage="tagger") == 0
    assert value(metrics, "attache_consumer_lag_seconds", stage="tagger") == 0


async def test_a_stage_told_to_stop_before_it_starts_reads_nothing(log, metrics):
    await log.append(ARTICLES.name, [article(0)])
    handler = Handler(enough=1)
    handler.stop.set()
    await run(log, handler, metrics)
    assert handler.batches == []
