from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog import Message
from shared.eventlog.kafka.plan import batch_bytes, message_bytes, plan, size_bytes
from shared.settings import KafkaSettings
from shared.topics import TOPICS, dead_letters_of

MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_kept_as_long_as_its_specification_says(topic):
    assert plan(topic, KafkaSettings()).config["retention.ms"] == str(TOPICS[topic].retention // MILLISECOND)


def test_a_topic_without_a_specification_is_kept_for_ever():
    assert plan("elsewhere", KafkaSettings()).config["retention.ms"] == "-1"


def test_the_settings_say_how_a_topic_is_divided_and_copied():
    wanted = plan("articles", KafkaSettings(partitions=12, replication=3, min_insync=2))
    assert (wanted.partitions, wanted.replication, wanted.config["min.insync.replicas"]) == (12, 3, "2")


def test_dead_letters_take_more_than_the_records_they_copy():
    settings = KafkaSettings(max_message_bytes=1000)
    assert plan("articles", settings).limit_bytes == 1000
    assert plan(dead_letters_of("articles"), settings).limit_bytes > 1000 + 10_000


@given(st.integers(0, 100_000_000))
def test_a_message_of_the_size_that_fits_a_batch_fits(batch):
    assert message_bytes(batch) == 0 or batch_bytes(message_bytes(batch)) <= batch


@given(st.integers(0, 100_000_000))
def test_the_batch_around_a_message_has_room_for_it(size):
    assert message_bytes(batch_bytes(size)) >= size - 1


HEADERS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=50)), max_size=5)


@given(st.text(max_size=50), st.binary(max_size=500), HEADERS)
def test_a_size_is_never_less_than_what_kafkas_client_counts(key, value, headers):
    from aiokafka.record.default_records import DefaultRecordBatchBuilder

    from shared.eventlog.kafka.records import key_bytes

    counted = DefaultRecordBatchBuilder.estimate_size_in_bytes(key_bytes(key), value, headers)
    assert size_bytes(Message(key, value, tuple(headers))) >= counted - 61, "61: the frame of a batch"
