"""Fault 6: the broker refuses, or does what it is told and says it did not. Nothing is dropped in silence.

Each error is tried both ways: answered in the broker's place, and answered after the broker did it.
"""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiokafka import errors
from prometheus_client import CollectorRegistry

from shared.clock import utc_now
from shared.consume import Batch, Stage, consume
from shared.eventlog import EventLog, Message, Unavailable
from shared.eventlog.open import open_log
from shared.events import Article
from shared.metrics import Metrics
from shared.settings import KafkaSettings
from shared.topics import ARTICLES, DEAD_LETTERS
from tests.faults.pipeline import article_of, records_of, until
from tests.faults.tools.checker import FLAWLESS, ambiguous, judge, misplaced
from tests.faults.tools.kafka_proxy import Api, KafkaProxy, open_kafka_proxy
from tests.servers.kafka import Broker
from tests.system.world import numbered_items

KEYS = 5
BATCHES = 8
BATCH = 10
TRIES = 30
PADDING = (
    b" " + bytes(range(256)) * 200
)  # so that one append is several batches of a partition, of which one is refused


WHILE_PRODUCING = (
    errors.NotLeaderForPartitionError,
    errors.LeaderNotAvailableError,
    errors.RequestTimedOutError,
    errors.NotEnoughReplicasError,
    errors.NotEnoughReplicasAfterAppendError,
    errors.KafkaStorageError,
    errors.OutOfOrderSequenceNumber,
    errors.UnknownProducerId,
    errors.InvalidProducerEpoch,
    errors.UnknownError,
)
WHILE_CONSUMING = (
    (Api.OFFSET_COMMIT, errors.GroupLoadInProgressError),
    (Api.OFFSET_COMMIT, errors.NotCoordinatorForGroupError),
    (Api.OFFSET_COMMIT, errors.RequestTimedOutError),
    (Api.OFFSET_COMMIT, errors.IllegalGenerationError),
    (Api.OFFSET_COMMIT, errors.UnknownMemberIdError),
    (Api.FIND_COORDINATOR, errors.GroupCoordinatorNotAvailableError),
    (Api.JOIN_GROUP, errors.GroupLoadInProgressError),
    (Api.SYNC_GROUP, errors.UnknownError),
    (Api.HEARTBEAT, errors.RebalanceInProgressError),
)


@pytest.fixture
def proxy(kafka_broker: Broker) -> Iterator[KafkaProxy]:
    with open_kafka_proxy(kafka_broker.behind_proxy_port, advertised=kafka_broker.proxied_port) as proxy:
        yield proxy


@pytest.fixture
async def eventlog(proxy: KafkaProxy) -> AsyncIterator[EventLog]:
    url = f"kafka://{proxy.link.address}/t{uuid.uuid4().hex[:12]}"
    async with open_log(url, kafka=KafkaSettings(partitions=2, session_timeout=timedelta(seconds=6))) as eventlog:
        yield eventlog


@pytest.mark.parametrize("done", [False, True], ids=["refused", "done-and-denied"])
async def test_fault_06_what_append_returned_for_is_on_the_log_in_order(
    proxy: KafkaProxy, eventlog: EventLog, done: bool
):
    """Every error strikes in the midst of appends, which are tried again as the services do, from their beginning."""
    numbers = itertools.count()
    acked: list[tuple[str, int]] = []
    await eventlog.append("numbers", _numbered(next(numbers)))
    for error in WHILE_PRODUCING:
        proxy.refuse(Api.PRODUCE, error, times=2, skip=1, done=done)
        for _ in range(BATCHES):
            messages = _numbered(*itertools.islice(numbers, BATCH))
            await _append(eventlog, messages)
            acked += [(message.key, _number(message.value)) for message in messages]
        assert proxy.refused[Api.PRODUCE, error.__name__] == 2, f"{error.__name__} did not strike"
    first, second = await records_of(eventlog, "numbers"), await records_of(eventlog, "numbers")
    stored = [(record.key, _number(record.value)) for record in first]
    assert not proxy.strange
    assert judge(acked=acked, stored=set(stored), sent=[*acked, ("key-0", 0)]) == FLAWLESS
    assert misplaced(stored) == []
    assert not ambiguous(first, second)


