"""Fault 20: a backlog of 200,000 records waits for the tagger. It drains at a steady rate, and memory stays flat."""

import asyncio
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from shared.eventlog.open import open_log
from shared.settings import KafkaSettings
from shared.topics import ARTICLES, DEAD_LETTERS, TAGGED_ARTICLES
from tests.faults.logs import records_ever
from tests.faults.pipeline import article_of, process, until
from tests.faults.tools.checker import Resources, resources
from tests.servers import free_port
from tests.system.world import Item

BACKLOG = 200_000
APPENDED_AT_ONCE = 5_000
PARTITIONS = 4
QUARTERS = 4
MEMORY_MORE = 1.15
SLOWEST_QUARTER = 3.0  # other work on the machine counts as well; a rate that falls with the backlog falls further


@pytest.mark.timeout(600)
async def test_fault_20_a_backlog_drains_at_a_steady_rate_in_flat_memory(tmp_path: Path, kafka_url: str):
    await _fill(kafka_url)
    port = free_port()
    env = {"LOG_URL": kafka_url, "KAFKA_PARTITIONS": str(PARTITIONS), "OPS_PORT": str(port), "DATA_DIR": str(tmp_path)}
    moments: list[float] = []
    held: list[Resources] = []
    async with process(env, "tagger", said=tmp_path / "said") as tagger:
        for quarter in range(QUARTERS + 1):
            share = max(BACKLOG * quarter // QUARTERS, 1)

            async def reached(share: int = share) -> bool:
                return await _tagged(port) >= share

            await until(reached, f"{share:,} records tagged", within=240)
            moments.append(time.monotonic())
            held.append(resources(tagger.pid))
    took = [later - earlier for earlier, later in pairwise(moments)]
    print(f"{BACKLOG / sum(took):,.0f} records/s; quarters {', '.join(f'{seconds:.1f} s' for seconds in took)}")
    print(f"resident {', '.join(f'{each.resident_bytes >> 20} MB' for each in held)}")
    assert max(took) < SLOWEST_QUARTER * min(took)
    assert held[-1].resident_bytes < MEMORY_MORE * held[1].resident_bytes
    assert held[-1].files <= held[1].files + 2
    assert await records_ever(kafka_url, TAGGED_ARTICLES.name) == BACKLOG, "each record came out once"
    assert [await records_ever(kafka_url, spec.name) for spec in DEAD_LETTERS] == [0] * len(DEAD_LETTERS)


async def _fill(kafka_url: str) -> None:
    moment = datetime.now(UTC)
    async with open_log(kafka_url, kafka=KafkaSettings(partitions=PARTITIONS)) as eventlog:
        for start in range(0, BACKLOG, APPENDED_AT_ONCE):
            items = (
                Item(number, f"Council minutes {number}", f"Report {number} on the budget was heard.", None)
                for number in range(start, start + APPENDED_AT_ONCE)
            )
            await eventlog.append(ARTICLES.name, [article_of(item, at=moment) for item in items])


async def _tagged(port: int) -> float:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            text = await answer.text()
    except OSError:  # it has not begun to listen
        return 0
    await asyncio.sleep(0.2)
    lines = (line for line in text.splitlines() if line.startswith("attache_tagger_articles_total{"))
    return sum(float(line.split()[1]) for line in lines)
