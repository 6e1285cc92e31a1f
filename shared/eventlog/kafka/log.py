"""The log on Kafka, opened by a LOG_URL. Opening connects to nobody: brokers may come later, or go and come back."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from shared.clock import Clock
from shared.eventlog import BadLog, Message, Reader, Record
from shared.eventlog.kafka.address import parse
from shared.eventlog.kafka.client import Brokers
from shared.eventlog.kafka.producer import Producer
from shared.eventlog.kafka.reader import KafkaReader
from shared.eventlog.kafka.scan import scan
from shared.eventlog.kafka.topics import Topics
from shared.metrics import Metrics
from shared.settings import KafkaSettings

REPLICA = re.compile(r"[A-Za-z0-9._-]{1,200}")


@asynccontextmanager
async def open_kafka_log(
    url: str, *, kafka: KafkaSettings, replica: str, now: Clock, metrics: Metrics | None
) -> AsyncIterator["KafkaLog"]:
    """Open the log at `url` until the block ends.

    With a `replica` its readers are static members of their groups (KIP-345): one process per name, which comes back
    to its partitions when it is started again. Raises BadLog for a URL, certificate or password file of no use.
    """
    if replica and not REPLICA.fullmatch(replica):
        raise BadLog(f"REPLICA={replica!r}: Kafka takes letters, digits, '.', '_' and '-', at most 200")
    brokers = Brokers(parse(url), kafka)
    brokers.security()  # a password file that cannot be read is told of at once
    log = KafkaLog(brokers, replica=replica, now=now, metrics=metrics)
    try:
        yield log
    finally:
        await log.producer.close()


class KafkaLog:
    """An EventLog over a cluster's topics. Opened by `open_log`."""

    def __init__(self, brokers: Brokers, *, replica: str, now: Clock, metrics: Metrics | None) -> None:
        self._brokers = brokers
        self._replica = replica
        self._now = now
        self._metrics = metrics
        self._topics = Topics(brokers)
        self.producer = Producer(brokers, self._topics)

    async def append(self, topic: str, messages: Sequence[Message]) -> None:
        """Append each message to the partition of its key, stamped with our time; all replicas in sync acknowledge."""
        if messages:
            await self.producer.append(topic, messages, self._now())

    async def partitions(self, topic: str) -> int:
        """Return how many partitions the topic has, made first where it is missing."""
        return (await self._topics.get(topic)).partitions

    @asynccontextmanager
    async def reader(self, topic: str, group: str) -> AsyncIterator[Reader]:
        """Join the group at the first `read`."""
        reader = KafkaReader(
            self._brokers, self._topics, topic, group, replica=self._replica, now=self._now, metrics=self._metrics
        )
        try:
            yield reader
        finally:
            await reader.close()

    async def scan(self, topic: str) -> AsyncIterator[Record]:
        """Yield what the topic holds now, partition by partition."""
        async for record in scan(self._brokers, self._topics, topic):
            yield record

    async def prune(self, now: datetime) -> int:
        """Return 0: the brokers forget by the topics' retention, whoever still owes a record."""
        del now
        return 0
