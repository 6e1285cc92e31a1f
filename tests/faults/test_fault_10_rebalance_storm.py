"""Fault 10: taggers and stores join and leave every two seconds for two minutes, under load."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.cli.opening import database_of, log_of
from services.store.service import open_store
from services.tagger.service import open_tagger
from shared.metrics import process_metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health
from tests.system.installation import Installation, open_installation
from tests.system.receiver import CheckedWorld, paired_items
from tests.system.verdict import assert_flawless

STORM = timedelta(minutes=2)
EVERY = timedelta(seconds=2)
ITEMS, FEEDS = 2400, 10
AT_MOST = 3
"""Members that come and go, of each service, at one time; one of each stays throughout."""
SESSION = timedelta(seconds=6)
STILL_AT_MOST = timedelta(seconds=20)
"""The longest time without progress while there is work. A member that left keeps its place for the session's six
seconds (its name is static), in which its partitions wait; a rebalance takes back all partitions and gives each holder
five seconds to commit what it has in hand. So twelve seconds can pass although everything is as it should be, and a
busy machine adds its own; standing still in a storm that never ends would show as all of its 120 s."""


@dataclass
class Members:
    """Taggers and stores that run in this process, each a member of its group under a name of its own."""

    settings: Settings
    running: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=dict)
    joins: int = 0
    leaves: int = 0

    @property
    def changes(self) -> int:
        return self.joins + self.leaves

    def join(self, name: str) -> None:
        stop = asyncio.Event()
        self.running[name] = asyncio.create_task(self._run(name, stop)), stop
        self.joins += 1

    async def leave(self, name: str) -> None:
        task, stop = self.running.pop(name)
        stop.set()
        await task
        self.leaves += 1

    async def leave_all(self) -> None:
        await asyncio.gather(*(self.leave(name) for name in list(self.running)))

    def check(self) -> None:
        for task, _ in self.running.values():
            if task.done():
                task.result()

    async def _run(self, name: str, stop: asyncio.Event) -> None:
        async with self._opened(name) as service:
            await service(stop)

    @asynccontextmanager
    async def _opened(self, name: str) -> AsyncIterator[Service]:
        kind = name.partition("-")[0]
        settings = Settings(**{**vars(self.settings), "replica": name})
        metrics, health = process_metrics(kind), Health()
        async with log_of(settings, metrics=metrics) as eventlog:
            if kind == "tagger":
                async with open_tagger(settings, eventlog=eventlog, metrics=metrics, health=health) as service:
                    yield service
            else:
                async with (
                    database_of(settings) as engine,
                    open_store(settings, eventlog=eventlog, engine=engine, metrics=metrics, health=health) as service,
                ):
                    yield service


@pytest.mark.timeout(900)
async def test_fault_10_a_rebalance_storm_never_stops_the_work_and_loses_nothing(tmp_path: Path):
    seed = random.SystemRandom().randrange(10**6)
    print(f"\nseed {seed}")
    world = CheckedWorld(paired_items(ITEMS), feeds=FEEDS, step=0)
    session = str(SESSION.total_seconds())
    with capture_logs():
        async with open_installation(tmp_path, world, KAFKA_SESSION_TIMEOUT_SECONDS=session) as installation:
            await _weather(installation, seed)


async def _weather(installation: Installation, seed: int) -> None:
    installation.keep("fetcher")
    installation.keep("notifier")
    members = Members(Settings.from_env(installation.env))
    watching = asyncio.create_task(installation.watch())
    try:
        members.join("tagger-stays")
        members.join("store-stays")
        installation.world.release(100)
        await installation.until(lambda: len(installation.stored) > 20, "the first items", within=120)
        stills = await _storm(installation, members, random.Random(seed))
        members.check()
        changes = members.changes
        figures = await assert_flawless(installation, settled_within=180)
    finally:
        await members.leave_all()
        watching.cancel()
    print(
        f"{changes} joins and leaves; longest times without progress "
        f"{[round(still, 1) for still in sorted(stills, reverse=True)[:5]]} s; {figures}"
    )
    assert changes >= 0.8 * (STORM / EVERY)
    assert max(stills) < STILL_AT_MOST.total_seconds(), f"seed {seed}: no progress for {max(stills):.0f} s"


async def _storm(installation: Installation, members: Members, draw: random.Random) -> list[float]:
    """Let members come and go; return how long each time without progress was in which there was work."""
    changing = asyncio.create_task(_come_and_go(members, draw))
    stills: list[float] = []
    seen, since = -1, time.monotonic()
    began = time.monotonic()
    while not changing.done():
        released = 100 + (ITEMS - 100) * (time.monotonic() - began) / STORM.total_seconds()
        installation.world.release(max(int(released) - installation.world.released, 0))
        count = len(installation.stored)
        if count != seen or not installation.unfinished:
            stills.append(time.monotonic() - since)
            seen, since = count, time.monotonic()
        members.check()
        await asyncio.sleep(0.2)
    stills.append(time.monotonic() - since)
    await changing
    installation.world.release(ITEMS)
    return stills


async def _come_and_go(members: Members, draw: random.Random) -> None:
    """Every two seconds one joins or leaves: half of those who join have been there before, under the same name."""
    end = time.monotonic() + STORM.total_seconds()
    known: dict[str, list[str]] = {"tagger": [], "store": []}
    number = 0
    while time.monotonic() < end:
        turn = time.monotonic()
        kind = "tagger" if number % 2 else "store"
        there = [name for name in members.running if name.startswith(kind) and not name.endswith("-stays")]
        if there and (len(there) >= AT_MOST or draw.random() < 0.5):
            await members.leave(draw.choice(there))
        else:
            away = [name for name in known[kind] if name not in members.running]
            if away and draw.random() < 0.5:
                name = draw.choice(away)
            else:
                name = f"{kind}-{number}"
                known[kind].append(name)
            members.join(name)
        number += 1
        await asyncio.sleep(max(turn + EVERY.total_seconds() - time.monotonic(), 0))
