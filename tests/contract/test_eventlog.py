"""What every event log backend promises, asked of each of them. A new backend joins BACKENDS and nothing else changes."""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shared.eventlog import EventLog, Lag, Mark, Message, Reader, Record, bell
from shared.eventlog.kafka import member
from shared.eventlog.memory import MemoryLog
from shared.eventlog.open import open_log
from shared.settings import KafkaSettings
from shared.topics import ALERTS, ARTICLES
from tests.servers.kafka import Broker
from tests.servers.settled import open_settled

SOON = timedelta(seconds=10)
NOT_AT_ALL = timedelta(0)
BRIEFLY = timedelta(milliseconds=20)
TOPIC = ARTICLES.name
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class SetClock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


Opener = Callable[[], AbstractAsyncContextManager[EventLog]]
"""Opens the same log each time: what was appended and committed before is there."""


def memory(folder: Path, clock: SetClock) -> Opener:
    log = MemoryLog(now=clock)

    @asynccontextmanager
    async def open_again() -> AsyncIterator[EventLog]:
        yield log

    return open_again


def sqlite(folder: Path, clock: SetClock) -> Opener:
    return lambda: open_log(f"sqlite:///{folder}/log.db", now=clock)


def kafka(broker: Broker, clock: SetClock) -> Opener:
    url = f"kafka://{broker.address}/t{uuid.uuid4().hex[:12]}"
    return lambda: open_settled(url, now=clock, kafka=KafkaSettings(partitions=3))


PRUNING = {"memory": memory, "sqlite": sqlite}
"""Those that forget old records themselves. Kafka's brokers do it for theirs, by the retention each topic is made with."""
BACKENDS = {**PRUNING, "kafka": kafka}


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture(params=BACKENDS)
def opener(request, tmp_path, clock, monkeypatch):
    if request.param == "kafka":
        monkeypatch.setattr(member, "HAND_OVER_WITHIN", timedelta(seconds=0.5))  # nobody commits while it lasts
        return kafka(request.getfixturevalue("kafka_broker"), clock)
    return PRUNING[request.param](tmp_path, clock)


@pytest.fixture(params=PRUNING)
def pruning_opener(request, tmp_path, clock):
    return PRUNING[request.param](tmp_path, clock)


def numbered(count: int, *, keys: int = 5, start: int = 0) -> list[Message]:
    return [Message(f"key-{n % keys}", str(n).encode()) for n in range(start, start + count)]


async def read_all(reader: Reader, *, limit: int = 100) -> list[Record]:
    found: list[Record] = []
    while batch := await reader.read(limit, NOT_AT_ALL):
        found.extend(batch)
    return found


async def scan_all(log: EventLog, topic: str = TOPIC) -> list[Record]:
    return [record async for record in log.scan(topic)]


def place(record: Record) -> tuple[int, int]:
    return record.partition, record.offset


def by_key(records):
    found = defaultdict(list)
    for record in records:
        found[record.key].append(int(record.value))
    return found


async def test_records_of_one_key_arrive_in_the_order_appended(opener):
    async with opener() as log:
        for start in range(0, 100, 10):
            await log.append(TOPIC, numbered(10, start=start))
        async with log.reader(TOPIC, "group") as reader:
            records = await read_all(reader, limit=7)
    assert len(records) == 100
    assert all(values == sorted(values) for values in by_key(records).values())


async def test_every_record_is_read_once_within_one_reader(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(100))
        async with log.reader(TOPIC, "group") as reader:
            records = await read_all(reader, limit=9)
    assert sorted(int(record.value) for record in records) == list(range(100))
    assert len({(record.partition, record.offset) for record in records}) == 100


async def test_a_read_never_returns_more_than_its_limit(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(20))
        async with log.reader(TOPIC, "group") as reader:
            assert [len(await reader.read(limit, NOT_AT_ALL)) for limit in (1, 3, 16, 16)] == [1, 3, 16, 0]


