"""Fault 3: SIGTERM to one service after the other, under load, as a rolling restart does."""

import asyncio
from pathlib import Path

import pytest

from tests.system.installation import SERVICES, open_installation
from tests.system.receiver import CheckedWorld, paired_items
from tests.system.verdict import assert_flawless

ITEMS, FEEDS = 900, 10
GONE_WITHIN = 10.0


@pytest.mark.timeout(600)
async def test_fault_03_a_rolling_restart_drains_in_time_and_loses_and_repeats_nothing(tmp_path: Path):
    world = CheckedWorld(paired_items(ITEMS), feeds=FEEDS, step=0, fail_every=10**9)
    async with open_installation(tmp_path, world) as installation:
        for service in SERVICES:
            installation.keep(service)
        watching = asyncio.create_task(installation.watch())
        met, took = [], {}
        try:
            world.release(100)
            await installation.until(lambda: len(installation.stored) > 20, "the first items", within=120)
            for service in SERVICES:
                world.release(ITEMS // len(SERVICES))
                await asyncio.sleep(1)
                met.append(installation.unfinished)
                took[service] = await installation.supervisor[f"{service}-1"].restart()
                await installation.until_ready(f"{service}-1", within=60)
            figures = await assert_flawless(installation, settled_within=180)
        finally:
            watching.cancel()
        print(f"\nseconds to stop { ({name: round(s, 1) for name, s in took.items()}) }, unfinished {met}; {figures}")
        assert all(left > 0 for left in met)
        assert all(seconds < GONE_WITHIN for seconds in took.values()), took
        assert world.repeats() == 0, "a restart that drains sends nothing twice"
