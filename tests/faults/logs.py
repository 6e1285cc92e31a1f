"""The logs the same fault is tried on, and sending their groups back to the beginning."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.topics import TOPICS

EVERY_LOG = pytest.mark.parametrize("log_url", ["sqlite", "kafka"], indirect=True)
GROUPS = {"articles": "tagger", "tagged": "store", "alerts": "notifier"}


async def reset_groups(url: str) -> None:
    """Send every group back to the oldest record; nobody may be reading."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as connection, connection:
            assert connection.execute("UPDATE position SET next_offset = 0").rowcount == len(GROUPS)
        return
    address, _, name_space = url.removeprefix("kafka://").partition("/")
    prefix = f"{name_space}." if name_space else ""
    for topic, group in GROUPS.items():
        assert topic in TOPICS
        async with AIOKafkaConsumer(
            bootstrap_servers=address, group_id=prefix + group, enable_auto_commit=False
        ) as consumer:
            partitions = [
                TopicPartition(prefix + topic, n) for n in consumer.partitions_for_topic(prefix + topic) or ()
            ]
            assert partitions
            consumer.assign(partitions)
            await consumer.commit(dict.fromkeys(partitions, 0))
