"""Score our feed parser and feedparser side by side on the suites of feedparser and gofeed, where they are present.

Run: python -m tests.bench.feeds_corpus [--misses]. Only expectations about fields that we promise are counted.
"exact" compares values as written; "words" compares them without tags and references, white space as one.
"""

import calendar
import html
import io
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser

from services.fetcher.feed.document import NotAFeed
from services.fetcher.feed.parse import parse
from services.fetcher.feed.rendering import feed_data

CORPUS = Path(__file__).parents[3] / "shared" / "feeds"
SERVED_FROM = "http://127.0.0.1:8097/"
_EXPECT = re.compile(r"Expect:\s*(.*?)\s*-->", re.DOTALL)
_HEADER = re.compile(r"^\s*Header:\s*([A-Za-z-]+):\s*(.*?)\s*$", re.MULTILINE)
OURS, THEIRS = "ours", "feedparser"


class NotOurs(Exception):  # noqa: N818 - control flow of this script
    """An expectation about a field that is not promised."""


class View(dict[str, Any]):
    """A mapping under feedparser's names that knows which names are promised."""

    def __missing__(self, key: str) -> Any:
        raise NotOurs(key)

    def __getattr__(self, key: str) -> Any:
        return self[key]


@dataclass
class Score:
    """Expectations met and counted for one suite, for both parsers, exactly and by words."""

    total: int = 0
    met: dict[tuple[str, str], int] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def count(self, where: str, expected: Any, got: dict[str, Any]) -> None:
        self.total += 1
        for who, value in got.items():
            exact, words = value == expected, _words(value) == _words(expected)
            self.met[who, "exact"] = self.met.get((who, "exact"), 0) + exact
            self.met[who, "words"] = self.met.get((who, "words"), 0) + (words or exact)
            if who == OURS and not exact:
                self.misses.append(f"{where}: expected {expected!r}, got {value!r}; feedparser {got[THEIRS]!r}"[:600])


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(html.unescape(re.sub(r"<[^<>]*>", "", html.unescape(value))).split())
    if isinstance(value, list):
        return [_words(each) for each in value]
    return value


def read_ours(body: bytes, headers: dict[str, str], url: str) -> dict[str, Any]:
    try:
        feed = parse(
            body,
            content_type=headers.get("content-type"),
            url=url,
            content_location=headers.get("content-location"),
            content_language=headers.get("content-language"),
        )
    except NotAFeed as failure:
        return {"title": None, "link": None, "language": None, "items": [], "error": failure.reason}
    return feed_data(feed)


def read_theirs(body: bytes, headers: dict[str, str], url: str) -> Any:
    located = {"content-location": url, **headers}
    if url and not located["content-location"].startswith("http"):
        located["content-location"] = url.rstrip("/") + headers["content-location"]
    return feedparser.parse(io.BytesIO(body), response_headers=located)


# feedparser's suite: one comment per file with a Python expression over feedparser's result


def _parsed(when: str | None) -> Any:
    return tuple(datetime.fromisoformat(when).timetuple())[:8] if when else None


def as_feedparser(data: dict[str, Any]) -> tuple[View, list[View]]:
    feed = View(
        title=data["title"],
        title_detail=View(value=data["title"]),
        link=data["link"],
        language=data["language"],
    )
    entries = []
    for item in data["items"]:
        entry = View(
            id=item["id"],
            guid=item["id"],
            link=item["link"],
            title=item["title"],
            title_detail=View(value=item["title"]),
            summary=item["summary"],
            description=item["summary"],
            summary_detail=View(value=item["summary"]),
            content=[View(value=item["content"])],
            author=item["authors"][0] if item["authors"] else None,
            author_detail=View(name=item["authors"][0] if item["authors"] else None),
            authors=[View(name=name) for name in item["authors"]],
            tags=[View(term=term) for term in item["categories"]],
            category=item["categories"][0] if item["categories"] else None,
            published_parsed=_parsed(item["published"]),
            updated_parsed=_parsed(item["updated"] or item["published"]),
            language=item["language"],
            enclosures=[
                View(href=e["url"], type=e["type"], length=None if e["length"] is None else str(e["length"]))
                for e in item["enclosures"]
            ],
        )
        entries.append(entry)
    return feed, entries


