"""A consumer that stands still although the broker is well is made anew; when that does not help the process ends."""

import asyncio
from datetime import timedelta

import pytest

from shared.eventlog import LogStuck, Unavailable
from shared.eventlog.kafka import reader, watchdog

TOPIC = "articles"
SOON = timedelta(seconds=0.2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(reader, "ASK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(watchdog, "ASK_AFTER", 0.6)
    monkeypatch.setattr(watchdog, "STUCK_AFTER", 1.5)


async def until_told(member, *, within=20.0):
    """Read until something is said."""
    async with asyncio.timeout(within):
        while True:
            assert not await member.read(10, SOON)


async def caught_up(log, member, numbered, read_some):
    await log.append(TOPIC, numbered(10))
    await read_some(member, 10)


def coordination(member):
    return member._member._coordinator._coordination_task


def fetching(member):
    return member._member._consumer._fetcher._fetch_task


@pytest.mark.parametrize("task", [coordination, fetching])
async def test_a_consumer_whose_background_task_died_is_made_anew(opener, numbered, read_some, task):
    opened = opener("one")
    async with opened as log, log.reader(TOPIC, "group") as member:
        await caught_up(log, member, numbered, read_some)
        task(member).cancel()
        with pytest.raises(Unavailable):
            await until_told(member)
        await log.append(TOPIC, numbered(10, start=10))
        assert {int(record.value) for record in await read_some(member, 10)} == set(range(10, 20))
        assert opened.metrics.log_rebuilds.labels("group")._value.get() == 1
        assert member._watch.rebuilds == 0, "progress was made"


async def test_a_consumer_that_fails_is_made_anew(opener, numbered, read_some, monkeypatch):
    async with opener() as log, log.reader(TOPIC, "group") as member:
        await caught_up(log, member, numbered, read_some)
        before = member._member
        coordinator = before._coordinator

        async def broken(*_):
            raise RuntimeError("no such state")

        monkeypatch.setattr(coordinator, "ensure_active_group", broken)
        coordinator.request_rejoin()
        with pytest.raises(Unavailable, match="no such state"):
            await until_told(member)
        await log.append(TOPIC, numbered(10, start=10))
        assert {int(record.value) for record in await read_some(member, 10)} == set(range(10, 20))
        assert member._member is not before


async def test_records_that_do_not_come_although_they_are_there_have_the_consumer_made_anew(
    opener, numbered, read_some, monkeypatch
):
    async with opener() as log, log.reader(TOPIC, "group") as member:
        await caught_up(log, member, numbered, read_some)
        before = member._member

        async def nothing(*_, **__):
            await asyncio.sleep(0.1)
            return {}

        monkeypatch.setattr(before._consumer, "getmany", nothing)
        await log.append(TOPIC, numbered(10, start=10))
        with pytest.raises(Unavailable, match="nothing from partition"):
            await until_told(member)
        assert {int(record.value) for record in await read_some(member, 10)} == set(range(10, 20))


async def test_a_process_ends_when_making_the_consumer_anew_does_not_help(opener, numbered, read_some, monkeypatch):
    monkeypatch.setattr(watchdog, "REBUILDS", 2)
    monkeypatch.setattr(watchdog, "UNJOINED_AFTER", 1.0)
    async with opener() as log, log.reader(TOPIC, "group") as member:
        await caught_up(log, member, numbered, read_some)
        joined = type(member._member).join

        async def join_to_no_avail(self):
            await joined(self)
            self._consumer.unsubscribe()

        monkeypatch.setattr(type(member._member), "join", join_to_no_avail)
        coordination(member).cancel()
        for _ in range(2):
            with pytest.raises(Unavailable):
                await until_told(member)
        with pytest.raises(LogStuck, match="2 times in a row"):
            await until_told(member)
