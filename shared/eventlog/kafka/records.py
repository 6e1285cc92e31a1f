"""Messages and records as Kafka's client has them, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.eventlog import Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def key_bytes(key: str) -> bytes:
    """Return a key as it lies in the log; `key_text` gives the same key back, whatever bytes others wrote."""
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")


def key_text(raw: bytes | None) -> str:
    """Return a key for the port; records of others may have none, or bytes that are no text."""
    return raw.decode("utf-8", "surrogateescape") if raw is not None else ""


def timestamp_ms(moment: datetime) -> int:
    """Return a moment as Kafka counts it."""
    return (moment - EPOCH) // MILLISECOND


def record_of(found: Any, topic: str) -> Record:
    """Return the port's record for aiokafka's; `topic` is its name without the name space."""
    return Record(
        topic,
        found.partition,
        found.offset,
        key_text(found.key),
        found.value if found.value is not None else b"",
        tuple((name, value if value is not None else b"") for name, value in found.headers),
        EPOCH + found.timestamp * MILLISECOND,
    )
