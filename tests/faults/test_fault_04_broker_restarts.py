"""Fault 4: the broker is stopped and killed, several times, under load. Everything recovers unaided; nothing is lost."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from shared.topics import ARTICLES, DEAD_LETTERS, TAGGED_ARTICLES
from tests.faults.pipeline import all_told, not_ready, ready, records_of, running, stored, stored_titles, until
from tests.faults.tools.checker import FLAWLESS, ambiguous, judge, with_several_ids
from tests.servers.kafka import Broker
from tests.system.world import World, dyad_of, numbered_items, open_world

ITEMS = 600
AWAY_SECONDS = 3
RECOVERED_WITHIN = 45


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("quick_pauses")
async def test_fault_04_a_broker_that_is_stopped_once_and_killed_twice_under_load_costs_nothing(
    tmp_path: Path, kafka_broker: Broker, kafka_url: str
):
    world = World(numbered_items(ITEMS), feeds=6, step=4)
    kafka = {"LOG_URL": kafka_url, "KAFKA_PARTITIONS": "2"}
    recovered = []
    async with open_world(world), running(world.write_settings(tmp_path) | kafka) as attache:
        for end in (kafka_broker.stop, kafka_broker.kill, kafka_broker.kill):
            before = len(await stored_titles(attache.engine))
            await until(partial(stored, attache, before + 40), "work under way", within=RECOVERED_WITHIN)
            assert len(await stored_titles(attache.engine)) < ITEMS, "the fault comes under load"
            await asyncio.to_thread(end)
            await until(lambda: not_ready(attache), "readiness says so", within=20)
            await asyncio.sleep(AWAY_SECONDS)
            await asyncio.to_thread(kafka_broker.start)
            recovered.append(await until(lambda: ready(attache), "ready again", within=RECOVERED_WITHIN))
        await until(lambda: stored(attache, ITEMS), "all stored", within=60)
        await until(lambda: all_told(world), "all told", within=30)
        titles = await stored_titles(attache.engine)
        again = [
            [r for topic in (ARTICLES, TAGGED_ARTICLES) for r in await records_of(attache.eventlog, topic.name)]
            for _ in range(2)
        ]
        dead = [record for spec in DEAD_LETTERS for record in await records_of(attache.eventlog, spec.name)]
    print(f"ready again after {', '.join(f'{seconds:.1f} s' for seconds in recovered)}")
    assert judge(acked=[item.title for item in world.items], stored=titles) == FLAWLESS
    assert not ambiguous(*again)
    assert not dead
    assert not with_several_ids((dyad_of(payload), name) for name, payload in world.hooks)
