"""Feed files beside what must be read from them, refusals by name, and the promise that nothing else is raised."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.fetcher.feed import parse as parse_module
from services.fetcher.feed.document import NotAFeed
from services.fetcher.feed.parse import MAX_BODY_BYTES, parse
from services.fetcher.feed.rendering import feed_data

FEEDS = Path(__file__).parents[3] / "data" / "feeds"
EXPECTED = sorted(FEEDS.glob("*.expected.json"))
SAMPLES = sorted(path for path in FEEDS.iterdir() if ".expected." not in path.name)
OUTCOMES = {"rss", "rdf", "atom", "json", "cdf", "news-sitemap"} | {
    "empty",
    "html",
    "bad-json",
    "bad-xml",
    "not-a-feed",
}
URL = "https://press.example/feed.xml"


def outcome(body: bytes) -> str:
    try:
        return str(feed_data(parse(body, url=URL))["format"])
    except NotAFeed as refused:
        return refused.reason


def differences(wanted: Any, got: Any, where: str = "") -> list[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        return [d for key in wanted for d in differences(wanted[key], got.get(key, "absent"), f"{where}.{key}")]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [d for n, (a, b) in enumerate(zip(wanted, got, strict=True)) for d in differences(a, b, f"{where}[{n}]")]
    return [] if wanted == got else [f"{where}: wanted {wanted!r}, got {got!r}"]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.partition(".expected")[0])
def test_feed_reads_as_expected(expected):
    stem = expected.name.partition(".expected")[0]
    (sample,) = [path for path in SAMPLES if path.name.startswith(f"{stem}.")]
    data = feed_data(parse(sample.read_bytes(), url=URL))
    assert differences(json.loads(expected.read_text(encoding="utf-8")), data) == []


def test_every_sample_has_its_expectation():
    assert {p.name.rpartition(".")[0] for p in SAMPLES} == {p.name.partition(".expected")[0] for p in EXPECTED}


@pytest.mark.parametrize(
    ("body", "reason", "says"),
    [
        (b"", "empty", "empty"),
        (b" \n\t ", "empty", "white space"),
        (b"\xef\xbb\xbf", "empty", "white space"),
        (b'<?xml version="1.0"?><!-- nothing -->', "empty", "without any element"),
        (b"<!DOCTYPE html><html><title>Sorry</title></html>", "html", "Sorry"),
        (b"<HTML><body>Access denied", "html", "web page"),
        (b"<note><to>you</to></note>", "not-a-feed", "<note>"),
        (b"just words", "not-a-feed", "just words"),
        (b"{]", "bad-json", "JSON"),
        (b"[1, 2]", "not-a-feed", "list"),
        (b'{"hello": "world"}', "not-a-feed", "items"),
        (b"x" * (MAX_BODY_BYTES + 1), "too-large", "limit"),
    ],
)
def test_what_is_no_feed_is_refused_by_name(body, reason, says):
    with pytest.raises(NotAFeed) as refused:
        parse(body)
    assert refused.value.reason == reason
    assert says in refused.value.detail


def test_web_page_is_described_with_the_feeds_it_names():
    page = b'<html><head><link rel="alternate" type="application/rss+xml" href="/rss.xml"></head></html>'
    with pytest.raises(NotAFeed, match=r"/rss\.xml"):
        parse(page)


def test_feed_without_items_is_a_feed_with_a_warning():
    feed = parse(b"<rss version='2.0'><channel><title>Quiet</title></channel></rss>")
    assert feed.items == ()
    assert feed.warnings == ("no items",)


def test_links_count_from_content_location_before_the_url():
    body = b"<rss><channel><item><link>b</link></item></channel></rss>"
    assert parse(body, url="https://a.example/x/").items[0].link == "https://a.example/x/b"
    moved = parse(body, url="https://a.example/x/", content_location="/y/")
    assert moved.items[0].link == "https://a.example/y/b"


def test_header_gives_the_language_only_where_the_feed_is_silent():
    silent = b"<rss><channel><title>t</title></channel></rss>"
    stated = b"<rss><channel><language>km</language></channel></rss>"
    assert parse(silent, content_language="fr, en").language == "fr"
    assert parse(stated, content_language="fr").language == "km"


def test_publishers_wishes_are_read():
    body = (
        b"<rss><channel><ttl>30</ttl><skipHours><hour>0</hour><hour>24</hour><hour>23</hour><hour>x</hour></skipHours>"
        b"<skipDays><day>Sunday</day><day>Caturday</day></skipDays></channel></rss>"
    )
    hints = parse(body).hints
    assert hints.ttl is not None
    assert hints.ttl.total_seconds() == 1800
    assert hints.skip_hours == {0, 23}
    assert hints.skip_days == {6}


def test_of_too_many_items_the_newer_end_is_read(monkeypatch):
    monkeypatch.setattr(parse_module, "MAX_ITEMS", 3)
    item = "<item><title>{0}</title><pubDate>2025-01-{0:02}T00:00:00Z</pubDate></item>"
    for days in (range(1, 10), range(9, 0, -1)):
        feed = parse(f"<rss><channel>{''.join(item.format(day) for day in days)}</channel></rss>".encode())
        assert {i.title.value for i in feed.items if i.title} == {"7", "8", "9"}
        assert "9 found" in feed.warnings[0]


def test_external_files_and_nested_entities_are_not_opened():
    body = (
        b'<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>'
        b"<rss><channel><title>&a;&b;&c;</title></channel></rss>"
    )
    title = parse(body).title
    assert title is not None
    assert title.value == "ha&b;&c;"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_feed_or_refused(body):
    assert outcome(body) in OUTCOMES


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_to_a_feed_leaves_a_feed_or_a_refusal(data):
    body = bytearray(data.draw(st.sampled_from([path.read_bytes() for path in SAMPLES])))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 200)))
        body[start:end] = data.draw(
            st.one_of(
                st.binary(max_size=8), st.sampled_from([b"<", b"&", b"]]>", b"<item>", b"\x00", b"\xff", b"<![CDATA["])
            )
        )
    assert outcome(bytes(body)) in OUTCOMES
