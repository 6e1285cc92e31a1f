"""A look at a Kafka log for people (`attache doctor`): brokers, topics, groups, against what the settings want."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka import TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient

from shared.eventlog import BadLog, Unavailable
from shared.eventlog.kafka.address import KafkaAddress, parse
from shared.eventlog.kafka.client import ANSWER_WITHIN, Brokers, described
from shared.eventlog.kafka.plan import plan
from shared.eventlog.kafka.scan import open_groupless
from shared.eventlog.kafka.topics import topic_config
from shared.settings import KafkaSettings
from shared.topics import TOPICS

NEEDED = {
    "idempotent producers": (22, 0),
    "static members of groups": (11, 5),
    "reading committed records only": (1, 4),
    "headers of records": (0, 3),
}
"""What a broker must be able to do: the API key of the request for it, and the version that has it."""


@dataclass(frozen=True)
class BrokerReport:
    """One broker as the cluster advertises it; `trouble` is empty where it answers us at that address."""

    node: int
    address: str
    trouble: str


@dataclass(frozen=True)
class Difference:
    """A configuration that is not what the settings want. `what` is Kafka's name for it."""

    what: str
    found: str
    wanted: str


@dataclass(frozen=True)
class TopicReport:
    """A topic: with none of its partitions it does not exist yet (it is made on first need)."""

    name: str
    partitions: int
    replication: int
    leaderless: int
    under_replicated: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class GroupReport:
    """A group: its members now, and how many records of its topic it has not committed."""

    name: str
    topic: str
    members: int
    lag: int


@dataclass(frozen=True)
class LogReport:
    """What was found, until `trouble` (empty where there was none) ended the look; `lacking`: what a broker cannot do.

    With brokers that do not answer at the addresses they advertise the look ends there, since all else asks those.
    """

    address: KafkaAddress
    trouble: str = ""
    lacking: tuple[str, ...] = ()
    brokers: tuple[BrokerReport, ...] = ()
    topics: tuple[TopicReport, ...] = ()
    groups: tuple[GroupReport, ...] = ()


async def inspect_log(
    url: str, *, kafka: KafkaSettings | None = None, within: timedelta = timedelta(seconds=30)
) -> LogReport:
    """Look at the log that `url` (`kafka://…`) names and change nothing. Raises BadLog for a URL that is none.

    Whatever a broker or its security has against it is in the report. Topics are those of shared.topics.
    """
    address = parse(url)
    lacking: tuple[str, ...] = ()
    nodes: tuple[BrokerReport, ...] = ()
    try:
        brokers = Brokers(address, kafka or KafkaSettings())
        async with asyncio.timeout(within.total_seconds()):
            versions = await brokers.versions()
            lacking = tuple(what for what, (key, least) in NEEDED.items() if versions.get(key, (0, -1))[1] < least)
            async with brokers.admin() as admin:
                nodes = await _nodes(admin)
                if all(node.trouble for node in nodes):
                    return LogReport(address, nodes[0].trouble, lacking, nodes)
                topics = [await _topic(admin, brokers, topic) for topic in TOPICS]
                groups = await _groups(admin, brokers, {topic.name: topic.partitions for topic in topics})
    except TimeoutError:
        return LogReport(address, f"no answer within {within.total_seconds():.0f} s", lacking, nodes)
    except (BadLog, Unavailable) as trouble:
        return LogReport(address, str(trouble), lacking, nodes)
    return LogReport(address, "", lacking, nodes, tuple(topics), tuple(groups))


async def _nodes(admin: AIOKafkaAdminClient) -> tuple[BrokerReport, ...]:
    """Knock at every broker the first answer told of; to ask for them again would need one of them."""
    client = admin._client  # noqa: SLF001 - the admin client has no ping

    async def knock(node: int) -> str:
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                reached = await client.ready(node)
        except TimeoutError:
            reached = False
        return "" if reached else "does not answer at the address it advertises (advertised.listeners)"

    brokers = sorted(client.cluster.brokers(), key=lambda broker: broker.nodeId)
    troubles = await asyncio.gather(*(knock(broker.nodeId) for broker in brokers))
    return tuple(
        BrokerReport(broker.nodeId, f"{broker.host}:{broker.port}", trouble)
        for broker, trouble in zip(brokers, troubles, strict=True)
    )


async def _topic(admin: AIOKafkaAdminClient, brokers: Brokers, topic: str) -> TopicReport:
    name, wanted = brokers.address.topic(topic), plan(topic, brokers.settings)
    (found,) = await admin.describe_topics([name])
    partitions: list[dict[str, Any]] = found["partitions"]
    if not partitions:
        error = errors.for_code(found["error_code"])
        missing = error in {errors.UnknownTopicOrPartitionError, errors.NoError}
        said = () if missing else (Difference("access", described(error()), "none"),)
        return TopicReport(name, 0, 0, 0, 0, said)
    config = await topic_config(admin, name)
    replication = min(len(partition["replicas"]) for partition in partitions)
    is_and_should: dict[str, tuple[str, str]] = {
        "partitions": (str(len(partitions)), str(wanted.partitions)),
        "replication": (str(replication), str(wanted.replication)),
        **{what: (config[what], value) for what, value in wanted.config.items() if what in config},
    }
    return TopicReport(
        name,
        len(partitions),
        replication,
        leaderless=sum(partition["leader"] < 0 for partition in partitions),
        under_replicated=sum(len(partition["isr"]) < len(partition["replicas"]) for partition in partitions),
        differences=tuple(
            Difference(what, found, should) for what, (found, should) in is_and_should.items() if found != should
        ),
    )


async def _groups(admin: AIOKafkaAdminClient, brokers: Brokers, partitions: dict[str, int]) -> list[GroupReport]:
    """Find the groups that are named as ours are: name space, group, topic."""
    names = {name for name, kind in await admin.list_consumer_groups() if kind in {"consumer", ""}}
    topics = {brokers.address.topic(topic): topic for topic in TOPICS}
    found = []
    async with open_groupless(brokers) as consumer:
        for known, topic in topics.items():
            places = [TopicPartition(known, number) for number in range(partitions[known])]
            ours = sorted(name for name in names if _is_of(name, brokers.address.prefix, topic))
            ends = await consumer.end_offsets(places) if ours and places else {}
            starts = await consumer.beginning_offsets(places) if ours and places else {}
            for name in ours:
                committed = await admin.list_consumer_group_offsets(name)
                positions = {p: max(committed[p].offset, starts[p]) if p in committed else starts[p] for p in places}
                lag = sum(max(ends[p] - positions[p], 0) for p in places)
                found.append(GroupReport(name, known, await _members(admin, name), lag))
    return found


def _is_of(group: str, prefix: str, topic: str) -> bool:
    name = group.removeprefix(prefix).removesuffix(f".{topic}")
    return group == f"{prefix}{name}.{topic}" and bool(name) and "." not in name


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    (answer,) = await admin.describe_consumer_groups([group])
    ((_, _, _, _, _, members, *_),) = answer.groups
    return len(members)