@pytest.mark.usefixtures("quick_pauses")
async def test_fault_06_every_record_is_handled_and_committed_whatever_the_group_is_told(
    proxy: KafkaProxy, eventlog: EventLog
):
    """Errors come one after the other while a stage consumes; what is read again was never committed."""
    items = iter(numbered_items(20 * (len(WHILE_CONSUMING) + 1), every=10**6))
    handled: list[str] = []
    sent: list[str] = []

    async def handle(batch: Batch) -> None:
        handled.extend(event.data.id for event in batch)

    async def feed() -> None:
        messages = [article_of(item) for item in itertools.islice(items, 20)]
        await _append(eventlog, messages, ARTICLES.name)
        sent.extend(message.key for message in messages)

    async def all_handled() -> bool:
        return set(handled) >= set(sent)

    async with _consuming(eventlog, handle) as metrics:
        await feed()
        await until(all_handled, "the first records", within=30)
        for api, error in WHILE_CONSUMING:
            before = proxy.refused[api, error.__name__]
            proxy.refuse(api, error)
            if api in {Api.JOIN_GROUP, Api.SYNC_GROUP, Api.FIND_COORDINATOR}:
                proxy.refuse(Api.HEARTBEAT, errors.UnknownMemberIdError)  # so that the group is joined again
            if api is Api.FIND_COORDINATOR:
                proxy.refuse(Api.OFFSET_COMMIT, errors.NotCoordinatorForGroupError)  # so that it is asked for again
            await feed()

            async def struck(api: Api = api, name: str = error.__name__, before: int = before) -> bool:
                return proxy.refused[api, name] > before

            await until(struck, f"{api.name} is told {error.__name__}", within=20)
            await until(all_handled, f"all handled after {api.name} {error.__name__}", within=40)
            proxy.relent()
        await until(lambda: _committed(metrics), "all committed", within=20)
    again = await _reread(eventlog)
    assert not proxy.strange
    assert judge(acked=sent, stored=set(handled)) == FLAWLESS
    assert again == [], "what was handled is committed"
    for spec in DEAD_LETTERS:
        assert await records_of(eventlog, spec.name) == []


def _numbered(*numbers: int) -> list[Message]:
    return [Message(f"key-{number % KEYS}", str(number).encode() + PADDING) for number in numbers]


def _number(value: bytes) -> int:
    return int(value.split(b" ", 1)[0])


async def _append(eventlog: EventLog, messages: Sequence[Message], topic: str = "numbers") -> None:
    for _ in range(TRIES):
        try:
            await eventlog.append(topic, messages)
        except Unavailable:
            await asyncio.sleep(0.2)
        else:
            return
    pytest.fail("the log never took it")


@asynccontextmanager
async def _consuming(eventlog: EventLog, handle) -> AsyncIterator[Metrics]:
    stop, metrics = asyncio.Event(), Metrics(CollectorRegistry())
    stage = Stage("tagger", ARTICLES, "tagger", (Article,), handle)
    async with asyncio.TaskGroup() as group:
        group.create_task(consume(eventlog, stage, stop=stop, metrics=metrics, now=utc_now))
        yield metrics
        stop.set()


async def _committed(metrics: Metrics) -> bool:
    return metrics.registry.get_sample_value("attache_consumer_lag_records", {"stage": "tagger"}) == 0


async def _reread(eventlog: EventLog) -> list[str]:
    async with eventlog.reader(ARTICLES.name, "tagger") as reader:
        found: list[str] = []
        for _ in range(4):
            found += [record.key for record in await reader.read(100, timedelta(seconds=2))]
        return found
