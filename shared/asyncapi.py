"""The topics as an AsyncAPI 3 document, built from the code, so that it cannot differ from it.

Pure. `attache schema` prints it; the copy in deploy/ is compared by a test. Source: AsyncAPI 3.0.0 specification and
its Kafka bindings; CloudEvents Kafka protocol binding 1.0.2, binary content mode.
"""

import inspect
from typing import Any

import msgspec

from shared.events import ARTICLE, HEARTBEAT, KINDS, TAGGED, Kind
from shared.topics import (
    ALERTS,
    ARTICLES,
    DEAD_LETTERS,
    HEARTBEAT_KEY,
    TAGGED_ARTICLES,
    TOPICS,
    TopicSpec,
    dead_letters_of,
)

Document = dict[str, Any]

KAFKA_BINDING = "0.5.0"
DEAD_LETTER = "dead-letter"
REQUEUED = "requeued"
FLOW = (
    ("fetcher", "send", ARTICLES),
    ("tagger", "receive", ARTICLES),
    ("tagger", "send", TAGGED_ARTICLES),
    ("store", "receive", TAGGED_ARTICLES),
    ("store", "send", ALERTS),
    ("notifier", "receive", ALERTS),
)
"""Who does what with which topic. Whoever receives also sends what it cannot handle to the topic's dead letters."""

ATTRIBUTES = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {
        "type": "string",
        "minLength": 1,
        "description": "The idempotency key: the same content has the same id.",
    },
    "ce_source": {"type": "string", "description": "Who sent it, such as attache/tagger."},
    "ce_subject": {"type": "string", "description": "The id of what the event is about."},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_schemaversion": {"type": "string", "pattern": "^[1-9][0-9]*$"},
    "content-type": {"type": "string", "const": "application/json"},
    "traceparent": {"type": "string", "description": "W3C Trace Context."},
}
REQUIRED_ATTRIBUTES = ("ce_id", "ce_type")
NOTES = {
    "dlq.source.topic": "Topic of the record copied.",
    "dlq.source.partition": "Its partition.",
    "dlq.source.offset": "Its offset.",
    "dlq.source.timestamp": "When the log took it (RFC 3339).",
    "dlq.stage": "Which stage could not handle it.",
    "dlq.error.reason": "Why, in a word or two.",
    "dlq.error.detail": "What is wrong, and where.",
    "dlq.failed_at": "When (RFC 3339).",
}
MARKER_NOTES = {
    "dlq.requeued": "The dead letter that was sent to its topic again, as topic/partition@offset.",
    "dlq.requeued_at": "When (RFC 3339).",
}


def asyncapi() -> Document:
    """Return the document: channels with keys and retention, operations per service, messages, schemas."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Attaché event contract",
            "version": "1",
            "description": "What travels between the five services. Fields are only ever added, each with a default; "
            "readers ignore and keep what they do not know.",
        },
        "defaultContentType": "application/json",
        "channels": {spec.name: _channel(spec) for spec in TOPICS.values()},
        "operations": _operations(),
        "components": {
            "messages": {
                **{kind.name: _message(kind) for kind in KINDS.values()},
                DEAD_LETTER: {
                    "title": "Dead letter",
                    "summary": "A record that can never be handled: key, value and headers as they came, whatever "
                    "they are, and headers that say why.",
                    "contentType": "application/octet-stream",
                    "headers": _headers(NOTES),
                },
                REQUEUED: {
                    "title": "Requeued",
                    "summary": "An empty record with the dead letter's key: that letter was sent to its topic again.",
                    "contentType": "application/octet-stream",
                    "headers": _headers(MARKER_NOTES),
                },
            },
            "schemas": _schemas(),
        },
    }


def _channel(spec: TopicSpec) -> Document:
    names = (DEAD_LETTER, REQUEUED) if spec in DEAD_LETTERS else tuple(kind.name for kind in spec.kinds)
    return {
        "address": spec.name,
        "description": f"{spec.about} Key: {spec.key}. Kept for {spec.retention.days} days.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": spec.name,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": spec.retention.days * 86_400_000,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operations() -> Document:
    operations: Document = {}
    for service, action, spec in FLOW:
        operations[f"{service}.{action}.{spec.name}"] = _operation(action, spec)
        if action == "receive":
            dead = TOPICS[dead_letters_of(spec.name)]
            operations[f"{service}.send.{dead.name}"] = _operation("send", dead)
    return operations


def _operation(action: str, spec: TopicSpec) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{spec.name}"}}


def _message(kind: Kind) -> Document:
    key = {"const": HEARTBEAT_KEY} if kind == HEARTBEAT else {"description": _topic_of(kind).key}
    headers = {**ATTRIBUTES, "ce_type": {"type": "string", "const": kind.name}}
    return {
        "name": kind.name,
        "title": kind.payload.__name__,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": dict(sorted(headers.items())),
            "required": list(REQUIRED_ATTRIBUTES),
        },
        "payload": {"$ref": f"#/components/schemas/{kind.payload.__name__}"},
        "bindings": {
            "kafka": {"key": {"type": "string", **key}, "bindingVersion": KAFKA_BINDING},
        },
    }


def _topic_of(kind: Kind) -> TopicSpec:
    return next(spec for spec in TOPICS.values() if spec.kinds[0] == kind)


def _headers(notes: dict[str, str]) -> Document:
    properties = {name: {"type": "string", "description": about} for name, about in notes.items()}
    return {"type": "object", "properties": properties, "required": list(notes)}


def _schemas() -> Document:
    payloads = [kind.payload for kind in KINDS.values()]
    _, schemas = msgspec.json.schema_components(payloads, ref_template="#/components/schemas/{name}")
    article = f"#/components/schemas/{ARTICLE.payload.__name__}"
    schemas[TAGGED.payload.__name__]["properties"]["article"] = {"$ref": article}  # raw bytes to us, an article to all
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return dict(sorted(schemas.items()))
