"""Appending: one idempotent producer per log, thrown away after any trouble.

An idempotent producer retries without end and without duplicates. When an append must give up nevertheless, what the
producer still holds may be sent much later, out of its order; so the producer goes, with everything it holds, and the
next append has a new one. What had already reached a broker stays, and comes again when the caller appends again.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition, errors
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender

from shared.eventlog import Message, TooLarge, Unavailable
from shared.eventlog.kafka.client import CLOSE_WITHIN, Brokers, troubles
from shared.eventlog.kafka.partition import partition_of
from shared.eventlog.kafka.plan import LETTER_EXTRA_BYTES, size_bytes
from shared.eventlog.kafka.records import key_bytes, timestamp_ms
from shared.eventlog.kafka.topics import Topic, Topics

APPEND_WITHIN = timedelta(seconds=30)
"""Longer than a broker's restart, which is then waited out without duplicates."""
COMPRESSION = "zstd"
BATCH_BYTES = 256 * 1024
QUEUED_SECONDS = 3600.0
"""How long the client may let a batch wait behind another; `append` has its own, much shorter patience."""
LINGER = timedelta(0)
"""What one `append` is given goes out together anyway; waiting for others' would only add to its time."""


class Producer:
    """Appends to the topics of one log. Nothing is opened before the first append."""

    def __init__(self, brokers: Brokers, topics: Topics, *, within: timedelta = APPEND_WITHIN) -> None:
        self._brokers = brokers
        self._topics = topics
        self._within = within
        self._current: _Client | None = None
        self._starting = asyncio.Lock()

    async def append(self, topic: str, messages: Sequence[Message], at: datetime) -> None:
        """Append all and return when every one is acknowledged. Raises TooLarge, Unavailable or BadLog."""
        client: _Client | None = None
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                found = await self._topics.get(topic)
                _refuse_too_large(topic, found, messages)
                client = await self._started()
                with troubles(f"topic {topic}"):
                    await client.append(self._brokers.address.topic(topic), messages, timestamp_ms(at))
        except TimeoutError as error:
            await self._discard(client, topic)
            raise Unavailable(
                f"Kafka (topic {topic}): nothing acknowledged within {self._within.total_seconds():.0f} s"
            ) from error
        except BaseException:
            await self._discard(client, topic)
            raise

    async def close(self) -> None:
        """Let go of the broker."""
        client, self._current = self._current, None
        if client is not None:
            await client.close()

    async def _started(self) -> "_Client":
        async with self._starting:
            if self._current is None:
                await self._brokers.knock()
                client = _Client(self._brokers)
                try:
                    with troubles("producer"):
                        await client.start()
                except BaseException:
                    await client.abandon()
                    raise
                self._current = client
            return self._current

    async def _discard(self, client: "_Client | None", topic: str) -> None:
        if client is None:
            return
        self._topics.forget(topic)
        if self._current is client:
            self._current = None
        await asyncio.shield(asyncio.ensure_future(client.abandon()))


def _refuse_too_large(topic: str, found: Topic, messages: Sequence[Message]) -> None:
    for message in messages:
        if (size := size_bytes(message)) > found.limit_bytes:
            raise TooLarge(
                f"topic {topic}: a message of {size:,} bytes (key {message.key[:80]!r}) is larger than the "
                f"{found.limit_bytes:,} it takes (KAFKA_MAX_MESSAGE_BYTES, and the topic's max.message.bytes)"
            )


class _Client(AIOKafkaProducer):  # type: ignore[misc] # aiokafka ships no types
    """aiokafka's producer, with a way to stop at once and send nothing more."""

    def __init__(self, brokers: Brokers) -> None:
        super().__init__(
            enable_idempotence=True,
            acks="all",
            compression_type=COMPRESSION,
            linger_ms=LINGER // timedelta(milliseconds=1),
            max_batch_size=BATCH_BYTES,
            max_request_size=brokers.settings.max_message_bytes + 2 * LETTER_EXTRA_BYTES,  # ours is the stricter check
            **brokers.options(),
        )
        self._sender = _Sender(
            self.client,
            acks=-1,
            txn_manager=self._txn_manager,
            message_accumulator=self._message_accumulator,
            retry_backoff_ms=100,
            request_timeout_ms=self._request_timeout_ms,
        )

    async def append(self, name: str, messages: Sequence[Message], at_ms: int) -> None:
        """Send all and wait for every acknowledgement.

        By partition and in whole batches: to send one by one costs a future for each, half of what an append takes.
        """
        partitions = len(await self.partitions_for(name))
        by_partition: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            number = message.partition
            if number is None:
                number = partition_of(key_bytes(message.key), partitions)
            by_partition[number % partitions].append(message)
        await asyncio.gather(
            *(self._append_to(TopicPartition(name, number), part, at_ms) for number, part in by_partition.items())
        )

    async def _append_to(self, place: TopicPartition, messages: Sequence[Message], at_ms: int) -> None:
        """Fill batches and hand each over when the one before is on its way; then wait for all."""
        acknowledgements: list[asyncio.Future[Any]] = []
        for batch in self._batches(messages, at_ms):
            future = await self._message_accumulator.add_batch(batch, place, QUEUED_SECONDS)
            future.add_done_callback(_seen)
            acknowledgements.append(future)
        await asyncio.gather(*acknowledgements)

    def _batches(self, messages: Sequence[Message], at_ms: int) -> Iterator[BatchBuilder]:
        batch = self.create_batch()
        for message in messages:
            record = {
                "timestamp": at_ms,
                "key": key_bytes(message.key),
                "value": message.value,
                "headers": list(message.headers),
            }
            if batch.append(**record) is None:  # full; an empty one takes a message of any size
                yield batch
                batch = self.create_batch()
                batch.append(**record)
        batch.close()
        yield batch

    async def close(self) -> None:
        """Stop when nothing is under way, as after every append that returned."""
        try:
            await asyncio.wait_for(self.stop(), CLOSE_WITHIN.total_seconds())
        except (TimeoutError, errors.KafkaError):
            await self.abandon()

    async def abandon(self) -> None:
        """Stop at once: waiting appends fail, nothing waiting is sent any more, connections are cut."""
        self._closed = True
        held = [*self._message_accumulator._pending_batches, *chain(*self._message_accumulator._batches.values())]  # noqa: SLF001
        self._message_accumulator.fail_all(errors.ProducerClosed("given up after another append's trouble"))
        for batch in held:
            _seen(batch.future)
            _seen(batch._drain_waiter)  # noqa: SLF001 - failed with the batch, and looked at by nobody
        tasks = {task for task in (self._sender.sender_task, *self._sender.flights) if task is not None}
        for task in tasks:
            task.cancel()
        for connection in self.client._conns.values():  # noqa: SLF001 - a plain close would still send what is buffered
            if connection._writer is not None:  # noqa: SLF001
                connection._writer.transport.abort()  # noqa: SLF001
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_WITHIN.total_seconds())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.client.close(), CLOSE_WITHIN.total_seconds())


class _Sender(Sender):  # type: ignore[misc] # aiokafka ships no types
    """aiokafka's sender, which would otherwise keep to itself what it has under way."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.flights: set[asyncio.Task[Any]] = set()

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        task = asyncio.current_task()
        if task is not None:
            self.flights.add(task)
            task.add_done_callback(self.flights.discard)
        await super()._send_produce_req(node_id, batches)


def _seen(future: "asyncio.Future[Any]") -> None:
    """Look at a failure, so that those behind the first are not reported as overlooked."""
    if future.done() and not future.cancelled():
        future.exception()
