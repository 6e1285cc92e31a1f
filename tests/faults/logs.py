"""The logs the same fault is tried on, and sending their groups back to the beginning."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition, errors

from shared.eventlog.kafka.address import parse
from shared.eventlog.open import open_log

EVERY_LOG = pytest.mark.parametrize("log_url", ["sqlite", "kafka"], indirect=True)
EMPTY_WITHIN = 40
GROUPS = {"articles": "tagger", "tagged": "store", "alerts": "notifier"}


async def reset_groups(url: str) -> None:
    """Send every group back to the oldest record; nobody may be reading."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as connection, connection:
            assert connection.execute("UPDATE position SET next_offset = 0").rowcount == len(GROUPS)
        return
    where = parse(url)
    for topic, group in GROUPS.items():
        partitions = await _partitions(url, topic)
        async with AIOKafkaConsumer(
            bootstrap_servers=list(where.servers), group_id=where.group(group, topic), enable_auto_commit=False
        ) as consumer:
            consumer.assign(partitions)
            async with asyncio.timeout(EMPTY_WITHIN):
                while not await _moved(consumer, partitions):
                    await asyncio.sleep(0.5)


async def _moved(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> bool:
    """Move the group to the beginning, unless a member of it, though gone, is still expected back under its name."""
    try:
        await consumer.commit(dict.fromkeys(partitions, 0))
    except errors.KafkaError:
        return False
    return True


async def records_ever(url: str, topic: str) -> int:
    """Return how many records a topic on Kafka ever took."""
    partitions = await _partitions(url, topic)
    async with AIOKafkaConsumer(bootstrap_servers=list(parse(url).servers)) as consumer:
        consumer.assign(partitions)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        return sum(ends.values())


async def _partitions(url: str, topic: str) -> list[TopicPartition]:
    async with open_log(url) as eventlog:
        count = await eventlog.partitions(topic)
    return [TopicPartition(parse(url).topic(topic), number) for number in range(count)]
