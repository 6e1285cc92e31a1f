"""Fault 5: the broker cannot be reached, at a cold start and later: refused, or taken and never answered.

Readiness says why, feeds are left alone, memory and log stay small, and everything goes on when it is back.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import open_database
from tests.faults.pipeline import all_told, process, stored_titles, troubles_told, until
from tests.faults.tools.checker import FLAWLESS, judge, resources, with_several_ids
from tests.faults.tools.proxy import Proxy, open_proxy
from tests.servers import free_port
from tests.servers.kafka import Broker
from tests.system.world import World, dyad_of, numbered_items, open_world

ITEMS = 420
AWAY_SECONDS = 8  # ten minutes are no different: from the second pause on, an outage only repeats itself
NOTICED_WITHIN = 45
MEMORY_MORE_BYTES = 24 << 20
LINES_A_SECOND = 8


@pytest.fixture
def link(kafka_broker: Broker) -> Iterator[Proxy]:
    with open_proxy(kafka_broker.behind_proxy_port, port=kafka_broker.proxied_port) as link:
        yield link


@pytest.mark.timeout(300)
async def test_fault_05_an_unreachable_broker_is_waited_for_in_quiet(tmp_path: Path, link: Proxy, kafka_url: str):
    world = World(numbered_items(ITEMS), feeds=6, step=2)
    said, port = tmp_path / "said", free_port()
    ops = f"http://127.0.0.1:{port}"
    async with open_world(world), open_database(f"sqlite:///{tmp_path}/data/attache.db") as engine:
        env = world.write_settings(tmp_path) | {
            "LOG_URL": f"kafka://{link.address}/{kafka_url.rpartition('/')[2]}",
            "KAFKA_PARTITIONS": "2",
            "OPS_PORT": str(port),
        }
        link.cut()
        async with process(env, "run", said=said) as attache:
            await until(lambda: _waits(ops), "a cold start without a broker: not ready", within=NOTICED_WITHIN)
            await _quiet(world, ops, attache.pid, said)
            assert world.requests.total() <= 3 * world.feeds, "a feed is not asked for what nobody takes"
            link.heal()
            await until(lambda: _some(engine, 40), "stored once the broker is there", within=60)
            for fault in (link.hang, link.cut):
                assert len(await stored_titles(engine)) < ITEMS, "the fault comes under load"
                before = resources(attache.pid)
                fault()
                await until(lambda: _waits(ops), f"{fault.__name__}: not ready", within=NOTICED_WITHIN)
                await _quiet(world, ops, attache.pid, said)
                after = resources(attache.pid)
                assert after.resident_bytes < before.resident_bytes + MEMORY_MORE_BYTES
                assert after.files < before.files + 20
                link.heal()
                await until(lambda: _well(ops), f"{fault.__name__}: ready again", within=75)
            await until(lambda: _some(engine, ITEMS), "all stored", within=75)
            await until(lambda: all_told(world), "all told", within=30)
            titles = await stored_titles(engine)
    assert judge(acked=[item.title for item in world.items], stored=titles) == FLAWLESS
    assert not with_several_ids((dyad_of(payload), name) for name, payload in world.hooks)
    assert "dead-letter" not in said.read_text()


async def _quiet(world: World, ops: str, pid: int, said: Path) -> None:
    """Stay for the length of an outage: not ready throughout, few lines, hardly a feed asked."""
    asked, lines = world.requests.total(), said.read_bytes().count(b"\n")
    for _ in range(AWAY_SECONDS):
        reasons = await troubles_told(ops)
        assert any("Kafka" in reason for reason in reasons.values()), reasons
        await asyncio.sleep(1)
    assert world.requests.total() - asked <= world.feeds + AWAY_SECONDS, "each feed once, then one now and then"
    more = said.read_bytes().count(b"\n") - lines
    assert more <= LINES_A_SECOND * AWAY_SECONDS, f"{more} lines in {AWAY_SECONDS} s"
    print(f"{more} lines, {world.requests.total() - asked} requests in {AWAY_SECONDS} s; {resources(pid)}")


async def _waits(ops: str) -> bool:
    try:
        return any("Kafka" in reason for reason in (await troubles_told(ops)).values())
    except OSError:  # it has not begun to listen
        return False


async def _well(ops: str) -> bool:
    return not await troubles_told(ops)


async def _some(engine: AsyncEngine, count: int) -> bool:
    return len(await stored_titles(engine)) >= count
