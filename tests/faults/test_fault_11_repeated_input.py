"""Fault 11: everything comes again, in any order, and every group begins anew. No row changes, nobody is told twice."""

import random
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from services.cli.drain import drain
from services.cli.embedded import Embedded
from shared.clock import utc_now
from shared.database.tables.store import article
from shared.eventlog import Message
from shared.topics import ALERTS, ARTICLES, TAGGED_ARTICLES
from tests.faults.logs import EVERY_LOG, reset_groups
from tests.faults.pipeline import article_of, everything_stored, records_of, running, until
from tests.faults.pipeline import rows as rows_of
from tests.system.world import Item, World, numbered_items, open_world

ITEMS = 120
REVISED = 10
BATCH = 50


@EVERY_LOG
async def test_fault_11_threefold_shuffled_and_replayed_input_changes_no_row_and_sends_nothing_twice(
    tmp_path: Path, log_url: str
):
    draw = random.Random(11)
    world = World(numbered_items(ITEMS), feeds=1, step=1)
    moment = datetime.now(UTC)
    first = [article_of(item, at=moment) for item in world.items]
    revised = [article_of(_revised(item), revision=1, at=moment) for item in world.items[:REVISED]]
    async with open_world(world):
        env = world.write_settings(tmp_path) | {"LOG_URL": log_url, "KAFKA_SESSION_TIMEOUT_SECONDS": "6"}
        async with running(env, polling=False) as attache:
            early, late = revised[: REVISED // 2], revised[REVISED // 2 :]
            await _take_in(attache, [*early, *first, *late])
            await until(lambda: _told(world), "all told", within=20)
            rows, hooks = await everything_stored(attache.engine), len(world.hooks)
            assert len(rows["article"]) == ITEMS
            assert len(rows["alert"]) == ITEMS // 10
            revisions = await rows_of(attache.engine, select(article.c.revision))
            assert sorted(revisions) == [(0,)] * (ITEMS - REVISED) + [(1,)] * REVISED
            again = 3 * [*first, *revised]
            draw.shuffle(again)
            await _take_in(attache, again)
            assert await everything_stored(attache.engine) == rows
            for topic in (TAGGED_ARTICLES.name, ALERTS.name):
                replay = [Message(r.key, r.value, r.headers) for r in await records_of(attache.eventlog, topic)]
                draw.shuffle(replay)
                await attache.eventlog.append(topic, replay)
            await drain(attache.eventlog, attache.engine, attache.metrics, now=utc_now)
            assert await everything_stored(attache.engine) == rows
        await reset_groups(log_url)
        async with running(env, polling=False) as attache:
            await drain(attache.eventlog, attache.engine, attache.metrics, now=utc_now)
            assert await everything_stored(attache.engine) == rows
            repeats = attache.metrics.registry.get_sample_value("attache_store_articles_total", {"outcome": "repeat"})
    assert repeats is not None
    assert repeats >= 4 * (ITEMS + REVISED), "the replay did reach the store"
    assert len(world.hooks) == hooks


async def _take_in(attache: Embedded, messages: list[Message]) -> None:
    for start in range(0, len(messages), BATCH):
        await attache.eventlog.append(ARTICLES.name, messages[start : start + BATCH])
    await drain(attache.eventlog, attache.engine, attache.metrics, now=utc_now)


def _revised(item: Item) -> Item:
    return Item(item.number, item.title, item.text + " This report was amended.", item.dyad)


async def _told(world: World) -> bool:
    return len({name for name, _ in world.hooks}) >= sum(item.dyad is not None for item in world.items)
