"""What needs no broker: opening, and what is refused at once."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.eventlog import BadLog, Lag, Message, Unavailable
from shared.eventlog.kafka import client
from shared.eventlog.open import open_log
from shared.settings import KafkaSettings
from tests.servers import free_port

NOBODY = f"kafka://127.0.0.1:{free_port()}/nobody"


async def test_a_log_opens_and_closes_without_its_broker():
    async with open_log(NOBODY, replica="one") as log, log.reader("articles", "group") as reader:
        assert await reader.lag() == Lag(0, None)
        await reader.rewind()
        await reader.commit()
        assert await reader.marks() == ()


async def test_an_append_of_nothing_asks_no_broker():
    async with open_log(NOBODY) as log:
        await log.append("articles", [])


async def test_brokers_forget_by_themselves():
    async with open_log(NOBODY) as log:
        assert await log.prune(datetime(2100, 1, 1, tzinfo=UTC)) == 0


async def test_whoever_asks_a_broker_that_is_away_is_told_its_address():
    async with open_log(NOBODY) as log, log.reader("articles", "group") as reader:
        for call in (
            lambda: log.append("articles", [Message("a", b"b")]),
            lambda: log.partitions("articles"),
            lambda: reader.read(1, timedelta(seconds=5)),
            lambda: anext(log.scan("articles")),
        ):
            with pytest.raises(Unavailable, match=NOBODY.split("/")[2]):
                await call()


async def test_of_several_brokers_each_is_named_when_none_answers():
    ports = [free_port(), free_port()]
    async with open_log("kafka://" + ",".join(f"127.0.0.1:{port}" for port in ports)) as log:
        with pytest.raises(Unavailable) as told:
            await log.partitions("articles")
    assert all(str(port) in str(told.value) for port in ports)


async def test_the_slow_client_is_refused_with_what_to_do(monkeypatch):
    class DefaultRecordBatchBuilder:
        """The one in Python."""

    monkeypatch.setattr(client, "DefaultRecordBatchBuilder", DefaultRecordBatchBuilder)
    with pytest.raises(BadLog, match="AIOKAFKA_NO_EXTENSIONS"):
        async with open_log(NOBODY):
            pass


@pytest.mark.parametrize("replica", ["with space", "a/b", "x" * 201])
async def test_a_replica_name_that_kafka_does_not_take_is_refused(replica):
    with pytest.raises(BadLog, match="REPLICA="):
        async with open_log(NOBODY, replica=replica):
            pass


async def test_a_password_without_its_file_is_refused_when_the_log_is_opened():
    with pytest.raises(BadLog, match="KAFKA_PASSWORD_FILE"):
        async with open_log(NOBODY, kafka=KafkaSettings(security="SASL_PLAINTEXT", username="me")):
            pass


@pytest.mark.parametrize("url", ["kafka:", "kafka://", "kafka://me:secret@host:1"])
async def test_a_url_of_no_use_is_refused_when_the_log_is_opened(url):
    with pytest.raises(BadLog, match="LOG_URL"):
        async with open_log(url):
            pass
