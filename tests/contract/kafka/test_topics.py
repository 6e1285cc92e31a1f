"""Topics on real Kafka: made as the settings want them, left alone where they exist, and what they refuse."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from aiokafka.admin import NewTopic

from shared.eventlog import BadLog, Message, TooLarge
from shared.eventlog.kafka.address import parse
from shared.eventlog.kafka.client import Brokers
from shared.eventlog.kafka.inspection import inspect_log
from shared.eventlog.kafka.plan import LETTER_EXTRA_BYTES, RECORD_BYTES
from shared.eventlog.kafka.topics import topic_config
from shared.eventlog.open import open_log
from shared.settings import KafkaSettings
from shared.topics import ALERTS, ARTICLES, dead_letters_of

TOPIC = ARTICLES.name
LIMIT = 200_000
DAY_MS = 86_400_000


@pytest.fixture
def brokers(kafka_url):
    return Brokers(parse(kafka_url), KafkaSettings())


async def make(brokers: Brokers, topic: str, *, partitions: int = 1, **config: str) -> None:
    async with brokers.admin() as admin:
        name = brokers.address.topic(topic)
        answer = await admin.create_topics(
            [
                NewTopic(
                    name, partitions, 1, topic_configs={key.replace("_", "."): value for key, value in config.items()}
                )
            ]
        )
        assert [code for _, code, _ in answer.topic_errors] == [0]


async def config_of(brokers: Brokers, topic: str) -> dict[str, str]:
    async with brokers.admin() as admin:
        return await topic_config(admin, brokers.address.topic(topic))


async def test_topics_are_made_as_the_settings_want_them(kafka_url, brokers):
    async with open_log(kafka_url, kafka=KafkaSettings(partitions=7)) as log:
        assert await log.partitions(TOPIC) == 7
        await log.append("elsewhere", [Message("a", b"b")])
        assert await log.partitions("elsewhere") == 7
    made, kept = await config_of(brokers, TOPIC), await config_of(brokers, "elsewhere")
    assert made["retention.ms"] == str(ARTICLES.retention // timedelta(milliseconds=1)) == str(14 * DAY_MS)
    assert made["min.insync.replicas"] == "1"
    assert made["message.timestamp.type"] == "CreateTime"
    assert made["cleanup.policy"] == "delete"
    assert int(made["max.message.bytes"]) > KafkaSettings.max_message_bytes
    assert kept["retention.ms"] == "-1"


async def test_a_topic_that_exists_is_left_as_it_is(kafka_url, brokers):
    await make(brokers, TOPIC, partitions=2, retention_ms="1234567", max_message_bytes="50000")
    async with open_log(kafka_url, kafka=KafkaSettings(partitions=7)) as log:
        assert await log.partitions(TOPIC) == 2
        await log.append(TOPIC, [Message("a", bytes(40_000))])
        with pytest.raises(TooLarge, match=r"max\.message\.bytes"):
            await log.append(TOPIC, [Message("a", b"fits"), Message("b", bytes(50_000))])
        assert [len(record.value) async for record in log.scan(TOPIC)] == [40_000]
    assert (await config_of(brokers, TOPIC))["retention.ms"] == "1234567"


async def test_many_who_need_a_topic_at_once_make_it_once(kafka_url):
    async def append(n):
        async with open_log(kafka_url) as log:
            await log.append(TOPIC, [Message(f"key-{n}", b"x")])

    await asyncio.gather(*(append(n) for n in range(6)))
    async with open_log(kafka_url) as log:
        assert len([record async for record in log.scan(TOPIC)]) == 6


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (KafkaSettings(replication=3, min_insync=2), "replication factor"),
        (KafkaSettings(partitions=10_000_000), "artitions"),
    ],
)
async def test_settings_no_topic_can_be_made_with_are_told_by_topic_and_reason(kafka_url, settings, why):
    async with open_log(kafka_url, kafka=settings) as log:
        with pytest.raises(BadLog, match=why) as refused:
            await log.append(TOPIC, [Message("a", b"b")])
    assert f".{TOPIC} cannot be made with" in str(refused.value)
    assert "KAFKA_REPLICATION" in str(refused.value)


async def test_a_message_over_the_limit_is_refused_before_anything_is_appended(kafka_url):
    async with open_log(kafka_url, kafka=KafkaSettings(max_message_bytes=LIMIT)) as log:
        with pytest.raises(TooLarge, match=r"'big'\) is larger than the 200,000"):
            await log.append(TOPIC, [Message("small", b"1"), Message("big", bytes(LIMIT)), Message("small", b"2")])
        assert [record async for record in log.scan(TOPIC)] == []


async def test_what_compression_cannot_make_smaller_fits_up_to_the_limit(kafka_url):
    noise = b"".join(uuid.uuid4().bytes for _ in range(LIMIT // 16))[: LIMIT - RECORD_BYTES - 1]
    async with open_log(kafka_url, kafka=KafkaSettings(max_message_bytes=LIMIT)) as log:
        await log.append(TOPIC, [Message("k", noise)])
        with pytest.raises(TooLarge):
            await log.append(TOPIC, [Message("k", noise + b"!")])


async def test_the_letter_of_the_largest_record_fits_its_topic(kafka_url):
    async with open_log(kafka_url, kafka=KafkaSettings(max_message_bytes=LIMIT)) as log:
        largest = Message("k", bytes(LIMIT - RECORD_BYTES - 1))
        await log.append(TOPIC, [largest])
        letter = Message("k", largest.value, (("dlq.error.detail", b"x" * (LETTER_EXTRA_BYTES - 100)),))
        with pytest.raises(TooLarge):
            await log.append(TOPIC, [letter])
        await log.append(dead_letters_of(TOPIC), [letter])


async def test_a_message_goes_to_the_partition_it_names(kafka_url):
    async with open_log(kafka_url, kafka=KafkaSettings(partitions=3)) as log:
        await log.append(ALERTS.name, [Message("same", str(n).encode(), partition=n) for n in range(6)])
        found = {int(record.value): record.partition async for record in log.scan(ALERTS.name)}
    assert found == {0: 0, 1: 1, 2: 2, 3: 0, 4: 1, 5: 2}


async def test_keys_that_are_no_text_and_empty_values_of_others_are_read(kafka_url, kafka_broker, brokers):
    from aiokafka import AIOKafkaProducer

    await make(brokers, TOPIC)
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker.address) as producer:
        name = brokers.address.topic(TOPIC)
        await producer.send_and_wait(name, b"one", key=b"\xff\x00")
        await producer.send_and_wait(name, None, key=b"gone")
        await producer.send_and_wait(name, b"two", headers=[("empty", None)])
    async with open_log(kafka_url) as log:
        found = [record async for record in log.scan(TOPIC)]
        await log.append(TOPIC, [Message(found[0].key, b"again")])
        *_, again = [record async for record in log.scan(TOPIC)]
    assert [(record.key, record.value, record.headers) for record in found] == [
        ("\udcff\x00", b"one", ()),
        ("gone", b"", ()),
        ("", b"two", (("empty", b""),)),
    ]
    assert again.key == found[0].key


async def test_the_inspection_tells_what_is_there_and_what_differs(kafka_url, brokers):
    await make(brokers, TOPIC, partitions=2, retention_ms="1234567")
    async with open_log(kafka_url) as log, log.reader(TOPIC, "tagger") as reader:
        await log.append(TOPIC, [Message(str(n), b"x") for n in range(10)])
        assert (found := await reader.read(4, timedelta(seconds=10)))
        await reader.commit()
        report = await inspect_log(kafka_url)
    assert (report.trouble, report.lacking) == ("", ())
    assert [broker.trouble for broker in report.brokers] == [""]
    topics = {topic.name.removeprefix(report.address.prefix): topic for topic in report.topics}
    differences = {each.what: (each.found, each.wanted) for each in topics[TOPIC].differences}
    assert differences["partitions"] == ("2", "6")
    assert differences["retention.ms"] == ("1234567", str(14 * DAY_MS))
    assert topics[ALERTS.name].partitions == 0
    (group,) = report.groups
    assert group.name == f"{report.address.prefix}tagger.{TOPIC}"
    assert (group.members, group.lag) == (1, 10 - len(found))


async def test_the_inspection_of_a_broker_that_is_away_says_so(kafka_url):
    report = await inspect_log("kafka://127.0.0.1:1/ns")
    assert "127.0.0.1:1" in report.trouble
    assert report.brokers == ()