async def test_a_record_is_what_was_appended(opener, clock):
    headers = (("h", b"one"), ("binary", bytes(range(256))), ("h", b"two"), ("empty", b""), ("h", b"one"), ("é", b"x"))
    async with opener() as log:
        await log.append(TOPIC, [Message("schlüssel", b"\x00\xff value", headers), Message("", b"")])
        async with log.reader(TOPIC, "group") as reader:
            records = {record.key: record for record in await read_all(reader)}
    full, bare = records["schlüssel"], records[""]
    assert (full.topic, full.value, full.headers, full.timestamp) == (TOPIC, b"\x00\xff value", headers, clock.at)
    assert full.header("h") == b"one"
    assert full.header("missing") is None
    assert full.where == f"{TOPIC}/{full.partition}@{full.offset}"
    assert (bare.value, bare.headers) == (b"", ())


async def test_a_value_of_a_megabyte_arrives_whole(opener):
    value = bytes(range(256)) * 4096
    async with opener() as log:
        await log.append(TOPIC, [Message("big", value)] * 20)
        async with log.reader(TOPIC, "group") as reader:
            records = await read_all(reader)
    assert [record.value == value for record in records] == [True] * 20


async def test_an_empty_append_appends_nothing(opener):
    async with opener() as log:
        await log.append(TOPIC, [])
        assert await scan_all(log) == []


async def test_what_was_committed_is_not_seen_again(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(10))
        async with log.reader(TOPIC, "group") as reader:
            first = await reader.read(4, NOT_AT_ALL)
            await reader.commit()
        async with log.reader(TOPIC, "group") as reader:
            second = await read_all(reader)
    assert sorted(int(r.value) for r in (*first, *second)) == list(range(10))


async def test_what_was_committed_is_not_seen_again_after_opening_the_log_again(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(10))
        async with log.reader(TOPIC, "group") as reader:
            first = await reader.read(4, NOT_AT_ALL)
            await reader.commit()
    async with opener() as log:
        await log.append(TOPIC, numbered(5, start=10))
        async with log.reader(TOPIC, "group") as reader:
            second = await read_all(reader)
    assert sorted(int(r.value) for r in (*first, *second)) == list(range(15))


async def test_what_was_read_but_not_committed_is_seen_again_by_the_next_reader(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(10))
        async with log.reader(TOPIC, "group") as reader:
            await reader.read(3, NOT_AT_ALL)
            await reader.commit()
            lost = await reader.read(4, NOT_AT_ALL)
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        again = await read_all(reader)
    assert len(again) == 7
    assert {r.where for r in lost} <= {r.where for r in again}


async def test_rewind_goes_back_to_the_commit_and_no_further(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(10))
        async with log.reader(TOPIC, "group") as reader:
            await reader.read(3, NOT_AT_ALL)
            await reader.commit()
            once = await read_all(reader)
            await reader.rewind()
            twice = await read_all(reader)
            assert sorted(once, key=place) == sorted(twice, key=place)
            await reader.commit()
            await reader.rewind()
            assert await read_all(reader) == []


async def test_a_commit_before_any_read_commits_nothing(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(3))
        async with log.reader(TOPIC, "group") as reader:
            await reader.commit()
            await reader.rewind()
            await reader.commit()
            assert len(await read_all(reader)) == 3


async def test_groups_do_not_disturb_each_other(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(10))
        async with log.reader(TOPIC, "one") as one, log.reader(TOPIC, "two") as two:
            assert len(await read_all(one)) == 10
            await one.commit()
            assert len(await two.read(4, NOT_AT_ALL)) == 4
            await two.commit()
            assert len(await read_all(two)) == 6
            assert (await one.lag()).records == 0
            assert (await two.lag()).records == 6


async def test_topics_do_not_disturb_each_other(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(3))
        await log.append(ALERTS.name, numbered(2))
        async with log.reader(TOPIC, "group") as one, log.reader(ALERTS.name, "group") as two:
            assert len(await read_all(one)) == 3
            await one.commit()
            assert len(await read_all(two)) == 2


