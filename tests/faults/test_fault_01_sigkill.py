"""Fault 1: every service is killed again and again, at random moments and at every failpoint, and the servers with them."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from shared import failpoints
from tests.system.installation import SERVICES, Installation, open_installation
from tests.system.receiver import CheckedWorld, paired_items
from tests.system.verdict import assert_flawless

ITEMS, FEEDS = 5000, 20
KILLS = 5
"""How often each service is killed at a random moment, at least; each failpoint is a death more."""
HIT_WITHIN = 240.0
BACK_WITHIN = 40.0


class Campaign:
    """All the killing, each service by itself; items are released as it goes, so that there is always work to meet."""

    def __init__(self, installation: Installation, draw: random.Random) -> None:
        self.installation = installation
        self.draw = draw
        self.met: list[int] = []
        self.hit: set[str] = set()
        self.servers: list[str] = []
        self.plans: dict[str, list[str]] = {}
        for service in SERVICES:
            names = [name for name in failpoints.NAMES if name.startswith(f"{service}.")]
            plan = names + [""] * max(KILLS - len(names), 0)
            draw.shuffle(plan)
            self.plans[service] = plan
        self.steps = sum(map(len, self.plans.values()))
        self.done = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for service in SERVICES:
                group.create_task(self._kill(service))
            group.create_task(self._kill_servers())
        self.installation.world.release(ITEMS)

    async def _kill(self, service: str) -> None:
        kept = self.installation.supervisor[f"{service}-1"]
        for failpoint in self.plans[service]:
            self._release()
            await asyncio.sleep(self.draw.uniform(0.2, 2.5))
            self.met.append(self.installation.unfinished)
            if failpoint:
                dying = asyncio.create_task(kept.die_at(failpoint, within=HIT_WITHIN))
                self._release()
                await dying
                self.hit.add(failpoint)
            else:
                await kept.kill()
                self._release()
            self.done += 1
            print(f"{self.done:2}/{self.steps} {failpoint or service + ' killed':20} {self.installation.summary()}")
            await self.installation.until_ready(kept.name, within=BACK_WITHIN)

    def _release(self) -> None:
        self.installation.world.release(ITEMS // (2 * self.steps))

    async def _kill_servers(self) -> None:
        broker, server = self.installation.broker, self.installation.server
        for part, what, end, begin in (
            (0.15, "broker killed", broker.kill, broker.start),
            (0.35, "database killed", server.kill, server.start),
            (0.55, "broker killed", broker.kill, broker.start),
            (0.75, "database restarted", server.stop, server.start),
        ):
            while self.done < part * self.steps:
                await asyncio.sleep(0.2)
            self.installation.world.release(100)
            self.met.append(self.installation.unfinished)
            await asyncio.to_thread(end)
            await asyncio.sleep(self.draw.uniform(0.5, 3))
            await asyncio.to_thread(begin)
            self.servers.append(what)
            print(f"      {what}")


@pytest.mark.timeout(1500)
async def test_fault_01_five_services_lose_and_double_nothing_through_kills_at_random_and_at_every_failpoint(
    tmp_path: Path,
):
    seed = random.SystemRandom().randrange(10**6)
    print(f"\nseed {seed}")
    world = CheckedWorld(paired_items(ITEMS), feeds=FEEDS, step=0)
    async with open_installation(tmp_path, world) as installation:
        campaign = Campaign(installation, random.Random(seed))
        for service in SERVICES:
            installation.keep(service)
        watching = asyncio.create_task(installation.watch())
        world.release(100)
        await installation.until(lambda: len(installation.stored) > 20, "the first items", within=120)
        began = time.monotonic()
        try:
            fight = asyncio.create_task(campaign.run())
            await asyncio.wait({fight, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                fight.cancel()
                watching.result()
            await fight
            fought = time.monotonic() - began
            verdict = await assert_flawless(installation, settled_within=300)
        finally:
            watching.cancel()
        deaths = Counter(end.by or "itself" for end in installation.supervisor.ends)
        print(f"{fought:.0f} s of kills: {dict(deaths)}; {verdict}")
        assert campaign.hit == set(failpoints.NAMES)
        assert all(kept.kills >= KILLS for kept in installation.supervisor.kept.values())
        assert Counter(campaign.servers) == {"broker killed": 2, "database killed": 1, "database restarted": 1}
        share = sum(left > 0 for left in campaign.met) / len(campaign.met)
        print(f"seed {seed}: {share:.0%} of the kills met unfinished items: {campaign.met}")
        assert share > 0.8, "the kills came after the work was done"
