"""Whether the topics are kept, copied and sized as the pipeline needs."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from services.cli.doctor.finding import Finding, failure, ok, warning
from shared.eventlog.kafka.inspection import Difference, TopicReport
from shared.events import MAX_EVENT_BYTES
from shared.settings import KafkaSettings

MILLISECOND = timedelta(milliseconds=1)


def judge_topics(seen: Sequence[TopicReport], settings: KafkaSettings) -> list[Finding]:
    """Judge all topics; those that are missing are made at the first start and no trouble."""
    troubles = {topic.name: judge_topic(topic, settings) for topic in seen}
    missing = [topic.name for topic in seen if not topic.partitions and not topic.differences]
    there = len(seen) - len(missing)
    found: list[Finding] = []
    if there:
        right = sum(not each for each in troubles.values()) - len(missing)
        found.append(ok(f"{right} of {there} topics are as they should be"))
    if missing:
        made = f"{settings.partitions} partitions, {settings.replication}-fold"
        found.append(ok(f"not there yet, made at the first start with {made}: {', '.join(missing)}"))
    return found + [finding for each in troubles.values() for finding in each]


def judge_topic(seen: TopicReport, settings: KafkaSettings) -> list[Finding]:
    """Judge one topic: what it lacks at this moment, then what is set otherwise than it should be."""
    found: list[Finding] = []
    if seen.leaderless:
        found.append(
            failure(
                f"{seen.name}: {seen.leaderless} of {seen.partitions} partitions have no leader",
                "Start the brokers that hold them; until then nothing is read from or written to them.",
            )
        )
    elif seen.under_replicated:
        found.append(
            warning(
                f"{seen.name}: {seen.under_replicated} of {seen.partitions} partitions miss a replica",
                "Start the brokers that hold them, or wait until they have caught up.",
            )
        )
    differences = {difference.what: difference for difference in seen.differences}
    insync = differences.get("min.insync.replicas")
    least = int(insync.found) if insync else settings.min_insync
    if seen.partitions and least > seen.replication:
        found.append(
            failure(
                f"{seen.name}: min.insync.replicas is {least}, more than its {seen.replication} replicas",
                "Lower the topic's min.insync.replicas or add replicas; as it is nothing can be written.",
            )
        )
    for what, difference in differences.items():
        if (judged := _JUDGES.get(what, _otherwise)(seen.name, difference)) is not None:
            found.append(judged)
    return found


def _partitions(name: str, difference: Difference) -> Finding | None:
    if int(difference.found) >= int(difference.wanted):
        return None
    return warning(
        f"{name}: {difference.found} partitions, KAFKA_PARTITIONS says {difference.wanted}",
        "Add partitions while the pipeline is stopped and drained, or set KAFKA_PARTITIONS to what is there.",
    )


def _replication(name: str, difference: Difference) -> Finding | None:
    if int(difference.found) >= int(difference.wanted):
        return None
    return warning(
        f"{name}: {difference.found} replicas, KAFKA_REPLICATION says {difference.wanted}",
        "Reassign the topic's partitions to more brokers (kafka-reassign-partitions.sh).",
    )


def _insync(name: str, difference: Difference) -> Finding | None:
    if int(difference.found) >= int(difference.wanted):
        return None
    return warning(
        f"{name}: min.insync.replicas is {difference.found}, KAFKA_MIN_INSYNC says {difference.wanted}",
        f"Set the topic's min.insync.replicas to {difference.wanted}; fewer copies are lost more easily.",
    )


def _retention(name: str, difference: Difference) -> Finding | None:
    kept, wanted = int(difference.found), int(difference.wanted)
    if kept < 0 or 0 <= wanted <= kept:
        return None
    should = "for ever" if wanted < 0 else f"for {_days(wanted)}"
    return warning(
        f"{name}: kept for {_days(kept)}, should be kept {should}",
        f"Set the topic's retention.ms to {wanted}; an outage longer than the retention loses records.",
    )


def _size(name: str, difference: Difference) -> Finding | None:
    takes, wanted = int(difference.found), int(difference.wanted)
    if takes >= wanted:
        return None
    told = f"{name}: takes messages up to {takes:,} bytes, KAFKA_MAX_MESSAGE_BYTES needs {wanted:,}"
    advice = f"Set the topic's max.message.bytes to {wanted}; larger records become dead letters."
    return (failure if takes < MAX_EVENT_BYTES else warning)(told, advice)


def _policy(name: str, difference: Difference) -> Finding:
    return failure(
        f"{name}: its cleanup.policy is {difference.found}, which forgets earlier records of a key",
        f"Set the topic's cleanup.policy to {difference.wanted}.",
    )


def _access(name: str, difference: Difference) -> Finding:
    return failure(
        f"{name}: {difference.found}",
        "Grant the user Describe, Create, Read and Write on the topics of Attaché.",
    )


def _otherwise(name: str, difference: Difference) -> Finding:
    return warning(
        f"{name}: {difference.what} is {difference.found}, should be {difference.wanted}",
        f"Set the topic's {difference.what} to {difference.wanted}.",
    )


_JUDGES: dict[str, Callable[[str, Difference], Finding | None]] = {
    "access": _access,
    "cleanup.policy": _policy,
    "max.message.bytes": _size,
    "min.insync.replicas": _insync,
    "partitions": _partitions,
    "replication": _replication,
    "retention.ms": _retention,
}


def _days(milliseconds: int) -> str:
    hours = milliseconds * MILLISECOND / timedelta(hours=1)
    return f"{hours / 24:.3g} days" if hours >= 24 else f"{hours:.3g} hours"  # noqa: PLR2004 - hours of a day