async def test_a_new_group_starts_at_the_oldest_record(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(3))
    async with opener() as log, log.reader(TOPIC, "late") as reader:
        assert len(await read_all(reader)) == 3


async def test_a_read_returns_empty_after_its_timeout(opener):
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        assert list(await reader.read(10, BRIEFLY)) == []


async def test_a_waiting_reader_is_woken_by_an_append(opener, monkeypatch):
    monkeypatch.setattr(bell, "LOOK_AGAIN", timedelta(hours=1))  # so that only the append can wake it
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        assert list(await reader.read(10, NOT_AT_ALL)) == []
        waiting = asyncio.create_task(reader.read(10, timedelta(hours=1)))
        await asyncio.sleep(0)
        await log.append(TOPIC, numbered(1))
        async with asyncio.timeout(30):
            assert len(await waiting) == 1


async def test_a_reader_keeps_up_with_appends_made_meanwhile(opener):
    async with opener() as log, log.reader(TOPIC, "group") as reader:

        async def write():
            for n in range(50):
                await log.append(TOPIC, numbered(4, start=4 * n))

        writing = asyncio.create_task(write())
        found: list[Record] = []
        while len(found) < 200:
            batch = await reader.read(7, SOON)
            assert batch
            found.extend(batch)
            await reader.commit()
        await writing
    assert sorted(int(r.value) for r in found) == list(range(200))
    assert all(values == sorted(values) for values in by_key(found).values())


async def test_a_cancelled_read_loses_nothing(opener):
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        waiting = asyncio.create_task(reader.read(10, SOON))
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await log.append(TOPIC, numbered(5))
        assert len(await read_all(reader)) == 5


async def test_lag_counts_what_is_not_committed_and_dates_the_oldest(opener, clock):
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        assert await reader.lag() == Lag(0, None)
        await log.append(TOPIC, [Message("a", b"0")])
        clock.at += timedelta(minutes=1)
        await log.append(TOPIC, [Message("a", b"1"), Message("b", b"2")])
        assert await reader.lag() == Lag(3, START)
        await read_all(reader)
        assert await reader.lag() == Lag(3, START)
        await reader.commit()
        assert await reader.lag() == Lag(0, None)
        clock.at += timedelta(minutes=1)
        await log.append(TOPIC, [Message("b", b"3")])
        unread = await reader.lag()
        assert unread.records == 1
        assert unread.oldest is not None
        assert START + timedelta(minutes=1) <= unread.oldest <= START + timedelta(minutes=2)
        await read_all(reader)
        assert await reader.lag() == Lag(1, START + timedelta(minutes=2))


async def test_a_scan_shows_what_was_there_when_it_began(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(1200))
        seen = 0
        async for _ in log.scan(TOPIC):
            seen += 1
            if seen == 1:
                await log.append(TOPIC, numbered(10, start=1200))
        assert seen == 1200
        assert len(await scan_all(log)) == 1210
        assert await scan_all(log, "no-such-topic") == []


async def test_a_scan_is_in_order_per_key_and_moves_no_group(opener):
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        await log.append(TOPIC, numbered(30))
        assert all(values == sorted(values) for values in by_key(await scan_all(log)).values())
        assert len(await read_all(reader)) == 30


async def test_members_of_a_group_read_every_record_between_them(opener):
    async with opener() as log, log.reader(TOPIC, "group") as one, log.reader(TOPIC, "group") as two:
        await log.append(TOPIC, numbered(40))
        found = [*await read_all(one), *await read_all(two)]
        assert len(found) == 40
        assert len({record.where for record in found}) == 40


async def test_a_member_that_leaves_uncommitted_hands_its_records_on(opener):
    async with opener() as log, log.reader(TOPIC, "group") as stays:
        await log.append(TOPIC, numbered(40))
        async with log.reader(TOPIC, "group") as leaves:
            one, two = await read_all(stays), await read_all(leaves)
            await stays.commit()
        again = await read_all(stays)
        await stays.commit()
        assert {r.where for r in two} == {r.where for r in again}
        assert len(one) + len(two) == 40


