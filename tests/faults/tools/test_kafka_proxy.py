"""The refusing proxy before a real broker: what it refuses, the broker never saw; what it betrays, the broker did."""

import asyncio
import struct
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupLoadInProgressError,
    InvalidProducerEpoch,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
)

from tests.faults.tools.kafka_proxy import Api, KafkaProxy, _Frames, open_kafka_proxy
from tests.servers.kafka import Broker


@pytest.fixture
def proxy(kafka_broker: Broker) -> Iterator[KafkaProxy]:
    with open_kafka_proxy(kafka_broker.behind_proxy_port, advertised=kafka_broker.proxied_port) as proxy:
        yield proxy


@pytest.fixture
async def topic(kafka_broker: Broker) -> str:
    name = f"refusals-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()
    return name


@pytest.fixture
async def producer(proxy: KafkaProxy) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=proxy.link.address, enable_idempotence=True, acks="all") as producer:
        yield producer


async def on_the_log(broker: Broker, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.address, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[bytes] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found.extend(record.value for record in records)
        return found
    finally:
        await consumer.stop()


async def test_a_refused_request_is_retried_by_the_client_and_done_once(kafka_broker, proxy, topic, producer):
    proxy.refuse(Api.PRODUCE, NotLeaderForPartitionError, times=2)
    await producer.send_and_wait(topic, b"one")
    assert proxy.refused == {(Api.PRODUCE, "NotLeaderForPartitionError"): 2}
    assert proxy.seen[Api.PRODUCE] == 3
    assert await on_the_log(kafka_broker, topic) == [b"one"]


async def test_a_refused_request_never_reaches_the_broker(kafka_broker, proxy, topic, producer):
    proxy.refuse(Api.PRODUCE, MessageSizeTooLargeError)
    with pytest.raises(MessageSizeTooLargeError):
        await producer.send_and_wait(topic, b"one")
    assert await on_the_log(kafka_broker, topic) == []


async def test_a_request_done_but_answered_with_an_error_is_on_the_log_though_the_client_was_told_otherwise(
    kafka_broker, proxy, topic, producer
):
    proxy.refuse(Api.PRODUCE, MessageSizeTooLargeError, done=True)
    with pytest.raises(MessageSizeTooLargeError):
        await producer.send_and_wait(topic, b"one")
    assert await on_the_log(kafka_broker, topic) == [b"one"]


async def test_what_was_done_and_betrayed_is_sent_again_by_an_idempotent_producer_and_stands_once(
    kafka_broker, proxy, topic, producer
):
    proxy.refuse(Api.PRODUCE, RequestTimedOutError, done=True, skip=1)
    for value in (b"one", b"two", b"three"):
        await producer.send_and_wait(topic, value)
    assert proxy.refused[Api.PRODUCE, "RequestTimedOutError"] == 1
    assert await on_the_log(kafka_broker, topic) == [b"one", b"two", b"three"]


@pytest.mark.parametrize("api", [Api.FIND_COORDINATOR, Api.JOIN_GROUP, Api.OFFSET_COMMIT])
async def test_a_group_gets_over_a_coordinator_that_is_loading(kafka_broker, proxy, topic, producer, api):
    await producer.send_and_wait(topic, b"one")
    proxy.refuse(api, GroupLoadInProgressError)
    group = f"g-{uuid.uuid4().hex[:8]}"
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=proxy.link.address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        assert (await consumer.getone()).value == b"one"
        while True:
            try:
                await consumer.commit()
                break
            except GroupLoadInProgressError:
                await asyncio.sleep(0.05)
        assert await consumer.committed(TopicPartition(topic, 0)) == 1
    finally:
        await consumer.stop()
    assert proxy.refused == {(api, "GroupLoadInProgressError"): 1}
    assert not proxy.strange


async def test_a_producer_that_is_given_no_id_does_not_start(proxy: KafkaProxy):
    proxy.refuse(Api.INIT_PRODUCER_ID, InvalidProducerEpoch)
    producer = AIOKafkaProducer(bootstrap_servers=proxy.link.address, enable_idempotence=True)
    with pytest.raises(InvalidProducerEpoch):
        await producer.start()
    await producer.stop()
    assert proxy.refused == {(Api.INIT_PRODUCER_ID, "InvalidProducerEpoch"): 1}


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def test_our_answer_waits_for_those_the_broker_still_owes():
    verdicts = {
        frame(b"ask"): (None, True),
        frame(b"no"): (frame(b"refused"), False),
        frame(b"do"): (frame(b"lie"), True),
    }
    talk = _Frames(lambda piece: verdicts[piece])
    assert talk.from_client(frame(b"no")) == (b"", frame(b"refused"))
    assert talk.from_client(frame(b"ask")) == (frame(b"ask"), b"")
    assert talk.from_client(frame(b"no")) == (b"", b"")
    assert talk.from_client(frame(b"do")) == (frame(b"do"), b"")
    assert talk.from_server(frame(b"answer")) == frame(b"answer") + frame(b"refused")
    assert talk.from_server(frame(b"truth")) == frame(b"lie")
