"""The topics: made on first need, and left alone where they exist."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.eventlog import BadLog, Unavailable
from shared.eventlog.kafka.client import REQUEST_WITHIN, Brokers, described, milliseconds
from shared.eventlog.kafka.plan import TopicPlan, message_bytes, plan

LOOK_AGAIN = timedelta(minutes=5)
MADE_WITHIN = timedelta(seconds=15)
SHOWN_EVERY = timedelta(milliseconds=50)
TRANSIENT = (errors.NotControllerError, errors.RequestTimedOutError, errors.CoordinatorLoadInProgressError)


@dataclass(frozen=True)
class Topic:
    """A topic that exists: its partitions, and the largest message it takes for sure."""

    partitions: int
    limit_bytes: int


class Topics:
    """What is known of the topics of one log; names are without the name space."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._known: dict[str, tuple[Topic, float]] = {}
        self._lock = asyncio.Lock()

    async def get(self, topic: str) -> Topic:
        """Return the topic, made where it is missing; partitions added later show within minutes.

        Raises Unavailable, or BadLog naming the topic and why it cannot be made.
        """
        if (known := self._fresh(topic)) is not None:
            return known
        async with self._lock:
            if (known := self._fresh(topic)) is not None:
                return known
            try:
                async with asyncio.timeout(MADE_WITHIN.total_seconds()), self._brokers.admin() as admin:
                    found = await self._find_or_make(admin, topic)
            except TimeoutError as error:
                raise Unavailable(f"Kafka (topic {topic}): no answer in time") from error
            self._known[topic] = (found, asyncio.get_running_loop().time())
            return found

    async def existing(self, topic: str) -> int | None:
        """Return the partitions of a topic, or None where there is no such topic. Makes nothing."""
        async with self._brokers.admin() as admin:
            return await _partitions(admin, self._brokers.address.topic(topic))

    def forget(self, topic: str) -> None:
        """Look again next time: somebody may have removed it."""
        self._known.pop(topic, None)

    def _fresh(self, topic: str) -> Topic | None:
        known, at = self._known.get(topic, (None, 0.0))
        return known if asyncio.get_running_loop().time() - at < LOOK_AGAIN.total_seconds() else None

    async def _find_or_make(self, admin: AIOKafkaAdminClient, topic: str) -> Topic:
        wanted = plan(topic, self._brokers.settings)
        name = self._brokers.address.topic(topic)
        partitions = await _partitions(admin, name)
        ours = partitions is None and await _make(admin, name, wanted)
        while partitions is None:  # not yet shown to all who ask
            await asyncio.sleep(SHOWN_EVERY.total_seconds())
            partitions = await _partitions(admin, name)
        if ours:
            return Topic(partitions, wanted.limit_bytes)
        config = await topic_config(admin, name)
        takes = message_bytes(int(config["max.message.bytes"])) if "max.message.bytes" in config else wanted.limit_bytes
        return Topic(partitions, min(takes, wanted.limit_bytes))


async def topic_config(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    """Return a topic's configuration, empty where we may not look."""
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    ((code, _, _, _, entries),) = answer.resources
    return {} if code else {entry[0]: entry[1] for entry in entries}


async def _partitions(admin: AIOKafkaAdminClient, name: str) -> int | None:
    (found,) = await admin.describe_topics([name])
    error = errors.for_code(found["error_code"])
    if error is errors.UnknownTopicOrPartitionError:
        return None
    if error is errors.LeaderNotAvailableError:  # being made
        return None
    if error is not errors.NoError:
        raise BadLog(f"Kafka topic {name}: {described(error())}") if not error.retriable else error()
    return len(found["partitions"]) or None


async def _make(admin: AIOKafkaAdminClient, name: str, wanted: TopicPlan) -> bool:
    """Make a topic; return whether it was us who made it."""
    new = NewTopic(name, wanted.partitions, wanted.replication, topic_configs=dict(wanted.config))
    answer = await admin.create_topics([new], timeout_ms=milliseconds(REQUEST_WITHIN))
    ((_, code, *said),) = answer.topic_errors
    error = errors.for_code(code)
    if error is errors.NoError:
        return True
    if error is errors.TopicAlreadyExistsError:
        return False
    if error.retriable or error in TRANSIENT:
        raise error()
    why = f"{described(error())}{': ' + said[0] if said and said[0] else ''}"
    raise BadLog(f"Kafka topic {name} cannot be made with {_words(wanted)}: {why}")


def _words(wanted: TopicPlan) -> str:
    return (
        f"{wanted.partitions} partitions (KAFKA_PARTITIONS), {wanted.replication} replicas (KAFKA_REPLICATION), "
        f"{wanted.config['min.insync.replicas']} in sync (KAFKA_MIN_INSYNC)"
    )