async def test_a_commit_after_the_members_changed_is_dropped(opener):
    async with opener() as log, log.reader(TOPIC, "group") as one:
        await log.append(TOPIC, numbered(40))
        await read_all(one)
        async with log.reader(TOPIC, "group") as two:
            await one.commit()
            assert len([*await read_all(one), *await read_all(two)]) == 40


async def test_committed_records_are_forgotten_after_their_retention(pruning_opener, clock):
    async with pruning_opener() as log, log.reader(TOPIC, "group") as reader:
        await log.append(TOPIC, numbered(10))
        await read_all(reader)
        await reader.commit()
        clock.at = START + ARTICLES.retention + timedelta(hours=1)
        await log.append(TOPIC, numbered(5, start=10))
        assert await log.prune(START + ARTICLES.retention) == 0
        assert await log.prune(clock.at) == 10
        assert await log.prune(clock.at) == 0
        assert sorted(int(r.value) for r in await scan_all(log)) == [10, 11, 12, 13, 14]
        assert sorted(int(r.value) for r in await read_all(reader)) == [10, 11, 12, 13, 14]
        assert (await reader.lag()).records == 5


async def test_records_a_group_still_owes_are_kept_for_twice_their_retention(pruning_opener, clock):
    async with pruning_opener() as log, log.reader(TOPIC, "quick") as quick, log.reader(TOPIC, "slow") as slow:
        await log.append(TOPIC, numbered(10, keys=1))
        await read_all(quick)
        await quick.commit()
        await slow.read(4, NOT_AT_ALL)
        await slow.commit()
        assert await log.prune(START + 1.5 * ARTICLES.retention) == 4
        assert len(await read_all(slow)) == 6
        assert await log.prune(START + 2 * ARTICLES.retention + timedelta(seconds=1)) == 6
        await slow.rewind()
        assert await read_all(slow) == []
        assert await slow.lag() == Lag(0, None)


async def test_records_no_group_knows_of_go_with_their_retention(pruning_opener, clock):
    async with pruning_opener() as log:
        await log.append(TOPIC, numbered(10))
        assert await log.prune(START + ARTICLES.retention + timedelta(seconds=1)) == 10


async def test_topics_without_retention_are_kept(opener):
    async with opener() as log:
        await log.append("elsewhere", numbered(3))
        assert await log.prune(START + timedelta(days=9999)) == 0
        assert len(await scan_all(log, "elsewhere")) == 3


async def test_offsets_are_not_used_again_after_everything_was_forgotten(pruning_opener, clock):
    async with pruning_opener() as log:
        await log.append(TOPIC, [Message("a", b"0")])
        (before,) = await scan_all(log)
        await log.prune(START + timedelta(days=100))
    async with pruning_opener() as log:
        await log.append(TOPIC, [Message("a", b"1")])
        (after,) = await scan_all(log)
    assert after.offset > before.offset


