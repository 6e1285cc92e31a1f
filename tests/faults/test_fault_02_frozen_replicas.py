"""Fault 2: replicas hang (SIGSTOP) until the group has given their work to others, and wake up as zombies."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import open_database
from shared.database.tables.store import alert
from shared.eventlog import EventLog
from shared.eventlog.open import open_log
from shared.settings import KafkaSettings
from shared.topics import ALERTS, ARTICLES, DEAD_LETTERS
from tests.faults.pipeline import article_of, process, records_of, rows, stored_titles, until
from tests.faults.tools.checker import FLAWLESS, judge
from tests.system.world import Item, numbered_items

SESSION_SECONDS = 6  # the broker's own least; a minute's freeze against 45 s is the same
FROZEN_SECONDS = 10
ITEMS = numbered_items(2000)
TAKEN_OVER_WITHIN = 60


@dataclass
class Feed:
    """Appends an item at a time, all the while."""

    eventlog: EventLog
    sent: list[Item] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        for number in count():
            if self.stop.is_set():
                break
            await self.eventlog.append(ARTICLES.name, [article_of(ITEMS[number])])
            self.sent.append(ITEMS[number])
            await asyncio.sleep(0.05)
        self.ended.set()


@asynccontextmanager
async def feeding(kafka_url: str) -> AsyncIterator[Feed]:
    async with open_log(kafka_url, kafka=KafkaSettings(partitions=4)) as eventlog, asyncio.TaskGroup() as group:
        feed = Feed(eventlog)
        group.create_task(feed.run())
        try:
            yield feed
        finally:
            feed.stop.set()


@pytest.mark.timeout(300)
async def test_fault_02_frozen_replicas_are_replaced_and_wake_up_without_harm(
    tmp_path: Path, kafka_url: str, postgresql_url: str
):
    env = {
        "LOG_URL": kafka_url,
        "DB_URL": postgresql_url,
        "KAFKA_PARTITIONS": "4",
        "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        "OPS_PORT": "0",
        "DATA_DIR": str(tmp_path),
    }

    def started(service: str, name: str, *, may_end: bool = False):
        return process(env | {"REPLICA": name}, service, said=tmp_path / f"{service}-{name}", may_end=may_end)

    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        await _migrated(env, tmp_path)
        engine = await enter(open_database(postgresql_url))
        zombie = await enter(started("tagger", "one", may_end=True))
        sleepers = [zombie, await enter(started("store", "one"))]
        await enter(started("tagger", "two"))
        await enter(started("store", "two"))
        feed = await enter(feeding(kafka_url))
        await until(partial(_stored_all, engine, 100), "all four at work", within=90)

        for sleeper in sleepers:
            sleeper.send_signal(signal.SIGSTOP)
        await asyncio.sleep(FROZEN_SECONDS)
        asleep = len(feed.sent)
        took = await until(partial(_has, engine, feed.sent[:asleep]), "others took over", within=TAKEN_OVER_WITHIN)
        print(f"all of the frozen replicas' share stored {FROZEN_SECONDS + took:.1f} s after they froze")
        for sleeper in sleepers:
            sleeper.send_signal(signal.SIGCONT)
        await until(partial(_sent, feed, asleep + 60), "more to do for those who woke up", within=60)

        zombie.send_signal(signal.SIGSTOP)
        await enter(started("tagger", "one"))
        await until(partial(_says, tmp_path / "tagger-one", "running", 2), "its successor runs", within=60)
        await until(partial(_sent, feed, len(feed.sent) + 60), "and works", within=60)
        zombie.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(zombie.wait(), 60) != 0, "who has lost its name to another must go"

        feed.stop.set()
        await feed.ended.wait()
        await until(partial(_has, engine, feed.sent), "everything is stored", within=TAKEN_OVER_WITHIN)
        titles = await stored_titles(engine)
        alerts = [name for (name,) in await rows(engine, select(alert.c.id))]
        told = Counter(record.header("ce_id") for record in await records_of(feed.eventlog, ALERTS.name))
        dead = [record for spec in DEAD_LETTERS for record in await records_of(feed.eventlog, spec.name)]
    assert judge(acked=[item.title for item in feed.sent], stored=titles) == FLAWLESS
    assert len(alerts) == sum(item.dyad is not None for item in feed.sent), "one alert for each agreement"
    assert {name.encode() for name in alerts} == told.keys() - {None} - _heartbeats(told)
    assert not dead


def _heartbeats(told: Counter[bytes | None]) -> set[bytes | None]:
    return {name for name in told if name is not None and name.startswith(b"heartbeat")}


async def _migrated(env: dict[str, str], folder: Path) -> None:
    async with process(env, "migrate", said=folder / "migrate", may_end=True) as migrate:
        assert await migrate.wait() == 0, (folder / "migrate").read_text()


async def _stored_all(engine: AsyncEngine, count: int) -> bool:
    return len(await stored_titles(engine)) >= count


async def _has(engine: AsyncEngine, items: list[Item]) -> bool:
    return {item.title for item in items} <= set(await stored_titles(engine))


async def _sent(feed: Feed, count: int) -> bool:
    return len(feed.sent) >= count


async def _says(said: Path, word: str, times: int) -> bool:
    return said.read_text().count(word) >= times
