import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from shared import outbox
from shared.database.engine import open_database
from shared.eventlog import Message, TooLarge, Unavailable
from shared.eventlog.memory import MemoryLog

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def log():
    return MemoryLog(partitions=1, now=lambda: NOW)


def messages(count, *, start=0):
    return [
        Message(f"key-{n}", bytes([n, 0, 255]), (("ce_id", f"é-{n}".encode()), ("ce_id", b"again")))
        for n in range(start, start + count)
    ]


async def put(engine, topic, batch):
    async with engine.begin() as connection:
        await outbox.put(connection, topic, batch, now=NOW)


async def on(log, topic):
    return [Message(r.key, r.value, r.headers) async for r in log.scan(topic)]


async def test_rows_become_records_in_order_and_are_gone(engine, log):
    await put(engine, "alerts", messages(5))
    assert await outbox.pending(engine) == 5
    assert await outbox.relay(engine, log) == 5
    assert await on(log, "alerts") == messages(5)
    assert await outbox.pending(engine) == 0
    assert await outbox.relay(engine, log) == 0


async def test_rows_exist_exactly_if_the_transaction_commits(engine, log):
    async with engine.connect() as connection:
        await outbox.put(connection, "alerts", messages(3), now=NOW)
        await connection.rollback()
    assert await outbox.pending(engine) == 0


async def test_nothing_to_put_is_no_row(engine):
    await put(engine, "alerts", [])
    assert await outbox.pending(engine) == 0


async def test_topics_are_relayed_in_the_order_written(engine, log):
    await put(engine, "alerts", messages(2))
    await put(engine, "tagged", messages(1, start=2))
    await put(engine, "alerts", messages(2, start=3))
    assert await outbox.relay(engine, log) == 5
    assert await on(log, "alerts") == [*messages(2), *messages(2, start=3)]
    assert await on(log, "tagged") == messages(1, start=2)


async def test_more_rows_than_one_relay_takes_are_left_for_the_next(engine, log, monkeypatch):
    monkeypatch.setattr(outbox, "RELAY_ROWS", 3)
    await put(engine, "alerts", messages(7))
    assert [await outbox.relay(engine, log) for _ in range(4)] == [3, 3, 1, 0]
    assert await on(log, "alerts") == messages(7)


async def test_a_log_that_is_away_leaves_the_rows_where_they_are(engine, log, monkeypatch):
    await put(engine, "alerts", messages(2))

    async def away(topic, batch):
        raise Unavailable("broker away")

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", away)
        with pytest.raises(Unavailable):
            await outbox.relay(engine, log)
    assert await outbox.relay(engine, log) == 2
    assert await on(log, "alerts") == messages(2)


async def test_a_crash_between_the_log_and_the_deletion_relays_twice_and_loses_nothing(engine, log):
    await put(engine, "alerts", messages(2))

    class Crash(Exception):  # noqa: N818 - what it stands for
        pass

    class CrashingLog(MemoryLog):
        async def append(self, topic, batch):
            await log.append(topic, batch)
            raise Crash

    with pytest.raises(Crash):
        await outbox.relay(engine, CrashingLog())
    assert await outbox.relay(engine, log) == 2
    assert await on(log, "alerts") == [*messages(2), *messages(2)]


async def test_looking_into_the_outbox_does_not_wait_for_a_writer(engine):
    async with engine.begin() as connection:
        await outbox.put(connection, "alerts", messages(1), now=NOW)
        assert await outbox.pending(engine) == 0


async def test_a_row_the_log_will_never_take_is_kept_aside_and_those_behind_it_go_on(engine, log, monkeypatch):
    await put(engine, "alerts", [*messages(2), Message("big", b"x" * 1000), *messages(2, start=2)])

    class SmallLog(MemoryLog):
        async def append(self, topic, batch):
            if any(len(message.value) > 100 for message in batch):
                raise TooLarge("1000 bytes, the most is 100")
            await log.append(topic, batch)

    with capture_logs() as logs:
        assert await outbox.relay(engine, SmallLog()) == 5
    assert [(line["event"], line["key"]) for line in logs] == [("kept-aside", "big")]
    assert await on(log, "alerts") == messages(4)
    assert await outbox.waiting(engine) == outbox.Waiting(0, 1)
    assert await outbox.relay(engine, SmallLog()) == 0


async def test_many_that_relay_at_once_keep_the_order_of_each_key(engine, url, log):
    """What comes first of each event stands in order; on PostgreSQL, where one relays at a time, nothing comes twice."""
    batch = [Message(f"key-{n % 3}", str(n).encode()) for n in range(60)]
    for start in range(0, 60, 6):
        await put(engine, "alerts", batch[start : start + 6])
    async with open_database(url) as other:

        async def until_empty(one):
            while await outbox.pending(one):
                await outbox.relay(one, log)

        await asyncio.gather(*(until_empty(one) for one in (engine, other, engine)))
    came = list(dict.fromkeys(int(message.value) for message in await on(log, "alerts")))
    for key in range(3):
        assert [n for n in came if n % 3 == key] == list(range(key, 60, 3))
    if engine.dialect.name == "postgresql":
        assert len(await on(log, "alerts")) == 60


async def test_one_relays_at_a_time_and_the_next_repeats_what_a_crash_left(swept_database, log):
    appended, go_on = asyncio.Event(), asyncio.Event()

    class SlowLog(MemoryLog):
        async def append(self, topic, batch):
            await log.append(topic, batch)
            appended.set()
            await go_on.wait()

    async with open_database(swept_database) as engine, open_database(swept_database) as other:
        await put(engine, "alerts", messages(3))
        first = asyncio.create_task(outbox.relay(engine, SlowLog()))
        await appended.wait()
        assert await outbox.relay(other, log) == 0
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        while not await outbox.relay(other, log):  # until the server has noticed
            await asyncio.sleep(0.01)
        assert await on(log, "alerts") == [*messages(3), *messages(3)]