class LogMachine(RuleBasedStateMachine):
    """A group reads, handles and commits under crashes at random points, against the simplest model there can be.

    The law: the commit never passes a record that was not handled, and what was not committed is still there.
    """

    def __init__(self, opener: Opener) -> None:
        super().__init__()
        self.opener = opener
        self.loop = asyncio.new_event_loop()
        self.appended = 0
        self.unhandled_read: list[int] = []
        self.committed: set[int] = set()
        self.last_of_key: dict[str, int] = {}
        self.stack: contextlib.AsyncExitStack | None = None
        self._open()

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def _open(self) -> None:
        async def enter():
            stack = contextlib.AsyncExitStack()
            log = await stack.enter_async_context(self.opener())
            return stack, log, await stack.enter_async_context(log.reader(TOPIC, "group"))

        self.stack, self.log, self.reader = self.do(enter())
        self.unhandled_read = []
        self.last_of_key = {}

    def _close(self) -> None:
        if self.stack is not None:
            self.do(self.stack.aclose())

    @rule(count=st.integers(0, 12), keys=st.integers(1, 4))
    def append(self, count, keys):
        self.do(self.log.append(TOPIC, numbered(count, keys=keys, start=self.appended)))
        self.appended += count

    @rule(limit=st.integers(1, 9))
    def read(self, limit):
        for record in self.do(self.reader.read(limit, NOT_AT_ALL)):
            value = int(record.value)
            assert value not in self.committed
            assert value > self.last_of_key.get(record.key, -1)
            self.last_of_key[record.key] = value
            self.unhandled_read.append(value)

    @precondition(lambda self: self.unhandled_read)
    @rule()
    def handle_and_commit(self):
        self.do(self.reader.commit())
        self.committed.update(self.unhandled_read)
        self.unhandled_read = []

    @rule()
    def crash(self):
        self._close()
        self._open()

    @rule()
    def rewind(self):
        self.do(self.reader.rewind())
        self.unhandled_read = []
        self.last_of_key = {}

    @invariant()
    def lag_is_all_but_the_committed(self):
        assert self.do(self.reader.lag()).records == self.appended - len(self.committed)

    def teardown(self):
        try:
            self._close()
            self._open()
            left = {int(record.value) for record in self.do(read_all(self.reader))}
            assert left == set(range(self.appended)) - self.committed
        finally:
            self._close()
            self.loop.close()


@pytest.mark.parametrize("name", PRUNING)
def test_no_crash_loses_a_record(name, tmp_path_factory):
    run_machine(lambda: PRUNING[name](tmp_path_factory.mktemp("log"), SetClock()), examples=40, steps=30)


def test_no_crash_loses_a_record_on_kafka(kafka_broker):
    run_machine(lambda: kafka(kafka_broker, SetClock()), examples=3, steps=10)


def run_machine(opener: Callable[[], Opener], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: LogMachine(opener()),  # type: ignore[arg-type] # a factory
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate]
            if examples < 10
            else list(Phase),  # shrinking takes long
            suppress_health_check=list(HealthCheck),
        ),
    )


async def test_a_note_at_the_groups_position_is_found_after_a_crash_and_void_after_a_commit(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(40))
        async with log.reader(TOPIC, "group") as reader:
            records = await reader.read(100, SOON)
            assert await reader.marks() == []
            first = {record.partition: record.offset for record in reversed(records)}
            await reader.mark([Mark(partition, offset, "1 17") for partition, offset in first.items()])
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        again = await reader.read(100, SOON)
        found = await reader.marks()
        mine = {record.partition for record in again}
        assert {(mark.partition, mark.offset) for mark in found} >= {(p, first[p]) for p in mine}
        assert {mark.note for mark in found} == {"1 17"}
        await reader.commit()
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        await log.append(TOPIC, numbered(10))
        await reader.read(100, SOON)
        assert not {mark.partition for mark in await reader.marks()} & mine


async def test_a_mark_commits_up_to_its_offset(opener):
    async with opener() as log:
        await log.append(TOPIC, [Message("key", str(n).encode()) for n in range(5)])
        async with log.reader(TOPIC, "group") as reader:
            records = await reader.read(100, SOON)
            await reader.mark([Mark(records[3].partition, records[3].offset, "1 17")])
    async with opener() as log, log.reader(TOPIC, "group") as reader:
        again = await reader.read(100, SOON)
        assert [record.offset for record in again] == [record.offset for record in records[3:]]
        assert [mark.note for mark in await reader.marks()] == ["1 17"]


async def test_an_empty_note_takes_one_back(opener):
    async with opener() as log:
        await log.append(TOPIC, numbered(1))
        async with log.reader(TOPIC, "group") as reader:
            (record,) = await reader.read(100, SOON)
            await reader.mark([Mark(record.partition, record.offset, "1 1")])
            await reader.mark([Mark(record.partition, record.offset, "")])
            await reader.rewind()
            assert len(await reader.read(100, SOON)) == 1, "a note moves nobody"
            assert await reader.marks() == []
