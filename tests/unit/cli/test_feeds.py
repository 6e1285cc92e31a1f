import asyncio
import re
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from services.cli.feeds import feeds
from services.fetcher.memory import Attempt, Poll
from services.fetcher.opml import read_opml
from services.fetcher.sources import load_sources
from services.fetcher.state import FeedState
from shared.database.engine import open_database, reading

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)

FEED = b"""<rss version='2.0'><channel><title>Sample \xe2\x80\x93 feed</title><language>en</language><ttl>60</ttl>
<item><title>Ships meet\x1b[31m</title><guid>1</guid><pubDate>Wed, 04 Mar 2026 12:00:00 GMT</pubDate>
<description>Two ships met at sea.</description></item></channel></rss>"""
OPML = """<opml version='2.0'><body>
<outline text='Good' xmlUrl='https://good.test/feed' category='/country/KHM,/kind/navy,/grade/B'/>
<outline text='Bad' xmlUrl='gopher://bad.test/'/>
</body></opml>"""


@pytest.fixture
def attache(tmp_path, monkeypatch):
    for name in ("DB_URL", "LOG_URL", "FEEDS_FILE", "ALLOW_NETWORKS", "ALLOW_PORTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*args, stdin=None, code=0):
        result = CliRunner().invoke(feeds, args, input=stdin)
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def small(attache, tmp_path, monkeypatch):
    path = tmp_path / "feeds.toml"
    path.write_text('[[feed]]\nname = "Only one"\nurl = "https://one.test/feed"\nkind = "wire"\ngrade = "B"\n')
    monkeypatch.setenv("FEEDS_FILE", str(path))
    return attache


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = FEED if self.path == "/feed" else b"<html><title>Home</title></html>"
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"v1"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def web(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("ALLOW_PORTS", str(server.server_port))
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_new_database_lists_the_starter_feeds(attache):
    output = attache("list")
    assert f"{len(load_sources(None))} feeds" in output
    assert "NATO: news" in output
    assert "never polled" in output


def test_show_takes_url_name_or_the_beginning_of_an_id(small):
    for wanted in ("https://one.test/feed", "http://www.one.test/feed/", "only ONE", "feed_"):
        output = small("show", wanted)
        assert "Only one" in output
        assert "Not polled yet" in output


def test_show_tells_of_each_recent_poll(small, tmp_path):
    small("list")

    async def remember():
        async with open_database(f"sqlite:///{tmp_path}/data/attache.db") as engine:
            (feed,) = await FeedState(engine).feeds()
            for polls, (outcome, status, detail) in enumerate(
                (("fetched", 200, "rss 2.0"), ("http-4xx", 404, "status 404"))
            ):
                attempt = Attempt(at=NOW, outcome=outcome, detail=detail, http_status=status, items_new=1234)
                values = {"state": "failing", "last_outcome": outcome, "last_detail": detail, "polls": polls + 1}
                poll = Poll(feed_id=feed.id, polls_before=polls, attempt=attempt, values=values)
                assert await FeedState(engine).remember(poll)

    asyncio.run(remember())
    output = small("show", "Only one")
    assert "03-04 12:00:00" in output
    assert re.search(r"http-4xx +404 +1,234 +status 404", output)
    assert re.search(r"fetched +200 +1,234 +rss 2\.0", output)
    assert "edited" not in output
    assert "http-4xx: status 404" in small("list", "--state", "failing")
    assert "Only one" not in small("list", "--state", "gone")


def test_show_of_an_unknown_feed_says_so(small):
    assert "no feed is 'x'" in small("show", "x", code=1)


def test_added_feed_is_there_and_not_added_twice(small):
    assert "Added Two" in small(
        "add",
        "https://two.test/rss",
        "--name",
        "Two",
        "--country",
        "KHM",
        "--language",
        "km",
        "--kind",
        "navy",
        "--grade",
        "A",
    )
    assert "KHM, km, grade A, (added)" in small("show", "Two")
    assert "there already" in small("add", "http://two.test/rss/", code=1)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("ftp://x.test",), "must begin with http"),
        (("https://x.test", "--country", "Atlantis"), "country: 'Atlantis'"),
        (("https://x.test", "--language", "not a tag"), "no BCP 47 tag"),
    ],
)
def test_feed_that_cannot_be_added_is_refused_with_the_reason(small, args, reason):
    assert reason in small("add", *args, code=1)


def test_dry_run_tells_what_the_import_then_does(small, tmp_path):
    path = tmp_path / "list.opml"
    path.write_text(OPML)
    dry = small("import", str(path), "--dry-run")
    assert "Would add 1 feeds; 0 were there already; 1 left out." in dry
    assert "list.opml:3: Bad: left out: url: must begin" in dry
    assert "1 feeds" in small("list")
    assert "Added 1 feeds" in small("import", str(path))
    assert "navy, KHM" in small("show", "Good")
    assert "Added 0 feeds; 1 were there already" in small("import", "-", stdin=OPML)


def test_import_of_something_else_is_refused(small, tmp_path):
    path = tmp_path / "list.opml"
    path.write_text("<rss/>")
    assert "not <opml>" in small("import", str(path), code=1)


def test_export_is_opml_that_can_be_imported(attache):
    exported = read_opml(attache("export").encode())
    assert {source.url for source in exported.sources} == {source.url for source in load_sources(None)}


def test_check_prints_what_a_feed_holds_and_stores_nothing(small, web):
    output = small("check", f"{web}/feed")
    assert "Sample – feed" in output
    assert "1 items" in output
    assert "Ships meet" in output
    assert "\x1b[31m" not in output
    assert "ttl 1:00:00" in output
    assert "validators: ETag" in output
    assert "1 feeds" in small("list")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/page", "not-a-feed: html: this is a web page called 'Home'"), ("/missing", "http-4xx: status 404")],
)
def test_check_of_what_is_no_feed_tells_the_classified_reason(small, web, path, reason):
    assert reason in small("check", web + path, code=1)


def test_check_refuses_private_addresses_unless_allowed(small):
    assert "refused-address" in small("check", "http://127.0.0.1/feed", code=1)


def test_feeds_may_be_added_while_another_process_holds_the_database(small, tmp_path):
    small("list")

    async def hold_and_add():
        async with (
            open_database(f"sqlite:///{tmp_path}/data/attache.db") as engine,
            reading(engine, "test") as connection,
        ):
            await connection.exec_driver_sql("SELECT count(*) FROM feed")
            return await asyncio.to_thread(small, "add", "https://late.test/")

    assert "Added late.test" in asyncio.run(hold_and_add())