_SIDE = re.compile(r"^(?P<path>(?:feed|entries\[\d+\])(?:\[[^\]=]+\]|\.\w+)+)\s*==\s*(?P<value>.+)$", re.DOTALL)


def conjuncts(expression: str) -> Iterator[tuple[str, Any]]:
    for term in re.split(r"\sand\s", expression):
        match = _SIDE.match(term.strip().strip("()"))
        if match and "==" not in match["value"]:
            try:
                # The suite's own harness evaluates these too; literals only.
                value = eval(match["value"], {"__builtins__": {}})  # noqa: S307 - see above
            except (SyntaxError, NameError, TypeError):
                continue
            yield match["path"], value


def look_up(path: str, feed: Any, entries: Any) -> Any:
    try:
        value = eval(path.replace("['url']", "['href']"), {"__builtins__": {}}, {"feed": feed, "entries": entries})  # noqa: S307 - a path of the suite
    except (KeyError, IndexError, AttributeError, TypeError):
        return None
    return tuple(value)[:8] if isinstance(value, time.struct_time) else value


def score_feedparser_suite(root: Path) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    for path in sorted(root.rglob("*.xml")):
        body = path.read_bytes()
        head = body.replace(b"\x00", b"").decode("latin-1")
        expect = _EXPECT.search(head)
        if not expect:
            continue
        headers = {name.lower(): value for name, value in _HEADER.findall(head[: expect.end()])}
        ours = read_ours(body, headers, SERVED_FROM)
        feed, entries = as_feedparser(ours)
        theirs = None
        name = "/".join(path.relative_to(root).parts[:-1])
        for term, value in conjuncts(expect[1]):
            if re.search(r"'(author|tags|category|published_parsed|updated_parsed)", term) and term.startswith("feed"):
                continue
            if term.endswith("['author']") and "(" in str(value):
                continue  # we give names, feedparser adds the address
            if "author" in term and term.endswith(("['url']", "['email']")):
                continue
            try:
                got = look_up(term, feed, entries)
            except NotOurs:
                continue
            theirs = theirs if theirs is not None else read_theirs(body, headers, SERVED_FROM)
            wanted = tuple(value)[:8] if isinstance(value, tuple) else value
            scores.setdefault(name, Score()).count(
                f"{name}/{path.name} {term}",
                wanted,
                {OURS: got, THEIRS: look_up(term, theirs.feed, theirs.entries)},
            )
    return scores


# gofeed's suite: the expectation is a JSON file beside each feed


def _from_feedparser(result: Any) -> dict[str, Any]:
    def utc(fields: Any) -> str | None:
        return (
            datetime.fromtimestamp(calendar.timegm(fields), UTC).isoformat().replace("+00:00", "Z") if fields else None
        )

    return {
        "title": result.feed.get("title"),
        "link": result.feed.get("link"),
        "language": result.feed.get("language"),
        "items": [
            {
                "id": e.get("id"),
                "link": e.get("link"),
                "title": e.get("title"),
                "summary": e.get("summary"),
                "content": (e.get("content") or [{}])[0].get("value"),
                "published": utc(e.get("published_parsed")),
                "updated": utc(e.get("updated_parsed") if "updated_parsed" in e else None),
                "authors": [a.get("name") or a.get("email") for a in e.get("authors", []) if a],
                "categories": [t.get("term") for t in e.get("tags", [])],
                "enclosures": [
                    {"url": f.get("href"), "type": f.get("type"), "length": f.get("length")}
                    for f in e.get("enclosures", [])
                ],
            }
            for e in result.entries
        ],
    }


