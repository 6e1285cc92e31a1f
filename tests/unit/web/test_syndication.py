import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import feedparser
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.api.documents import EXAMPLE_ALERT
from services.web.syndication import CSV_COLUMNS, atom_feed, csv_lines, guarded, is_link, timestamp

ANY_TEXT = st.text(st.characters(codec="utf-8"))


@given(ANY_TEXT)
def test_no_cell_begins_like_a_formula(text):
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\x00"))
    assert guarded(text).endswith(text)


@given(ANY_TEXT, ANY_TEXT)
def test_csv_gives_every_text_back(line, title):
    evidence = (msgspec.structs.replace(EXAMPLE_ALERT.evidence[0], title=title),)
    alert = msgspec.structs.replace(EXAMPLE_ALERT, line=line, evidence=evidence)
    header, row = csv.reader(io.StringIO(csv_lines([alert], header=True), newline=""))
    assert tuple(header) == CSV_COLUMNS
    cells = dict(zip(header, row, strict=True))
    assert cells["line"] == guarded(line)
    assert cells["title"] == guarded(title)


def test_csv_of_an_alert_without_evidence_has_empty_cells():
    bare = msgspec.structs.replace(EXAMPLE_ALERT, evidence=(), published=None, changes=())
    cells = next(csv.reader(io.StringIO(csv_lines([bare], header=False), newline="")))
    assert len(cells) == len(CSV_COLUMNS)
    assert cells[CSV_COLUMNS.index("quote")] == ""


@given(st.lists(ANY_TEXT, max_size=3))
def test_atom_is_well_formed_whatever_the_text(lines):
    alerts = [msgspec.structs.replace(EXAMPLE_ALERT, id=f"alert_{n}", line=line) for n, line in enumerate(lines)]
    written = atom_feed(alerts, base_url="https://a.example", self_url="https://a.example/api/alerts?q=%3C", query="")
    feed = feedparser.parse(written)
    assert not feed.bozo
    assert len({entry.id for entry in feed.entries}) == len(lines)


def test_an_empty_atom_feed_has_what_the_standard_asks_for():
    feed = feedparser.parse(atom_feed([], base_url="https://a.example", self_url="https://a.example/f", query=""))
    assert feed.feed.id.startswith("urn:uuid:")
    assert feed.feed.updated == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://news.example/a?b=c#d", True),
        ("http://news.example", True),
        ("HTTPS://news.example/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("java\nscript:alert(1)", False),
        ("//news.example/", False),
        ("/local", False),
        ("https://", False),
        ("https://[broken", False),
        ("https://news.example/ x", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_on_the_web_become_links(url, expected):
    assert is_link(url) is expected


def test_times_are_rfc_3339_in_utc():
    assert timestamp(datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=7)))) == "2026-03-02T02:00:00Z"
    assert timestamp(datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC)) == "2026-03-02T09:00:00.000005Z"
