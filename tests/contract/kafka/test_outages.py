"""Brokers that are away, die, hang, or come late: nothing acknowledged is lost, and everything goes on by itself."""

import asyncio
import contextlib
import io
import logging
import tracemalloc
from datetime import timedelta

import pytest

from shared.eventlog import Message, Record, Unavailable
from shared.eventlog.kafka import client, producer, reader
from shared.eventlog.open import open_log
from shared.telemetry import set_up_logs
from tests.servers import free_port
from tests.servers.kafka import Broker

TOPIC = "articles"
SOON = timedelta(seconds=0.3)


@pytest.fixture
def quick_to_tell(monkeypatch):
    """Shorter patience, so that an outage of seconds is one."""
    monkeypatch.setattr(reader, "ASK_EVERY_SECONDS", 0.2)
    monkeypatch.setattr("shared.eventlog.kafka.watchdog.ASK_AFTER", 0.5)
    monkeypatch.setattr(client, "ANSWER_WITHIN", timedelta(seconds=1))


async def patiently(call, within=60.0):
    """Do as every service does: try again until it works."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(0.1)


@pytest.fixture
def own_process(broker, monkeypatch):
    """Starts and stops of a broker must not hold up the event loop under test."""

    class Control:
        async def start(self):
            await asyncio.to_thread(broker.start)

        async def stop(self):
            await asyncio.to_thread(broker.stop)

        async def kill(self):
            await asyncio.to_thread(broker.kill)

    return Control()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_nothing_acknowledged_is_lost_when_the_broker_ends_under_load(opener, own_process, how):
    acked: set[int] = set()
    seen: list[int] = []
    stop, written = asyncio.Event(), asyncio.Event()

    async def write(log):
        n = 0
        while not stop.is_set():
            batch = [Message(f"key-{i % 7}", str(i).encode()) for i in range(n, n + 20)]
            n += 20
            with contextlib.suppress(Unavailable):
                await log.append(TOPIC, batch)
                acked.update(int(message.value) for message in batch)
            await asyncio.sleep(0.01)
        written.set()

    async def read(log):
        async with log.reader(TOPIC, "group") as member:
            while not (written.is_set() and acked <= set(seen)):
                try:
                    found = await member.read(50, SOON)
                    await member.commit()
                    seen.extend(int(record.value) for record in found)
                except Unavailable:
                    await member.rewind()
                    await asyncio.sleep(0.1)

    async with asyncio.timeout(80), opener("one") as log, asyncio.TaskGroup() as group:
        group.create_task(write(log))
        group.create_task(read(log))
        while len(seen) < 200:
            await asyncio.sleep(0.05)
        await getattr(own_process, how)()
        before = len(acked)
        await own_process.start()
        while len(acked) < before + 200:
            await asyncio.sleep(0.05)
        stop.set()
    assert acked <= set(seen)


async def test_a_log_opened_before_its_broker_is_there_works_once_it_comes(tmp_path, broker, quick_to_tell):
    late = Broker(tmp_path)
    async with open_log(f"kafka://{late.address}/cold", replica="one") as log, log.reader(TOPIC, "group") as member:
        with pytest.raises(Unavailable, match=f"127.0.0.1:{late.port}"):
            await member.read(10, timedelta(seconds=5))
        with pytest.raises(Unavailable, match=f"127.0.0.1:{late.port}"):
            await log.append(TOPIC, [Message("a", b"early")])
        with pytest.raises(Unavailable):
            await log.partitions(TOPIC)
        try:
            await asyncio.to_thread(late.start)
            await patiently(lambda: log.append(TOPIC, [Message("a", b"late")]))
            found: list[Record] = []
            while not found:
                found = list(await patiently(lambda: member.read(10, SOON)))
            await member.commit()
        finally:
            late.kill()
    assert [record.value for record in found] == [b"late"]


async def test_an_outage_shows_as_unavailable_at_read_and_ends_by_itself(opener, link, quick_to_tell, numbered):
    async with opener() as log, log.reader(TOPIC, "group") as member:
        await log.append(TOPIC, numbered(5))
        await member.read(10, timedelta(seconds=10))
        await member.commit()
        link.cut()
        with pytest.raises(Unavailable):
            await silent(member)
        link.heal()
        await patiently(lambda: log.append(TOPIC, numbered(5, start=5)))
        found: list[Record] = []
        while not found:
            found = list(await patiently(lambda: member.read(10, SOON)))
        assert {int(record.value) for record in found} <= {5, 6, 7, 8, 9}
        assert member._watch.rebuilds == 0


async def silent(member):
    async with asyncio.timeout(20):
        while True:
            assert await member.read(10, SOON) == []


async def test_a_broker_that_hangs_shows_at_read_append_and_commit(
    opener, broker, quick_to_tell, numbered, monkeypatch
):
    monkeypatch.setattr(reader, "COMMIT_WITHIN", timedelta(seconds=1))
    async with opener() as log, log.reader(TOPIC, "group") as member:
        log.producer._within = timedelta(seconds=1.5)
        await log.append(TOPIC, numbered(20))
        seen = {int(record.value) for record in await member.read(3, timedelta(seconds=10))}
        broker.freeze()
        try:
            with pytest.raises(Unavailable):
                await log.append(TOPIC, numbered(1, start=20))
            with pytest.raises(Unavailable):
                await member.commit()
            with pytest.raises(Unavailable):
                await silent(member)
        finally:
            broker.thaw()
        await member.rewind()
        await patiently(lambda: log.append(TOPIC, numbered(1, start=21)))
        while not set(range(20)) | {21} <= seen:
            found = await patiently(lambda: member.read(50, SOON))
            seen |= {int(record.value) for record in found}


async def test_a_producer_that_failed_sends_nothing_of_what_it_held_when_the_broker_is_back(
    opener, link, quick_to_tell, numbered
):
    async with opener() as log:
        await log.append(TOPIC, numbered(1))
        log.producer._within = timedelta(seconds=1)
        link.cut()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await log.append(TOPIC, [Message("key", b"held")])
        log.producer._within = timedelta(seconds=30)
        link.heal()
        await patiently(lambda: log.append(TOPIC, [Message("key", b"new")]))
        await asyncio.sleep(1)  # what must not happen needs time in which it might
        assert [r.value async for r in log.scan(TOPIC) if r.key == "key"] == [b"new"]


async def test_appends_that_fail_leave_nothing_behind(quick_to_tell):
    nobody = f"kafka://127.0.0.1:{free_port()}/away"
    async with open_log(nobody) as log:

        async def fail(times):
            for _ in range(times):
                with pytest.raises(Unavailable):
                    await log.append(TOPIC, [Message("key", bytes(100_000))] * 10)

        await fail(20)
        tasks = len(asyncio.all_tasks())
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await fail(200)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert after - before < 1_000_000
    assert len(asyncio.all_tasks()) <= tasks


async def test_appends_that_fail_while_the_producer_runs_leave_nothing_behind(opener, link, numbered, quick_to_tell):
    async with opener() as log:
        await log.append(TOPIC, numbered(1))
        link.cut()
        log.producer._within = timedelta(seconds=0.3)
        before = len(asyncio.all_tasks())
        refused = await asyncio.gather(
            *(log.append(TOPIC, [Message(f"k{n}", bytes(10_000))] * 10) for n in range(50)), return_exceptions=True
        )
        assert all(isinstance(each, Unavailable) for each in refused)
        assert log.producer._current is None
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= before


async def test_an_outage_gives_a_few_lines_of_the_clients_log(opener, link, quick_to_tell, numbered):
    written = io.StringIO()
    async with opener() as log, log.reader(TOPIC, "group") as member:
        await log.append(TOPIC, numbered(1))
        await member.read(1, timedelta(seconds=10))
        kept = logging.root.handlers[:]
        try:
            set_up_logs(stream=written)
            link.cut()
            for _ in range(20):
                with contextlib.suppress(Unavailable):
                    await member.read(1, timedelta(seconds=0.2))
        finally:
            logging.root.handlers[:] = kept
    lines = [line for line in written.getvalue().splitlines() if "node" in line or "oordinator" in line]
    assert 0 < len(lines) <= 10


def test_the_time_for_an_append_is_longer_than_a_request_of_its_producer():
    assert producer.APPEND_WITHIN > 2 * client.REQUEST_WITHIN