def _names(values: list[Any], *keys: str) -> list[str] | None:
    names = [v if isinstance(v, str) else next((v[k] for k in keys if v.get(k)), None) for v in values]
    return [name for name in names if name] or None


def expected_of(wanted: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) for what a gofeed expectation says about our fields."""
    for key in ("title", "link", "language"):
        if isinstance(wanted.get(key), str):
            yield key, wanted[key]
    items = wanted.get("items", wanted.get("entries")) or []
    yield "items", len(items)
    for index, item in enumerate(items):
        guid = item.get("guid", item.get("id"))
        content = item.get("content")
        pairs = {
            "id": guid.get("value") if isinstance(guid, dict) else guid,
            "link": item.get("link"),
            "title": item.get("title"),
            "summary": item.get("description", item.get("summary")),
            "content": content.get("value") if isinstance(content, dict) else content,
            "published": item.get("publishedParsed", item.get("pubDateParsed")),
            "updated": item.get("updatedParsed"),
            "authors": _names(item.get("authors", []), "name", "email"),
            "categories": _names(item.get("categories", []), "term", "value"),
        }
        for key, value in pairs.items():
            if value is not None:
                yield f"items.{index}.{key}", value
        for number, file in enumerate(item.get("enclosures", [])):
            for key in ("url", "type", "length"):
                if file.get(key):
                    yield f"items.{index}.enclosures.{number}.{key}", file[key]


def follow(data: Any, path: str) -> Any:
    for step in path.split("."):
        try:
            data = data[int(step)] if step.isdigit() else data[step]
        except (KeyError, IndexError, TypeError):
            return None
    if path == "items":
        return len(data)
    if path.endswith(("published", "updated")) and data:
        return data
    return str(data) if path.endswith("length") and data is not None else data


def _same_moment(expected: Any, path: str) -> Any:
    if path.endswith(("published", "updated")):
        moment = datetime.fromisoformat(str(expected)).astimezone(UTC)
        return moment.isoformat().replace("+00:00", "Z")
    return expected


def score_gofeed_suite(root: Path) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    for path in sorted(root.rglob("*")):
        beside = path.with_suffix(".json") if path.suffix == ".xml" else path.with_name(f"{path.stem}_expected.json")
        if path.suffix not in {".xml", ".json"} or not beside.exists() or beside == path:
            continue
        body = path.read_bytes()
        wanted = json.loads(beside.read_text(encoding="utf-8"))
        ours = read_ours(body, {}, "")
        theirs = _from_feedparser(read_theirs(body, {}, ""))
        name = "gofeed/" + "/".join(path.relative_to(root).parts[1:-1])
        for where, value in expected_of(wanted):
            scores.setdefault(name, Score()).count(
                f"{name}/{path.name} {where}",
                _same_moment(value, where),
                {OURS: follow(ours, where), THEIRS: follow(theirs, where)},
            )
    return scores


def main() -> int:
    if not CORPUS.is_dir():
        print("feeds_corpus: no feed suites beside this checkout (../shared/feeds); nothing to score")
        return 0
    feedparser_suite = score_feedparser_suite(CORPUS / "feedparser" / "tests")
    scores = {**feedparser_suite, **score_gofeed_suite(CORPUS / "gofeed" / "testdata")}
    print(f"{'suite':32} {'checks':>7} {'ours exact':>11} {'words':>7} {'feedparser exact':>17} {'words':>7}")
    sums = [0] * 5
    for name, score in scores.items():
        row = [score.total, *(score.met.get((who, how), 0) for who in (OURS, THEIRS) for how in ("exact", "words"))]
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        print(f"{name:32} {row[0]:7} {row[1]:11} {row[2]:7} {row[3]:17} {row[4]:7}")
    print(f"{'all':32} {sums[0]:7} {sums[1]:11} {sums[2]:7} {sums[3]:17} {sums[4]:7}")
    if "--misses" in sys.argv:
        for score in scores.values():
            print(*score.misses, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
