"""The contract on the wire: what goes out comes back, what is newer is kept, what is broken is named."""

import contextlib
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog import Message, Record
from shared.events import (
    KINDS,
    MAX_EVENT_BYTES,
    Alert,
    AlertEvidence,
    Article,
    BadEvent,
    Claim,
    Decision,
    Event,
    Evidence,
    Heartbeat,
    Matter,
    Source,
    TaggedArticle,
    decode,
    encode,
)
from shared.vocabulary import Aim, AlertKind, Certainty, Place, Severity, Status, Topic

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GOLDEN = Path(__file__).parents[2] / "data" / "events"
PAYLOADS: tuple[type[Any], ...] = (Article, TaggedArticle, Alert, Heartbeat)
ARTICLES: tuple[type[Any], ...] = (Article, TaggedArticle)


def recorded(message: Message) -> Record:
    return Record("articles", 0, 7, message.key, message.value, message.headers, NOW)


def record(value: bytes, *, kind: str = "attache.article.fetched.v1", **headers: bytes | None) -> Record:
    given = {"ce_id": b"event-1", "ce_type": kind.encode(), **headers}
    return Record("articles", 0, 7, "key", value, tuple((k, v) for k, v in given.items() if v is not None), NOW)


ARTICLE = {
    "id": "a",
    "revision": 0,
    "source": {"feed_id": "f", "name": "Feed"},
    "url": None,
    "title": "Title",
    "observed_at": "2026-03-01T12:00:00Z",
}


def article_json(**changes: object) -> bytes:
    return json.dumps({**ARTICLE, **changes}).encode()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
sources = st.builds(
    Source, feed_id=texts, name=texts, country=st.none() | texts, language=st.none() | texts, kind=texts, grade=texts
)
articles = st.builds(
    Article,
    id=texts,
    revision=st.integers(0, 1000),
    source=sources,
    url=st.none() | texts,
    title=texts,
    summary=texts,
    content=texts,
    authors=st.lists(texts, max_size=3).map(tuple),
    categories=st.lists(texts, max_size=3).map(tuple),
    language=st.none() | texts,
    published=st.none() | moments,
    updated=st.none() | moments,
    observed_at=moments,
    backfill=st.booleans(),
    truncated=st.booleans(),
)
claims = st.builds(
    Claim,
    id=texts,
    topic=st.sampled_from(Topic),
    status=st.sampled_from(Status),
    aim=st.none() | st.sampled_from(Aim),
    parties=st.lists(texts, max_size=2).map(tuple),
    place=st.sampled_from(Place),
    certainty=st.sampled_from(Certainty),
    said_by=st.none() | texts,
    year=st.none() | st.integers(1900, 2100),
    evidence=st.lists(
        st.builds(Evidence, field=st.just("text"), start=st.integers(0, 9), end=st.integers(0, 9), quote=texts),
        max_size=2,
    ).map(tuple),
    score=st.floats(0, 1),
    rule=texts,
    reasons=st.lists(texts, max_size=2).map(tuple),
)
decisions = st.builds(
    Decision,
    alert=st.booleans(),
    score=st.floats(0, 1),
    dyad=st.lists(texts, max_size=2).map(tuple),
    severity=st.none() | st.sampled_from(Severity),
    line=texts,
    topics=st.lists(st.sampled_from(Topic), max_size=2).map(tuple),
)
tagged = st.builds(
    TaggedArticle,
    article=articles.map(lambda article: msgspec.Raw(msgspec.json.encode(article))),
    claims=st.lists(claims, max_size=2).map(tuple),
    decision=decisions,
    rules_version=texts,
)
alerts = st.builds(
    Alert,
    id=texts,
    development_id=texts,
    kind=st.sampled_from(AlertKind),
    sequence=st.integers(0, 9),
    references=st.none() | texts,
    severity=st.sampled_from(Severity),
    dyad=st.lists(texts, max_size=2).map(tuple),
    parties=st.lists(texts, max_size=2).map(tuple),
    matters=st.lists(
        st.builds(Matter, topic=st.sampled_from(Topic), status=st.sampled_from(Status), parties=st.just(("KHM",))),
        max_size=2,
    ).map(tuple),
    line=texts,
    changes=st.lists(texts, max_size=2).map(tuple),
    evidence=st.just(()),
    published=st.none() | moments,
    raised_at=moments,
)
beats = st.builds(Heartbeat, sent_at=moments, sequence=st.integers(0, 2**40))
unknown = st.dictionaries(
    st.text("abc", min_size=1, max_size=3).map(lambda name: "x_" + name),
    st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | texts, lambda inner: st.lists(inner, max_size=3)).map(
        lambda value: json.dumps(value).encode()
    ),
    max_size=3,
)


