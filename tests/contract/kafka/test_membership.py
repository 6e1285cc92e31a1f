"""Members of a group on real Kafka: who reads what when they come, go, die, hang, or meet their double."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shared.eventlog import Lag, Record, ReplicaInUse
from shared.eventlog.kafka import member

TOPIC = "articles"
SOON = timedelta(seconds=0.3)
ROOT = Path(__file__).resolve().parents[3]


async def share(reader, stop, seen):
    """Read and commit until told to stop."""
    while not stop.is_set():
        found = await reader.read(20, SOON)
        seen.extend(record.where for record in found)
        await reader.commit()


def vanish(reader):
    """End a member as a killed process does: nobody is told."""
    return reader._member._give_up(reader._member._tasks())


async def test_two_members_have_every_record_once_between_them(opener, numbered, until):
    async with opener() as one, opener() as two:
        await one.append(TOPIC, numbered(200))
        stop = asyncio.Event()
        first: list[str] = []
        second: list[str] = []
        async with one.reader(TOPIC, "group") as a, two.reader(TOPIC, "group") as b, asyncio.TaskGroup() as group:
            group.create_task(share(a, stop, first))
            group.create_task(share(b, stop, second))
            await until(lambda: len(first) + len(second) >= 200)
            await until(lambda: len(a._member.sight().partitions) == len(b._member.sight().partitions) == 2)
            await one.append(TOPIC, numbered(200, start=200))
            await until(lambda: len(first) + len(second) >= 400)
            stop.set()
    assert len(first) + len(second) == len({*first, *second}) == 400
    assert first
    assert second


async def test_the_batch_in_hand_is_committed_before_its_partitions_go_to_another(opener, numbered, until, monkeypatch):
    monkeypatch.setattr(member, "HAND_OVER_WITHIN", timedelta(seconds=30))
    async with opener() as one, opener() as two:
        await one.append(TOPIC, numbered(40))
        async with one.reader(TOPIC, "group") as a, two.reader(TOPIC, "group") as b:
            found: list[Record] = []
            while len(found) < 40:
                found += await a.read(40, SOON)
            joining = asyncio.create_task(b.read(10, timedelta(seconds=20)))
            await until(lambda: a._member._consumer._subscription.reassignment_in_progress)
            await a.commit()
            await until(lambda: b._member is not None and b._member.sight().joined)
            await one.append(TOPIC, numbered(1, start=40, keys=1000))
            rest = [*await joining, *await a.read(10, SOON)]
            assert [record.value for record in rest] == [b"40"]


async def test_records_go_on_to_the_others_when_a_member_leaves(opener, numbered, read_some):
    async with opener() as one, opener() as two:
        await one.append(TOPIC, numbered(40))
        async with one.reader(TOPIC, "group") as a:
            async with two.reader(TOPIC, "group") as b:
                await b.read(100, timedelta(seconds=5))
            assert len(await read_some(a, 40)) == 40


async def test_records_go_on_to_the_others_when_a_member_is_killed(opener, numbered, read_some):
    async with opener("one") as one, opener("two") as two:
        await one.append(TOPIC, numbered(40))
        async with one.reader(TOPIC, "group") as a, two.reader(TOPIC, "group") as b:
            assert await b.read(100, timedelta(seconds=5))
            await vanish(b)
            assert len(await read_some(a, 40)) == 40


async def test_a_replica_that_comes_back_has_its_partitions_at_once_and_disturbs_nobody(opener, numbered, until):
    hour = timedelta(minutes=20)
    async with opener("one", session=hour) as one, opener("two", session=hour) as two:
        await one.append(TOPIC, numbered(1))
        async with one.reader(TOPIC, "group") as a:
            await a.read(10, SOON)
            await a.commit()
            async with two.reader(TOPIC, "group") as b:
                joining = asyncio.create_task(b.read(10, timedelta(seconds=20)))
                await until(lambda: len(a._member.sight().partitions) == 2)
                joining.cancel()
            before = a._member.rebalances
            async with opener("two", session=hour) as again, again.reader(TOPIC, "group") as b:
                await one.append(TOPIC, numbered(100, start=1))
                found: list[Record] = []
                async with asyncio.timeout(10):
                    while not found:
                        found = list(await b.read(100, SOON))
            assert a._member.rebalances == before


async def test_a_member_without_partitions_is_left_in_peace(opener, numbered, until):
    async with opener(partitions=1) as one, opener(partitions=1) as two:
        await one.append(TOPIC, numbered(1))
        stop = asyncio.Event()
        seen: list[str] = []
        async with one.reader(TOPIC, "group") as a, two.reader(TOPIC, "group") as b, asyncio.TaskGroup() as group:
            group.create_task(share(a, stop, seen))
            group.create_task(share(b, stop, seen))
            await until(lambda: all(r._member and r._member.sight().joined for r in (a, b)))
            await until(lambda: sum(len(r._member.sight().partitions) for r in (a, b)) == 1)
            spare = next(r for r in (a, b) if not r._member.sight().partitions)
            before = spare._member
            spare._waited += 10_000.0
            waited = spare._waited
            await until(lambda: spare._waited > waited + 1)
            assert spare._member is before
            stop.set()


async def test_lags_of_all_members_add_up_to_the_groups(opener, numbered, until):
    async with opener() as one, opener() as two, one.reader(TOPIC, "group") as a, two.reader(TOPIC, "group") as b:
        stop = asyncio.Event()
        seen: list[str] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(share(a, stop, seen))
            group.create_task(share(b, stop, seen))
            await until(lambda: all(r._member and len(r._member.sight().partitions) == 2 for r in (a, b)))
            stop.set()
        await one.append(TOPIC, numbered(60))
        while sum([(await reader.lag()).records for reader in (a, b)]) < 60:
            await asyncio.sleep(0.05)
        assert sum([(await reader.lag()).records for reader in (a, b)]) == 60
        assert await b.lag() != Lag(0, None)


@pytest.fixture
def process(opener):
    """A reader in a process of its own, which can be stopped and continued."""
    with contextlib.ExitStack() as stack:

        def start(replica=""):
            started = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("zombie.py")), opener.url, replica],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            )
            stack.callback(started.kill)
            return started

        yield start


async def says(process) -> str:
    async with asyncio.timeout(40):
        return str(await asyncio.to_thread(process.stdout.readline)).strip()


def tell(process):
    process.stdin.write("\n")
    process.stdin.flush()


async def test_a_zombie_commits_nothing_over_the_new_owner(opener, numbered, process, read_some):
    async with opener() as log:
        await log.append(TOPIC, numbered(40))
        zombie = process()
        assert int(await says(zombie)) > 0
        zombie.send_signal(signal.SIGSTOP)
        async with log.reader(TOPIC, "group") as heir:
            assert len(await read_some(heir, 40)) == 40
            zombie.send_signal(signal.SIGCONT)
            tell(zombie)
            answer = asyncio.create_task(says(zombie))
            while not answer.done():  # the heir stays alive, so that the zombie can join anew
                assert await heir.read(10, SOON) == []
            assert answer.result() == "dropped: 1"


async def test_a_replica_whose_place_was_taken_is_told_so_and_does_not_take_it_back(
    opener, numbered, process, read_some
):
    async with opener("tagger-1") as log:
        await log.append(TOPIC, numbered(40))
        old = process("tagger-1")
        assert int(await says(old)) > 0
        async with log.reader(TOPIC, "group") as new:
            assert len(await read_some(new, 40)) == 40
            tell(old)
            said = await says(old)
            assert said.startswith("refused: another process runs as REPLICA=tagger-1")
            await log.append(TOPIC, numbered(10, start=40))
            assert len(await read_some(new, 10)) == 10
            assert new._member.rebalances == 1


async def test_a_twin_in_this_process_is_told_so_at_its_next_read(opener, numbered):
    async with opener("same") as one, opener("same") as two:
        await one.append(TOPIC, numbered(40))
        async with one.reader(TOPIC, "group") as old, two.reader(TOPIC, "group") as new:
            assert await old.read(5, timedelta(seconds=10))
            assert await new.read(5, timedelta(seconds=10))
            with pytest.raises(ReplicaInUse, match="REPLICA=same"):
                await share(old, asyncio.Event(), [])
            assert await new.read(5, timedelta(seconds=10))


async def test_a_commit_the_broker_refuses_is_dropped_and_counted(opener, numbered, read_some, monkeypatch):
    opened = opener()
    async with opened as log, log.reader(TOPIC, "group") as reader:
        await log.append(TOPIC, numbered(10))
        await read_some(reader, 10, commit=False)
        coordinator = reader._member._coordinator
        monkeypatch.setattr(coordinator, "generation", coordinator.generation + 5)
        await reader.commit()
        assert opened.metrics.log_dropped_commits.labels("group")._value.get() == 1
        assert len(await read_some(reader, 10)) == 10
