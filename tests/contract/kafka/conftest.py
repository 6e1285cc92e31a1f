"""A broker of this folder's own: it lets sessions be short, and tests may kill it."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from shared.eventlog import Message, Record
from shared.eventlog.kafka.reader import KafkaReader
from shared.eventlog.open import open_log
from shared.metrics import Metrics
from shared.settings import KafkaSettings
from tests.faults.tools.proxy import Proxy, open_proxy
from tests.servers.kafka import Broker, open_broker

TOPIC = "articles"
SESSION = timedelta(seconds=2)


@pytest.fixture(scope="session")
def quick_broker(_broker, tmp_path_factory) -> Iterator[Broker]:
    if _broker is None:
        pytest.skip("no real Kafka here")
    with open_broker(tmp_path_factory.mktemp("quick"), {"group.min.session.timeout.ms": "500"}) as broker:
        yield broker


@pytest.fixture
def broker(kafka_broker: Broker, quick_broker: Broker) -> Broker:
    """This folder's broker, running."""
    if quick_broker.process is None:
        quick_broker.start()
    return quick_broker


@pytest.fixture
def link(broker) -> Iterator[Proxy]:
    """The way to the broker for those who ask for it before `opener`: it can be cut and healed at once."""
    with open_proxy(broker.behind_proxy_port, port=broker.proxied_port) as proxy:
        yield proxy


@pytest.fixture
def opener(request, broker):
    """Open one log, as several processes would, each under its replica name; partitions and all are small."""
    way = request.getfixturevalue("link") if "link" in request.fixturenames else broker
    url = f"kafka://{way.address}/t{uuid.uuid4().hex[:12]}"

    def open_as(replica: str = "", *, partitions: int = 4, session: timedelta = SESSION, **settings):
        metrics = Metrics(CollectorRegistry())
        kafka = KafkaSettings(partitions=partitions, session_timeout=session, **settings)
        opened = open_log(url, kafka=kafka, replica=replica, metrics=metrics)
        opened.metrics = metrics  # type: ignore[attr-defined] # for the tests that count
        return opened

    open_as.url = url  # type: ignore[attr-defined]
    return open_as


@pytest.fixture
def numbered() -> Callable[..., list[Message]]:
    def make(count: int, *, start: int = 0, keys: int = 20) -> list[Message]:
        return [Message(f"key-{n % keys}", str(n).encode()) for n in range(start, start + count)]

    return make


@pytest.fixture
def until():
    async def wait(condition: Callable[[], bool], within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def read_some():
    """Read until there were `count` records, or fail."""

    async def read(reader: KafkaReader, count: int, *, commit: bool = True, within: float = 30.0) -> list[Record]:
        found: list[Record] = []
        async with asyncio.timeout(within):
            while len(found) < count:
                found += await reader.read(100, timedelta(seconds=0.3))
                if commit:
                    await reader.commit()
        return found

    return read