@given(
    data=articles | tagged | alerts | beats,
    id=texts.filter(bool),
    source=texts,
    subject=texts,
    time=moments,
    traceparent=st.none() | st.just(TRACE),
    unknown=unknown,
)
def test_every_event_comes_back_as_it_was_sent(data, id, source, subject, time, traceparent, unknown):  # noqa: A002
    event = Event(id, source, subject, time, data, traceparent, unknown)
    assert decode(recorded(encode(event, key="key")), *PAYLOADS) == event


def test_attributes_are_cloud_events_in_kafkas_binary_mode():
    event = Event(
        "e-1",
        "attache/fetcher",
        "a-1",
        NOW.astimezone(timezone(timedelta(hours=7))),
        Heartbeat(sent_at=NOW, sequence=1),
        TRACE,
    )
    message = encode(event, key="key")
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e-1",
        "ce_source": b"attache/fetcher",
        "ce_type": b"attache.heartbeat.v1",
        "ce_subject": b"a-1",
        "ce_time": b"2026-03-01T12:00:00+00:00",
        "ce_schemaversion": b"1",
        "content-type": b"application/json",
        "traceparent": TRACE.encode(),
    }
    assert message.key == "key"
    assert json.loads(message.value) == {"sent_at": "2026-03-01T12:00:00Z", "sequence": 1}
    assert event.trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_an_event_without_a_trace_has_no_trace_id():
    event = decode(record(article_json()), Article)
    assert event.trace_id is None


def test_attributes_that_may_be_missing_have_plain_defaults():
    event = decode(record(article_json()), Article)
    assert (event.source, event.subject, event.time) == ("", "", NOW)


def test_a_time_without_a_zone_is_utc():
    assert decode(record(article_json(), ce_time=b"2026-03-01T08:00:00"), Article).time == NOW.replace(hour=8)


def test_the_text_is_the_content_or_else_the_summary():
    assert decode(record(article_json(summary="short")), Article).data.text == "short"
    assert decode(record(article_json(summary="short", content="long")), Article).data.text == "long"


def test_a_newer_minor_version_is_read():
    assert decode(record(article_json(), ce_schemaversion=b"2"), Article).data.id == "a"


def test_unknown_fields_are_ignored_and_kept_byte_for_byte():
    value = article_json()[:-1] + b', "mood" : {"b":1,  "a":[1.50]}, "n": 1e2}'
    event = decode(record(value), Article)
    assert event.unknown == {"mood": b'{"b":1,  "a":[1.50]}', "n": b"1e2"}
    again = json.loads(encode(event, key="k").value)
    assert (again["mood"], again["n"], again["title"]) == ({"b": 1, "a": [1.5]}, 100, "Title")


def test_unknown_headers_are_ignored():
    assert decode(record(article_json(), ce_mood=b"good", other=b"x"), Article).id == "event-1"


def test_a_tagged_article_keeps_the_articles_own_unknown_fields_byte_for_byte():
    inner = article_json()[:-1] + b',  "mood":  [1,2]}'
    tagged_article = TaggedArticle(
        article=msgspec.Raw(inner), claims=(), decision=Decision(alert=False, score=0), rules_version="1"
    )
    event = Event("e", "s", "a", NOW, tagged_article)
    back = decode(recorded(encode(event, key="k")), TaggedArticle)
    assert bytes(back.data.article) == inner
    assert back.data.read_article().title == "Title"


