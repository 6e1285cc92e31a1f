import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from shared.asyncapi import ATTRIBUTES, MARKER_NOTES, NOTES, asyncapi
from shared.deadletters import dead_letter, requeued_marker
from shared.eventlog import Record
from shared.events import KINDS, BadEvent, Event, Heartbeat, encode
from shared.topics import TOPICS

CHECKED_IN = Path(__file__).parents[3] / "deploy" / "asyncapi.json"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def resolve(document: Any, pointer: str) -> Any:
    found = document
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(part: Any):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_the_checked_in_document_is_the_codes():
    assert json.loads(CHECKED_IN.read_text("utf-8")) == json.loads(json.dumps(asyncapi())), (
        "deploy/asyncapi.json is stale; regenerate it with: attache schema > deploy/asyncapi.json"
    )


def test_every_reference_leads_somewhere():
    document = asyncapi()
    found = set(references(document))
    assert len(found) > 20
    assert all(resolve(document, pointer) for pointer in found)


def test_every_topic_is_a_channel_with_its_retention():
    channels = asyncapi()["channels"]
    assert set(channels) == set(TOPICS)
    for name, spec in TOPICS.items():
        configuration = channels[name]["bindings"]["kafka"]["topicConfiguration"]
        assert configuration["retention.ms"] == spec.retention.total_seconds() * 1000


def test_every_kind_is_a_message_with_its_schema():
    document = asyncapi()
    for kind in KINDS.values():
        message = document["components"]["messages"][kind.name]
        schema = resolve(document, message["payload"]["$ref"])
        assert set(schema["properties"]) == {field.encode_name for field in msgspec.structs.fields(kind.payload)}
        assert message["headers"]["properties"]["ce_type"]["const"] == kind.name


def test_the_article_inside_a_tagged_one_is_an_article():
    tagged = asyncapi()["components"]["schemas"]["TaggedArticle"]
    assert tagged["properties"]["article"] == {"$ref": "#/components/schemas/Article"}


def test_the_headers_described_are_the_headers_written():
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = encode(Event("e", "s", "b", NOW, Heartbeat(sent_at=NOW, sequence=1), trace), key="heartbeat")
    assert {name for name, _ in message.headers} == {*ATTRIBUTES, "ce_type"}
    record = Record("articles", 0, 1, "key", b"", (), NOW)
    letter = dead_letter(record, BadEvent("bad-json", "here"), stage="tagger", failed_at=NOW)
    assert {name for name, _ in letter.headers} == set(NOTES)
    assert {name for name, _ in requeued_marker(record, at=NOW).headers} == set(MARKER_NOTES)


def test_each_stage_but_the_first_receives_and_may_bury():
    operations = asyncapi()["operations"]
    assert {name: op["action"] for name, op in operations.items()} == {
        "fetcher.send.articles": "send",
        "tagger.receive.articles": "receive",
        "tagger.send.articles.dead": "send",
        "tagger.send.tagged": "send",
        "store.receive.tagged": "receive",
        "store.send.tagged.dead": "send",
        "store.send.alerts": "send",
        "notifier.receive.alerts": "receive",
        "notifier.send.alerts.dead": "send",
    }


def test_descriptions_have_no_ragged_edges():
    schemas = asyncapi()["components"]["schemas"]
    assert schemas["Article"]["description"].startswith("One feed item at one revision.")
    assert not any("\n   " in schema.get("description", "") for schema in schemas.values())
