"""Fault 7: PostgreSQL is stopped, killed, or no longer answers, under load. The log waits for it; nothing dies."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.cli.embedded import Embedded
from shared.topics import DEAD_LETTERS
from tests.faults.pipeline import all_told, ready, records_of, running, stored, stored_titles, troubles_told, until
from tests.faults.tools.checker import FLAWLESS, judge, with_several_ids
from tests.faults.tools.proxy import Proxy, open_proxy
from tests.servers.postgresql import Server
from tests.system.world import World, dyad_of, numbered_items, open_world

ITEMS = 500
AWAY_SECONDS = 5  # the mechanism is that of ten minutes: pauses that grow to their cap, two seconds here
UNTIL_NOTICED = 40


@pytest.fixture
def proxy(postgresql_server: Server) -> Iterator[Proxy]:
    with open_proxy(postgresql_server.port) as proxy:
        yield proxy


def stopped(server: Server, _proxy: Proxy) -> Callable[[], None]:
    server.stop()
    return server.start


def killed(server: Server, _proxy: Proxy) -> Callable[[], None]:
    server.kill()
    return server.start


def half_open(_server: Server, proxy: Proxy) -> Callable[[], None]:
    proxy.hang()
    return proxy.heal


@pytest.mark.usefixtures("quick_pauses")
@pytest.mark.parametrize("fault", [stopped, killed, half_open])
async def test_fault_07_the_log_waits_for_a_database_that_is_away_and_everything_catches_up(
    tmp_path: Path, postgresql_server: Server, proxy: Proxy, fault: Callable[[Server, Proxy], Callable[[], None]]
):
    world = World(numbered_items(ITEMS), feeds=8, step=10)
    database = postgresql_server.url(postgresql_server.new_database(), port=proxy.port)
    async with open_world(world), running(world.write_settings(tmp_path) | {"DB_URL": database}) as attache:
        await until(lambda: stored(attache, 100), "something stored before the fault", within=30)
        assert len(await stored_titles(attache.engine)) < ITEMS
        undo = await asyncio.to_thread(fault, postgresql_server, proxy)
        await until(lambda: _store_is_not_ready(attache), "readiness says so", within=UNTIL_NOTICED)
        committed, asked = _committed(tmp_path), world.requests.total()
        await asyncio.sleep(AWAY_SECONDS)
        assert _committed(tmp_path) == committed, "nothing may be committed that is not stored"
        assert world.requests.total() - asked < world.feeds, "feeds are hardly asked while nothing can be remembered"
        await asyncio.to_thread(undo)
        took = await until(lambda: stored(attache, ITEMS), "all stored once it is back", within=60)
        await until(lambda: all_told(world), "all told once it is back", within=30)
        await until(lambda: ready(attache), "ready again", within=10)
        titles = await stored_titles(attache.engine)
        dead = [record for spec in DEAD_LETTERS for record in await records_of(attache.eventlog, spec.name)]
    print(f"{fault.__name__}: all stored {took:.1f} s after it came back")
    assert judge(acked=[item.title for item in world.items], stored=titles) == FLAWLESS
    assert not dead
    assert not with_several_ids((dyad_of(payload), name) for name, payload in world.hooks)


def _committed(folder: Path) -> int:
    """Return how far the store's group is, as the log's own file says."""
    with closing(sqlite3.connect(folder / "data" / "log.db")) as log:
        (position,) = log.execute(
            "SELECT next_offset FROM position WHERE topic = 'tagged' AND \"group\" = 'store'"
        ).fetchone()
        return int(position)


async def _store_is_not_ready(attache: Embedded) -> bool:
    """Tell whether the store says so: its consumer, or its relay where the fault met the consumer without work."""
    return not {"store-consumer", "store"}.isdisjoint(await troubles_told(attache.ops_url))
