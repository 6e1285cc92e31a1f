"""What a topic should be like in Kafka, from shared.topics and the settings. Existing topics are never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.eventlog import Message
from shared.settings import KafkaSettings
from shared.topics import DEAD_LETTERS, TOPICS

KEPT_FOR_EVER = "-1"
LETTER_EXTRA_BYTES = 64 * 1024
"""How much larger than a record its dead letter may be: the notes on why it died, and a requeue's."""
RECORD_BYTES = 64
"""What a record takes beside key, value and headers, at most: attributes, lengths, deltas (message format 2)."""
HEADER_BYTES = 10
MILLISECOND = timedelta(milliseconds=1)
_LETTERS = frozenset(spec.name for spec in DEAD_LETTERS)


@dataclass(frozen=True)
class TopicPlan:
    """A topic to be made: `config` in Kafka's words; no message larger than `limit_bytes` is appended."""

    partitions: int
    replication: int
    config: Mapping[str, str]
    limit_bytes: int


def plan(topic: str, settings: KafkaSettings) -> TopicPlan:
    """Return what `topic` (without name space) should be like; topics without a specification are kept for ever."""
    spec = TOPICS.get(topic)
    limit = settings.max_message_bytes + (LETTER_EXTRA_BYTES if topic in _LETTERS else 0)
    return TopicPlan(
        settings.partitions,
        settings.replication,
        {
            "cleanup.policy": "delete",
            "retention.ms": str(spec.retention // MILLISECOND) if spec else KEPT_FOR_EVER,
            "retention.bytes": "-1",
            "min.insync.replicas": str(settings.min_insync),
            "max.message.bytes": str(batch_bytes(limit)),
            "message.timestamp.type": "CreateTime",
        },
        limit,
    )


def batch_bytes(message_bytes: int) -> int:
    """Return how large the batch around one message may be: compression may make it larger by a hundredth."""
    return message_bytes + message_bytes // 100 + 1024


def message_bytes(batch: int) -> int:
    """Return the largest message that fits a batch of `batch` bytes for sure: `batch_bytes` turned round."""
    return max((batch - 1024) * 100 // 101, 0)


def size_bytes(message: Message) -> int:
    """Return at most how many bytes a message takes in the log, uncompressed."""
    headers = sum(
        len(name.encode("utf-8", "surrogatepass")) + len(value) + HEADER_BYTES for name, value in message.headers
    )
    return len(message.key.encode("utf-8", "surrogatepass")) + len(message.value) + headers + RECORD_BYTES
