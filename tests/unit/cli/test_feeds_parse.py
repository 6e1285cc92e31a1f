"""The command line of the parser: JSON for programs, a table for people, errors with exit code 1."""

import json
from pathlib import Path

from click.testing import CliRunner

from services.cli.feeds_parse import parse

FEEDS = Path(__file__).parents[2] / "data" / "feeds"


def run(*arguments, stdin=None):
    return CliRunner().invoke(parse, arguments, input=stdin)


def test_json_holds_feed_and_items():
    result = run(str(FEEDS / "press_office.rss.xml"), "--json", "--url", "https://press.example/feed.xml")
    data = json.loads(result.stdout)
    assert result.exit_code == 0
    assert data["title"] == "Harbour Press Office"
    assert data["items"][0]["link"] == "https://press.example/news/101"
    assert set(data["items"][0]) >= {
        "id",
        "summary",
        "content",
        "authors",
        "published",
        "updated",
        "categories",
        "enclosures",
    }


def test_standard_input_and_headers_are_read():
    body = "<rss><channel><title>é</title></channel></rss>".encode("cp1252")
    result = run(
        "-",
        "--json",
        "--header",
        "Content-Type: text/xml; charset=windows-1252",
        "--header",
        "Content-Language: fr",
        stdin=body,
    )
    data = json.loads(result.stdout)
    assert (data["title"], data["language"], data["encoding"]) == ("é", "fr", "cp1252")


def test_refusal_is_json_and_exit_code_1():
    result = run("-", "--json", stdin=b"<html><title>Blocked</title></html>")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["reason"] == "html"


def test_refusal_is_one_line_for_people():
    result = run("-", stdin=b"")
    assert result.exit_code == 1
    assert result.stderr == "-: empty: the document is empty\n"


def test_table_shows_titles_and_links():
    result = run(str(FEEDS / "ministry.atom.xml"))
    assert result.exit_code == 0
    assert "Visit to Phnom Penh" in result.stdout
    assert "https://ministry.example/en/7" in result.stdout


def test_header_without_a_colon_is_refused():
    result = run("-", "--header", "nonsense", stdin=b"")
    assert result.exit_code == 2
    assert "Name: value" in result.stderr
