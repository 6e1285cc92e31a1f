"""The five services as five processes on a real broker and database: a short run with a kill for each of them."""

import asyncio
import random
import time
from pathlib import Path

import aiohttp
import pytest

from tests.system.installation import SERVICES, open_installation
from tests.system.receiver import CheckedWorld, paired_items
from tests.system.verdict import assert_flawless


@pytest.mark.timeout(240)
async def test_five_services_lose_and_double_nothing_when_each_is_killed_once(tmp_path: Path):
    seed = random.SystemRandom().randrange(10**6)
    draw = random.Random(seed)
    print(f"\nseed {seed}")
    world = CheckedWorld(paired_items(600), feeds=10, step=0)
    async with open_installation(tmp_path, world) as installation:
        began = time.monotonic()
        for service in SERVICES:
            installation.keep(service)
        watching = asyncio.create_task(installation.watch())
        met = []
        try:
            world.release(100)
            await installation.until(lambda: len(installation.stored) > 20, "the first items", within=90)
            print(f"first items after {time.monotonic() - began:.1f} s")
            for service in draw.sample(SERVICES, len(SERVICES)):
                world.release(100)
                await asyncio.sleep(draw.uniform(0.2, 1.5))
                met.append(installation.unfinished)
                await installation.supervisor[f"{service}-1"].kill()
            print(f"unfinished at each kill: {met}")
            assert sum(left > 0 for left in met) >= len(SERVICES) - 1, "the kills came after the work was done"
            print(await assert_flawless(installation, settled_within=120))
            await _assert_page_answers(installation.port("web-1 page"))
            for service in SERVICES:
                assert await installation.ready(f"{service}-1") == {}
        finally:
            watching.cancel()
        for service in SERVICES:
            seconds = await installation.supervisor[f"{service}-1"].stop()
            assert seconds < 10, f"{service} took {seconds:.1f} s to stop"
        installation.supervisor.check()


async def _assert_page_answers(port: int) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as answer:
        assert answer.status == 200
        assert "Japan" in await answer.text()
