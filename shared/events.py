"""The only contract between services: what the records on the log are, and how they are read and written.

Every record is a CloudEvents 1.0 event in Kafka's binary mode: attributes in `ce_` headers, JSON data as the
value. A field that this version does not know is ignored and kept (`Event.unknown`, and `TaggedArticle.article`
carries the article's bytes as they came), so services may be upgraded in any order. Fields are only ever added,
and always with a default. Golden records of each version stay under tests/data/events for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec

from shared.eventlog import Message, Record
from shared.payloads import (
    Alert,
    AlertEvidence,
    Article,
    BadEvent,
    Claim,
    Decision,
    Evidence,
    Heartbeat,
    Matter,
    Source,
    TaggedArticle,
    read_json,
)

__all__ = [
    "ALERT",
    "ARTICLE",
    "HEARTBEAT",
    "KINDS",
    "MAX_EVENT_BYTES",
    "TAGGED",
    "Alert",
    "AlertEvidence",
    "Article",
    "BadEvent",
    "Claim",
    "Decision",
    "Event",
    "Evidence",
    "Heartbeat",
    "Kind",
    "Matter",
    "Payload",
    "Source",
    "TaggedArticle",
    "decode",
    "encode",
]

MAX_EVENT_BYTES = 1_000_000
"""Kafka's default `max.message.bytes` less room for headers; a larger event is refused by `encode` and `decode`."""


Payload = Article | TaggedArticle | Alert | Heartbeat
P = TypeVar("P", Article, TaggedArticle, Alert, Heartbeat)


@dataclass(frozen=True)
class Kind:
    """A kind of event: its CloudEvents `type` as `name`, the schema version written, and the payload class."""

    name: str
    version: int
    payload: type[Any]


ARTICLE = Kind("attache.article.fetched.v1", 1, Article)
TAGGED = Kind("attache.article.tagged.v1", 1, TaggedArticle)
ALERT = Kind("attache.alert.v1", 1, Alert)
HEARTBEAT = Kind("attache.heartbeat.v1", 1, Heartbeat)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (ARTICLE, TAGGED, ALERT, HEARTBEAT)}
_KIND_OF: dict[type[Any], Kind] = {kind.payload: kind for kind in KINDS.values()}

_encoder = msgspec.json.Encoder()
_unknown_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Event(Generic[P]):
    """A payload with its CloudEvents attributes: `id` is the idempotency key, `traceparent` W3C Trace Context."""

    id: str
    source: str
    subject: str
    time: datetime
    data: P
    traceparent: str | None = None
    unknown: Mapping[str, bytes] = field(default_factory=dict)
    raw: bytes | None = field(default=None, compare=False, repr=False)
    """The data as they were read, if they were, to be passed on as they are."""

    @property
    def kind(self) -> Kind:
        """The kind this payload is sent as."""
        return _KIND_OF[type(self.data)]

    @property
    def trace_id(self) -> str | None:
        """The 32 hex digits that tie this event's log lines together across services, if it carries any."""
        return self.traceparent.split("-")[1] if self.traceparent else None


def encode(event: Event[P], *, key: str) -> Message:
    """Write an event as a log message under `key`; raises BadEvent("too-large") above MAX_EVENT_BYTES."""
    value = _encoder.encode(event.data)
    if event.unknown:
        kept = b",".join(_encoder.encode(name) + b":" + raw for name, raw in event.unknown.items())
        value = value[:-1] + b"," + kept + b"}"
    if len(value) > MAX_EVENT_BYTES:
        raise BadEvent(
            "too-large",
            f"{event.kind.name} {event.id} has {len(value):,} bytes, the limit is {MAX_EVENT_BYTES:,}",
        )
    headers: tuple[tuple[str, bytes], ...] = (
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.kind.name.encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_time", event.time.astimezone(UTC).isoformat().encode()),
        ("ce_schemaversion", b"%d" % event.kind.version),
        ("content-type", b"application/json"),
    )
    if event.traceparent:
        headers += (("traceparent", event.traceparent.encode()),)
    return Message(key=key, value=value, headers=headers)


def decode(record: Record, *expected: type[P]) -> Event[P]:
    """Read a record as an event of one of the expected payloads, or raise BadEvent naming what is wrong and where.

    Reasons: too-large, no-type, unknown-type, unexpected-type, unknown-version, bad-header, bad-encoding,
    bad-json, bad-schema.
    """
    if len(record.value) > MAX_EVENT_BYTES:
        raise BadEvent("too-large", f"{record.where} has {len(record.value):,} bytes, the limit is {MAX_EVENT_BYTES:,}")
    headers = _read_headers(record)
    kind = _read_kind(headers, record)
    if kind.payload not in expected:
        raise BadEvent("unexpected-type", f"{record.where} is a {kind.name}")
    data: P = read_json(record.value, kind.payload, record.where)
    return Event(
        id=headers["ce_id"],
        source=headers.get("ce_source", ""),
        subject=headers.get("ce_subject", ""),
        time=_read_time(headers, record),
        data=data,
        traceparent=headers.get("traceparent"),
        unknown=_unknown_fields(record.value, data),
        raw=record.value,
    )


def _read_headers(record: Record) -> dict[str, str]:
    try:
        headers = {name: value.decode("utf-8") for name, value in record.headers}
    except UnicodeDecodeError as error:
        raise BadEvent("bad-header", f"{record.where}: a header is not UTF-8: {error}") from error
    if not headers.get("ce_id"):
        raise BadEvent("bad-header", f"{record.where} has no ce_id header")
    traceparent = headers.get("traceparent")
    if traceparent is not None and len(traceparent.split("-")) < 4:  # noqa: PLR2004 - version-trace-parent-flags
        raise BadEvent("bad-header", f"{record.where} has a traceparent that is none: {traceparent[:80]!r}")
    return headers


def _read_kind(headers: Mapping[str, str], record: Record) -> Kind:
    name = headers.get("ce_type")
    if not name:
        raise BadEvent("no-type", f"{record.where} has no ce_type header")
    kind = KINDS.get(name)
    if kind is None:
        stem, _, version = name.rpartition(".v")
        known = any(other.name.rpartition(".v")[0] == stem for other in KINDS.values())
        reason = "unknown-version" if known and version.isdigit() else "unknown-type"
        raise BadEvent(reason, f"{record.where} has type {name[:120]!r}; this version reads {', '.join(sorted(KINDS))}")
    written = headers.get("ce_schemaversion", str(kind.version))
    if not written.isdecimal() or int(written) < 1:
        raise BadEvent("unknown-version", f"{record.where} has schema version {written[:40]!r}")
    return kind


def _read_time(headers: Mapping[str, str], record: Record) -> datetime:
    written = headers.get("ce_time")
    if written is None:
        return record.timestamp
    try:
        time = datetime.fromisoformat(written)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadEvent(
            "bad-header", f"{record.where} has ce_time {written[:60]!r}, which is no RFC 3339 time"
        ) from error


def _unknown_fields(value: bytes, data: Any) -> dict[str, bytes]:
    if _encoder.encode(data) == value:  # as nearly always, and twice as quick to find out
        return {}
    known = type(data).__struct_fields__
    fields = _unknown_decoder.decode(value)
    if len(fields) <= len(known) and all(name in known for name in fields):
        return {}
    return {name: bytes(raw) for name, raw in fields.items() if name not in known}
