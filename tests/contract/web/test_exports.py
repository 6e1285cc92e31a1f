"""CSV, JSON Lines and Atom, over HTTP."""

import csv
import io
import json
import uuid

import feedparser

from services.web.queries.alerts import EXPORT_PAGE


async def test_csv_has_a_row_for_each_alert_and_no_cell_that_a_spreadsheet_would_run(web):
    await web.add_alert(1, title='=HYPERLINK("http://evil.example";"x")', outlet="@evil")
    await web.add_alert(2, line='a "quoted", line\nof two')
    async with web.client.get("/api/alerts?format=csv") as response:
        assert response.content_type == "text/csv"
        assert "attachment" in response.headers["content-disposition"]
        written = await response.text()
    assert written.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [row["id"] for row in rows] == ["alert_1", "alert_2"]
    assert rows[0]["title"].startswith("'=HYPERLINK")
    assert rows[0]["outlet"] == "'@evil"
    assert rows[1]["line"] == 'a "quoted", line\nof two'
    assert rows[0]["matters"] == "joint-exercise: under-discussion -> resumed"
    assert rows[0]["raised_at"] == "2026-03-02T08:59:00Z"


async def test_csv_of_no_alerts_is_its_header(web):
    written = await web.text("/api/alerts?format=csv")
    assert written.startswith("id,")
    assert written.count("\r\n") == 1


async def test_json_lines_holds_every_alert_beyond_a_page(web, monkeypatch):
    monkeypatch.setattr("services.web.queries.alerts.EXPORT_PAGE", 3)
    assert EXPORT_PAGE > 3
    there = [await web.add_alert(number) for number in range(1, 9)]
    lines = (await web.text("/api/alerts?format=jsonl")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == there
    limited = (await web.text("/api/alerts?format=jsonl&limit=4")).splitlines()
    assert [json.loads(line)["id"] for line in limited] == there[:4]


async def test_the_accept_header_chooses_where_format_does_not(web):
    for accept, expected in (
        ("text/csv", "text/csv"),
        ("application/atom+xml;q=0.9, text/csv;q=0.5", "application/atom+xml"),
        ("text/html,*/*;q=0.1", "application/json"),
        ("application/jsonl", "application/jsonl"),
    ):
        async with web.client.get("/api/alerts", headers={"accept": accept}) as response:
            assert response.content_type == expected
            assert "accept" in response.headers["vary"].lower()
    async with web.client.get("/api/alerts?format=json", headers={"accept": "text/csv"}) as response:
        assert response.content_type == "application/json"


async def test_atom_is_read_by_a_feed_reader_and_names_what_it_must(web):
    await web.add_alert(1, line="KHM-USA · <b>bold</b> & \x0b control")
    await web.add_alert(2, url="javascript:alert(1)")
    written = await web.text("/api/alerts?format=atom")
    feed = feedparser.parse(written)
    assert not feed.bozo
    assert feed.version == "atom10"
    assert feed.feed.title == "Attaché: alerts"
    assert feed.feed.updated == "2026-03-02T08:59:00Z"
    assert any(link.rel == "self" and link.href.endswith("/api/alerts?format=atom") for link in feed.feed.links)
    first, second = feed.entries
    assert first.link.endswith("/alerts/alert_1")
    assert "&lt;b&gt;bold&lt;/b&gt; &amp;  control" in written
    assert first.updated == "2026-03-02T08:59:00Z"
    assert first.id != second.id
    assert uuid.UUID(first.id).version == 5
    assert "javascript:" not in written


async def test_atom_ids_do_not_depend_on_the_address(web):
    await web.add_alert(1)
    feeds = [
        feedparser.parse(await web.text("/api/alerts?format=atom&party=KHM", host=host))
        for host in ("one.example", "two.example")
    ]
    assert feeds[0].feed.id == feeds[1].feed.id
    assert feeds[0].entries[0].id == feeds[1].entries[0].id
    assert feeds[0].entries[0].link != feeds[1].entries[0].link


async def test_an_unchanged_atom_feed_is_not_sent_twice(web):
    await web.add_alert(1)
    async with web.client.get("/api/alerts?format=atom") as response:
        etag = response.headers["etag"]
    async with web.client.get("/api/alerts?format=atom", headers={"if-none-match": f"W/{etag}"}) as response:
        assert response.status == 304
