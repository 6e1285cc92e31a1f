"""Two replicas of every service: they share the work, one that dies for good leaves it to the other, web holds nothing."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.system.installation import SERVICES, Installation, open_installation
from tests.system.receiver import CheckedWorld, paired_items
from tests.system.verdict import assert_flawless

ITEMS, FEEDS = 600, 10
MOVED_WITHIN = 60.0
SESSION_SECONDS = "10"


@pytest.mark.timeout(600)
async def test_two_replicas_of_each_service_share_the_work_and_a_dead_fetchers_feeds_move_within_a_minute(
    tmp_path: Path,
):
    world = CheckedWorld(paired_items(ITEMS), feeds=FEEDS, step=0)
    async with open_installation(tmp_path, world, KAFKA_SESSION_TIMEOUT_SECONDS=SESSION_SECONDS) as installation:
        for service in SERVICES:
            for replica in "12":
                installation.keep(service, replica)
        watching = asyncio.create_task(installation.watch())
        try:
            await installation.until_ready(*(f"{s}-{r}" for s in SERVICES for r in "12"), within=180)
            for _ in range(4):
                world.release(100)
                await installation.until(lambda: installation.unfinished == 0, "a hundred items stored", within=90)
            shares = await _shares(installation)
            print(f"\nhandled by replica: {shares}")
            assert all(share > 0 for shared in shares.values() for share in shared), shares

            dead = await _busier_fetcher(installation)
            await installation.supervisor[dead].take_away()
            died = time.monotonic()
            polled = dict(world.requests)
            world.release(ITEMS)
            await installation.until(
                lambda: all(world.requests[feed] > polled[feed] for feed in range(FEEDS)),
                "each feed polled by the other fetcher",
                within=MOVED_WITHIN,
            )
            print(f"all feeds polled by the other {time.monotonic() - died:.1f} s after {dead} died")
            print(await assert_flawless(installation, settled_within=120))
            await _assert_pages_go_on_elsewhere(installation)
        finally:
            watching.cancel()


async def _shares(installation: Installation) -> dict[str, list[int]]:
    shares = {}
    for stage in ("tagger", "store", "notifier"):
        sample = f'attache_stage_events_total{{outcome="handled",stage="{stage}"}}'
        shares[stage] = [int(await installation.sample(f"{stage}-{replica}", sample)) for replica in "12"]
    sample = 'attache_fetcher_polls_total{outcome="fetched"}'
    shares["fetcher"] = [int(await installation.sample(f"fetcher-{replica}", sample)) for replica in "12"]
    return shares


async def _busier_fetcher(installation: Installation) -> str:
    shares = (await _shares(installation))["fetcher"]
    return f"fetcher-{1 + shares.index(max(shares))}"


async def _assert_pages_go_on_elsewhere(installation: Installation) -> None:
    """A cursor that one web replica gave is good at the other."""
    found: list[str] = []
    async with aiohttp.ClientSession() as http:

        async def page(replica: str, **query: str) -> dict[str, Any]:
            url = f"http://127.0.0.1:{installation.port(f'web-{replica} page')}/api/alerts"
            async with http.get(url, params={"limit": "7", **query}) as answer:
                assert answer.status == 200, await answer.text()
                read: dict[str, Any] = await answer.json()
                return read

        turn, cursor = 0, None
        while turn == 0 or cursor:
            read = await page("12"[turn % 2], **({"cursor": cursor} if cursor else {}))
            found += [alert["id"] for alert in read["alerts"]]
            cursor = read.get("next_cursor")
            turn += 1
    rows = await installation.sql("SELECT id FROM alert")
    assert rows is not None
    assert len(found) == len(set(found))
    assert set(found) == {alert for (alert,) in rows}
    assert turn > 2
