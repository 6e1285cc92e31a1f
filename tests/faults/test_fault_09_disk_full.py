"""Fault 9: the disk fills up under the running pipeline, and has room again. Nothing breaks, nobody restarts it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from shared.topics import DEAD_LETTERS
from tests.faults.pipeline import all_told, process, records_of, running, stored, stored_titles, troubles_told, until
from tests.faults.tools.checker import FLAWLESS, judge, with_several_ids
from tests.faults.tools.small_disk import SmallDisk, copied, integrity, open_small_disk
from tests.servers import Missing, free_port
from tests.servers.postgresql import Server
from tests.system.world import World, dyad_of, numbered_items, open_world

ITEMS = 600
DISK_BYTES = 24 << 20
POSTGRESQL_BYTES = 32 << 20
FULL_SECONDS = 5
TITLES = """
import contextlib, pathlib, sqlite3, sys
if pathlib.Path(sys.argv[1]).exists():
    connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30)
    with contextlib.suppress(sqlite3.OperationalError):  # no table yet
        print("\\n".join(title for title, in connection.execute("SELECT title FROM article")))
"""


@contextmanager
def _small(size: int, *, owner: str | None = None) -> Iterator[SmallDisk]:
    try:
        with open_small_disk(size, owner=owner) as disk:
            yield disk
    except Missing as why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(why))


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with _small(DISK_BYTES) as disk:
        yield disk


async def test_fault_09_a_full_disk_stops_nothing_for_good_and_corrupts_nothing(tmp_path: Path, disk: SmallDisk):
    world = World(numbered_items(ITEMS), feeds=8, step=5)
    said, ops, page = tmp_path / "said", free_port(), free_port()
    async with open_world(world):
        env = world.write_settings(tmp_path) | {
            "DATA_DIR": str(disk.folder / "data"),
            "OPS_PORT": str(ops),
            "WEB_PORT": str(page),
        }
        async with process(env, "run", said=said, through=disk.inside):
            await until(lambda: _stored(disk, 50), "something stored before the fault", within=40)
            disk.fill()
            told = await _trouble(f"http://127.0.0.1:{ops}")
            before = len(await _titles(disk))
            assert 0 < before < ITEMS
            await asyncio.sleep(FULL_SECONDS)
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{page}/") as answer:
                assert answer.status == 200, "the page still shows what is stored"
            disk.relieve()
            await until(lambda: _stored(disk, ITEMS), "all stored once there was room", within=60)
            await until(lambda: all_told(world), "all told once there was room", within=30)
            assert await troubles_told(f"http://127.0.0.1:{ops}") == {}
    assert any("full" in reason for reason in told.values()), told
    log, database = copied(disk.outside / "data", ["log.db", "attache.db"], tmp_path / "after")
    assert (integrity(log), integrity(database)) == ("ok", "ok")
    assert judge(acked=[item.title for item in world.items], stored=await _titles(disk)) == FLAWLESS
    assert not with_several_ids((dyad_of(payload), name) for name, payload in world.hooks)
    assert "dead-letter" not in said.read_text()
    assert "Traceback" not in said.read_text()


@pytest.mark.usefixtures("quick_pauses")
async def test_fault_09_a_full_disk_under_postgresql_is_waited_out(tmp_path: Path, postgresql_server: Server):
    """Only the tables are on the small disk: a server that cannot write its own log stops, which is fault 7."""
    world = World(numbered_items(ITEMS), feeds=8, step=5)
    with _small(POSTGRESQL_BYTES, owner="postgres" if os.getuid() == 0 else None) as disk:
        name = postgresql_server.new_database()
        postgresql_server.sql(f"CREATE TABLESPACE {name} LOCATION '{disk.outside}'")
        postgresql_server.sql(f"ALTER DATABASE {name} SET TABLESPACE {name}")
        try:
            url = postgresql_server.url(name)
            async with open_world(world), running(world.write_settings(tmp_path) | {"DB_URL": url}) as attache:
                await until(lambda: stored(attache, 50), "something stored before the fault", within=40)
                disk.fill()
                told = await _trouble(attache.ops_url)
                assert 0 < len(await stored_titles(attache.engine)) < ITEMS
                await asyncio.sleep(FULL_SECONDS)
                disk.relieve()
                await until(lambda: stored(attache, ITEMS), "all stored once there was room", within=60)
                await until(lambda: all_told(world), "all told once there was room", within=30)
                titles = await stored_titles(attache.engine)
                dead = [record for spec in DEAD_LETTERS for record in await records_of(attache.eventlog, spec.name)]
        finally:
            postgresql_server.sql(f"DROP DATABASE {name} WITH (FORCE)")
            postgresql_server.sql(f"DROP TABLESPACE {name}")
    assert any("No space left" in reason for reason in told.values()), told
    assert judge(acked=[item.title for item in world.items], stored=titles) == FLAWLESS
    assert not dead


async def _titles(disk: SmallDisk) -> list[str]:
    told = await asyncio.to_thread(disk.python, TITLES, str(disk.folder / "data" / "attache.db"))
    return told.splitlines()


async def _stored(disk: SmallDisk, count: int) -> bool:
    return len(await _titles(disk)) >= count


async def _trouble(ops_url: str) -> dict[str, str]:
    told: dict[str, str] = {}

    async def any_told() -> bool:
        told.update(await troubles_told(ops_url))
        return bool(told)

    await until(any_told, "readiness says what is wrong", within=20)
    return told
