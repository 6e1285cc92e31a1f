"""Reading without a group: a topic from its first record to the end it had when the call was made."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.eventlog import Record, Unavailable
from shared.eventlog.kafka.client import CLOSE_WITHIN, Brokers, milliseconds, troubles
from shared.eventlog.kafka.records import record_of
from shared.eventlog.kafka.topics import Topics

PAGE_RECORDS = 500
SILENT_FOR = timedelta(seconds=15)
"""After so long without an answer from a partition that has more, the broker is away."""


@asynccontextmanager
async def open_groupless(brokers: Brokers) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer that belongs to no group and commits nothing. Raises Unavailable or BadLog."""
    await brokers.knock()
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **brokers.options(),
    )
    try:
        with troubles("brokers"):
            await consumer.start()
            await asyncio.sleep(0)  # its background tasks must have begun before they can be stopped
            yield consumer
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(consumer.stop(), CLOSE_WITHIN.total_seconds())


async def scan(brokers: Brokers, topics: Topics, topic: str) -> AsyncIterator[Record]:
    """Yield every record, partition by partition; nothing where there is no such topic. Raises Unavailable."""
    partitions = await topics.existing(topic)
    if partitions is None:
        return
    name = brokers.address.topic(topic)
    places = [TopicPartition(name, number) for number in range(partitions)]
    async with open_groupless(brokers) as consumer:
        starts = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            if starts[place] >= ends[place]:
                continue
            consumer.assign([place])
            consumer.seek(place, starts[place])
            while (at := await consumer.position(place)) < ends[place]:
                page = await consumer.getmany(timeout_ms=milliseconds(SILENT_FOR), max_records=PAGE_RECORDS)
                if not page and await consumer.position(place) == at:
                    raise Unavailable(f"Kafka (topic {topic}): partition {place.partition} does not answer")
                for each in page.get(place, ()):
                    if each.offset < ends[place]:
                        yield record_of(each, topic)
