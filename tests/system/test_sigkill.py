"""The embedded pipeline is killed again and again mid-flight; nothing may be lost, doubled or invented."""

import asyncio
import random
import signal
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.world import World, dyad_of, numbered_items, open_world, start

KILLS = 22
ITEMS = 2000
FEEDS = 20


@pytest.mark.timeout(400)
async def test_every_item_is_stored_once_and_every_webhook_has_one_id_through_twenty_two_kills(
    tmp_path: Path,
):
    seed = random.SystemRandom().randrange(10**6)
    draw = random.Random(seed)
    print(f"seed {seed}")
    log = tmp_path / "attache.log"
    progress: list[int] = []
    async with open_world(World(numbered_items(ITEMS), feeds=FEEDS, step=4)) as world:
        env = world.write_settings(tmp_path)
        for _ in range(KILLS):
            await _kill_mid_flight(world, env, log, draw)
            progress.append(len(_stored(tmp_path / "data" / "attache.db")))
        print(f"stored at each kill: {progress}")
        assert sum(count < ITEMS for count in progress) >= 20, "the kills came after the work was done"
        process = await start(env, "run", log=log)
        try:
            await _settle(world, tmp_path / "data" / "attache.db", process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0, log.read_text()[-2000:]

    stored = _stored(tmp_path / "data" / "attache.db")
    assert stored == sorted(item.title + "|" + item.text for item in world.items), f"seed {seed}"
    ids = defaultdict(set)
    for webhook_id, payload in world.hooks:
        ids[dyad_of(payload)].add(webhook_id)
    assert set(ids) == {item.dyad for item in world.items if item.dyad}, f"seed {seed}"
    assert all(len(each) == 1 for each in ids.values()), f"seed {seed}: a delivery changed its id"


async def _kill_mid_flight(world: World, env: dict[str, str], log: Path, draw: random.Random) -> None:
    world.asked.clear()
    process = await start(env, "run", log=log)
    asked = asyncio.ensure_future(world.asked.wait())
    gone = asyncio.ensure_future(process.wait())
    await asyncio.wait({asked, gone}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    assert not gone.done(), "attache stopped by itself:\n" + log.read_text()[-3000:]
    await asyncio.sleep(draw.uniform(0, 1.5))
    process.kill()
    await gone


async def _settle(world: World, database: Path, process: asyncio.subprocess.Process) -> None:
    expected = {item.dyad for item in world.items if item.dyad}
    for _ in range(1200):
        if process.returncode is not None:
            return
        if {dyad_of(payload) for _, payload in world.hooks} >= expected and len(_stored(database)) >= ITEMS:
            return
        await asyncio.sleep(0.1)


def _stored(database: Path) -> list[str]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return sorted(title + "|" + text for title, text in connection.execute("SELECT title, text FROM article"))