def test_a_broken_article_inside_a_tagged_one_is_named():
    value = b'{"article": {"id": 5}, "claims": [], "decision": {"alert": false, "score": 0}, "rules_version": "1"}'
    event = decode(record(value, kind="attache.article.tagged.v1"), TaggedArticle)
    with pytest.raises(BadEvent, match="bad-schema: article inside tagged article: Expected `str`, got `int`"):
        event.data.read_article()


def test_an_event_that_is_too_large_is_not_sent():
    data = msgspec.json.decode(article_json(title="x" * 5_000_000), type=Article)
    with pytest.raises(BadEvent, match=r"too-large: attache\.article\.fetched\.v1 e-1 has 5,000,\d+ bytes") as caught:
        encode(Event("e-1", "s", "a", NOW, data), key="k")
    assert caught.value.reason == "too-large"


DEEP = b"[" * 100_000 + b"]" * 100_000
BROKEN = {
    "five megabytes of title": (record(article_json(title="x" * 5_000_000)), "too-large", "5,000,"),
    "truncated": (record(article_json()[:-20]), "bad-json", "truncated"),
    "empty": (record(b""), "bad-json", "truncated"),
    "not json": (record(b"<rss/>"), "bad-json", "malformed"),
    "something after the end": (record(article_json() + b"x"), "bad-json", "trailing"),
    "nested without end": (record(article_json()[:-1] + b',"x":' + DEEP + b"}"), "bad-json", "nested too deep"),
    "invalid utf-8": (record(article_json(title="@").replace(b"@", b"\xff\xfe")), "bad-encoding", "not UTF-8 at byte"),
    "latin-1 in an unknown field": (record(article_json()[:-1] + b',"x":"\xe9"}'), "bad-encoding", "not UTF-8"),
    "a number for a title": (record(article_json(title=5)), "bad-schema", "Expected `str`, got `int` - at `$.title`"),
    "a list": (record(b"[]"), "bad-schema", "Expected `object`"),
    "null": (record(b"null"), "bad-schema", "Expected `object`"),
    "a field missing": (record(b"{}"), "bad-schema", "missing required field `id`"),
    "a time that is none": (record(article_json(published="yesterday")), "bad-schema", "$.published"),
    "a time without a zone": (record(article_json(observed_at="2026-03-01T12:00:00")), "bad-schema", "$.observed_at"),
    "a time before time": (record(article_json(), ce_time=b"0001-01-01T00:00:00+14:00"), "bad-header", "no RFC 3339"),
    "a number that is none": (record(article_json(revision="1")), "bad-schema", "$.revision"),
    "a word that is none": (
        record(b'{"article":{},"claims":[{"id":"c","topic":"sport","status":"begun","parties":[],"place":"news",'
               b'"evidence":[],"score":1,"rule":"r"}],"decision":{"alert":true,"score":1},"rules_version":"1"}',
               kind="attache.article.tagged.v1"),
        "bad-schema", "Invalid enum value 'sport' - at `$.claims[0].topic`",
    ),
    "no id": (record(article_json(), ce_id=None), "bad-header", "no ce_id"),
    "an empty id": (record(article_json(), ce_id=b""), "bad-header", "no ce_id"),
    "a header that is not utf-8": (record(article_json(), ce_subject=b"\xff"), "bad-header", "not UTF-8"),
    "a time header that is none": (record(article_json(), ce_time=b"soon"), "bad-header", "'soon'"),
    "a trace that is none": (record(article_json(), traceparent=b"abc"), "bad-header", "'abc'"),
    "no type": (record(article_json(), ce_type=None), "no-type", "no ce_type"),
    "a foreign type": (record(b"{}", kind="com.example.order.v1"), "unknown-type", "com.example.order.v1"),
    "a type that is nearly ours": (record(b"{}", kind="attache.alert.vx"), "unknown-type", "attache.alert.vx"),
    "a later version": (record(b"{}", kind="attache.alert.v2"), "unknown-version", "this version reads"),
    "a version that is none": (record(article_json(), ce_schemaversion=b"one"), "unknown-version", "'one'"),
    "version nought": (record(article_json(), ce_schemaversion=b"0"), "unknown-version", "'0'"),
    "a superscript version": (record(article_json(), ce_schemaversion="²".encode()), "unknown-version", "²"),
    "an alert": (
        record(b"{}", kind="attache.alert.v1"), "unexpected-type", "articles/0@7 is a attache.alert.v1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_with_its_reason_and_place(name):
    broken, reason, detail = BROKEN[name]
    with pytest.raises(BadEvent) as caught:
        decode(broken, *ARTICLES)
    assert caught.value.reason == reason
    assert detail in caught.value.detail
    assert "articles/0@7" in caught.value.detail
    assert len(caught.value.detail) < 500


def test_every_documented_reason_is_tested():
    assert decode.__doc__
    reasons = {reason for _, reason, _ in BROKEN.values()}
    assert all(reason in decode.__doc__ for reason in reasons)
    assert len(reasons) == 9


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_but_bad_event(value):
    with contextlib.suppress(BadEvent):
        decode(record(value), Article)


@given(cut=st.integers(0, len(article_json()) - 1))
def test_no_truncation_is_taken_for_the_whole(cut):
    with pytest.raises(BadEvent):
        decode(record(article_json()[:cut]), Article)


def test_the_limit_leaves_room_for_headers_below_kafkas_own():
    assert MAX_EVENT_BYTES < 1_048_588 - 4096


GOLDEN_V1: dict[str, Event[Any]] = {
    "article": Event(
        id="evt_article_1",
        source="attache/fetcher/feed_harbour",
        subject="art_ream_1",
        time=datetime(2026, 3, 2, 6, 30, tzinfo=UTC),
        traceparent=TRACE,
        data=Article(
            id="art_ream_1",
            revision=1,
            source=Source(
                feed_id="feed_harbour", name="Harbour Gazette", country="KHM", language="en", kind="media", grade="B"
            ),
            url="https://harbour.example/ream",
            title="Training ship calls at Sihanoukville — “a first”",
            summary="A short call.",
            content="The training ship berthed on Monday. ទូក",
            authors=("S. Vann",),
            categories=("navy", "ports"),
            language="en-GB",
            published=datetime(2026, 3, 2, 5, tzinfo=UTC),
            updated=datetime(2026, 3, 2, 6, tzinfo=UTC),
            observed_at=datetime(2026, 3, 2, 6, 29, 59, 250000, tzinfo=UTC),
            backfill=True,
            truncated=True,
        ),
    ),
    "article-minimal": Event(
        id="evt_article_2",
        source="attache/fetcher/feed_harbour",
        subject="art_ream_2",
        time=datetime(2026, 3, 2, 6, 30, tzinfo=UTC),
        data=Article(
            id="art_ream_2",
            revision=0,
            source=Source(feed_id="feed_harbour", name="Harbour Gazette"),
            url=None,
            title="Untitled",
            observed_at=datetime(2026, 3, 2, 6, 30, tzinfo=UTC),
        ),
    ),
    "tagged": Event(
        id="evt_tagged_1",
        source="attache/tagger",
        subject="art_ream_2",
        time=datetime(2026, 3, 2, 6, 31, tzinfo=UTC),
        traceparent=TRACE,
        data=TaggedArticle(
            article=msgspec.Raw(
                b'{"id":"art_ream_2","revision":0,"source":{"feed_id":"feed_harbour","name":"Harbour Gazette"},'
                b'"url":null,"title":"Untitled","observed_at":"2026-03-02T06:30:00Z","from_a_later_version": [1, 2]}'
            ),
            claims=(
                Claim(
                    id="clm_1",
                    topic=Topic.PORT_CALL,
                    status=Status.UNDER_DISCUSSION,
                    aim=Aim.RESUMED,
                    parties=("KHM", "USA"),
                    place=Place.NEWS,
                    certainty=Certainty.CLAIMED,
                    said_by="ministry",
                    year=2026,
                    evidence=(Evidence(field="text", start=4, end=12, quote="training"),),
                    score=0.75,
                    rule="port-call/berthed",
                    reasons=("verb in the headline",),
                ),
            ),
            decision=Decision(
                alert=True,
                score=0.8,
                dyad=("KHM", "USA"),
                severity=Severity.P2,
                line="Cambodia–United States: port call",
                topics=(Topic.PORT_CALL,),
                context=(Topic.COERCION_INCIDENT,),
                names=("ream",),
                reasons=("two parties",),
            ),
            rules_version="2026.03.1",
        ),
    ),
    "alert": Event(
        id="alt_1",
        source="attache/store",
        subject="dev_1",
        time=datetime(2026, 3, 2, 6, 32, tzinfo=UTC),
        traceparent=TRACE,
        data=Alert(
            id="alt_1",
            development_id="dev_1",
            kind=AlertKind.UPDATED,
            sequence=1,
            references="alt_0",
            severity=Severity.P1,
            dyad=("KHM", "USA"),
            parties=("KHM", "USA"),
            matters=(
                Matter(topic=Topic.PORT_CALL, status=Status.UNDER_DISCUSSION, aim=Aim.RESUMED, parties=("KHM", "USA")),
            ),
            line="Cambodia–United States: port call",
            changes=("severity P2 to P1",),
            evidence=(
                AlertEvidence(
                    article_id="art_ream_2",
                    outlet="Harbour Gazette",
                    url="https://harbour.example/ream",
                    title="Untitled",
                    topic=Topic.PORT_CALL,
                    status=Status.UNDER_DISCUSSION,
                    aim=Aim.RESUMED,
                    parties=("KHM", "USA"),
                    certainty=Certainty.CLAIMED,
                    field="text",
                    start=4,
                    end=12,
                    quote="training",
                    rule="port-call/berthed",
                ),
            ),
            languages=("en", "km"),
            reports=3,
            published=datetime(2026, 3, 2, 5, tzinfo=UTC),
            raised_at=datetime(2026, 3, 2, 6, 32, tzinfo=UTC),
            rules_version="2026.03.1",
        ),
    ),
    "heartbeat": Event(
        id="heartbeat-42",
        source="attache/fetcher",
        subject="heartbeat",
        time=datetime(2026, 3, 2, 6, 33, tzinfo=UTC),
        data=Heartbeat(sent_at=datetime(2026, 3, 2, 6, 33, tzinfo=UTC), sequence=42),
    ),
}


def golden(name: str) -> Record:
    """Read a record as version 1 wrote it. The files are never changed, only added to."""
    written = json.loads((GOLDEN / "v1" / f"{name}.json").read_text("utf-8"))
    headers = tuple((key, b64decode(value)) for key, value in written["headers_base64"])
    return Record("articles", 0, 7, written["key"], b64decode(written["value_base64"]), headers, NOW)


@pytest.mark.parametrize("name", GOLDEN_V1)
def test_records_of_the_first_version_are_read_for_ever(name):
    assert decode(golden(name), *PAYLOADS) == GOLDEN_V1[name]


@pytest.mark.parametrize("name", GOLDEN_V1)
def test_golden_records_can_be_read_by_people(name):
    written = json.loads((GOLDEN / "v1" / f"{name}.json").read_text("utf-8"))
    assert written["value"] == json.loads(b64decode(written["value_base64"]))
    assert written["headers"] == [[key, b64decode(value).decode()] for key, value in written["headers_base64"]]


def test_every_kind_has_a_golden_record_and_every_golden_record_is_tested():
    assert {event.kind.name for event in GOLDEN_V1.values()} == set(KINDS)
    assert {path.stem for path in (GOLDEN / "v1").glob("*.json")} == set(GOLDEN_V1)
