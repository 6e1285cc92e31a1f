"""Fault 8: another program holds SQLite's write lock. Everything waits; nobody is told of an error, nothing is lost."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from services.cli.embedded import Embedded
from tests.faults.pipeline import all_told, running, stored, stored_titles, troubles_told, until
from tests.faults.tools.checker import FLAWLESS, judge, with_several_ids
from tests.system.world import World, dyad_of, numbered_items, open_world, start

ITEMS = 400
LONGER_THAN_A_WRITER_WAITS = 9


@asynccontextmanager
async def locked(database: Path) -> AsyncIterator[None]:
    """Hold the write lock of a database, as a backup or a person at a prompt would."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # whoever holds it now needs this loop to end
        yield
        other.execute("ROLLBACK")


@pytest.mark.usefixtures("quick_pauses")
@pytest.mark.parametrize("name", ["attache.db", "log.db"])
async def test_fault_08_a_locked_database_is_waited_for_while_the_page_still_answers(tmp_path: Path, name: str):
    world = World(numbered_items(ITEMS), feeds=8, step=10)
    with capture_logs() as lines:
        async with open_world(world), running(world.write_settings(tmp_path)) as attache:
            await until(lambda: stored(attache, 40), "something stored before the fault", within=30)
            async with locked(tmp_path / "data" / name):
                before = len(await stored_titles(attache.engine))
                assert before < ITEMS
                told: dict[str, str] = {}
                for _ in range(LONGER_THAN_A_WRITER_WAITS):
                    assert await _page(attache) == 200
                    told |= await troubles_told(attache.ops_url)
                    await asyncio.sleep(1)
                if name == "attache.db":
                    assert len(await stored_titles(attache.engine)) == before
            assert any("locked" in reason for reason in told.values()), "readiness says what is waited for"
            await until(lambda: stored(attache, ITEMS), "all stored after the fault", within=40)
            await until(lambda: all_told(world), "all told after the fault", within=20)
            assert await troubles_told(attache.ops_url) == {}
            titles = await stored_titles(attache.engine)
    assert judge(acked=[item.title for item in world.items], stored=titles) == FLAWLESS
    assert not with_several_ids((dyad_of(payload), name) for name, payload in world.hooks)
    assert [line for line in lines if line["log_level"] in {"error", "critical"}] == []


async def test_fault_08_a_change_by_a_user_waits_for_the_lock_and_is_made(tmp_path: Path):
    world = World(numbered_items(1), feeds=1, step=1)
    async with open_world(world), running(world.write_settings(tmp_path)) as attache:
        key = await _made_key(tmp_path)
        body = {"name": "Ours", "topics": ["defence-agreement"], "channel": {"webhook": "https://watch.example/hook"}}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
            async with locked(tmp_path / "data" / "attache.db"):
                asked = asyncio.create_task(session.post(f"{attache.page_url}/api/subscriptions", json=body))
                done, _ = await asyncio.wait({asked}, timeout=2)
                assert not done, "nothing can have been written yet"
            async with await asked as answer:
                assert answer.status == 201, await answer.text()


async def _page(attache: Embedded) -> int:
    async with aiohttp.ClientSession() as session, session.get(attache.page_url) as answer:
        return answer.status


async def _made_key(folder: Path) -> str:
    said = folder / "key"
    process = await start({"DATA_DIR": str(folder / "data")}, "keys", "create", "test", log=said)
    assert await process.wait() == 0
    return said.read_text().split()[0]
