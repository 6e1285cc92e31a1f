"""The second parser: feedparser, for documents whose XML is broken beyond what the first can mend."""

import io
from datetime import UTC, datetime
from typing import Any

import feedparser

from services.fetcher.feed.constructs import person_name, tidy_language
from services.fetcher.feed.document import Enclosure, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.text import looks_like_markup, one_line, safe_url, unique

FORMATS = {"rss": "rss", "atom": "atom", "cdf": "cdf", "json": "json"}


def read_tolerantly(text: str, base: str | None) -> ParsedFeed | None:
    """Read a document with feedparser; None when it finds neither a feed's version nor any item.

    The text goes in as a stream, because feedparser takes a string for an address or a file name. Markup is not
    cleaned and relative links are resolved here, as for every other feed.
    """
    result = feedparser.parse(
        io.BytesIO(text.encode("utf-8", "replace")),
        response_headers={"content-type": "application/xml; charset=utf-8", "content-location": base or ""},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    feed = result.get("feed", {})
    if not result.get("version") and not result.get("entries"):
        return None
    version = str(result.get("version", ""))
    return ParsedFeed(
        format=next((name for prefix, name in FORMATS.items() if version.startswith(prefix)), "rss"),
        version=version,
        title=_text(feed.get("title_detail"), base),
        link=safe_url(feed.get("link"), base),
        language=tidy_language(feed.get("language")),
        items=tuple(_item(entry, base) for entry in result.get("entries", ())),
    )


def _item(entry: Any, base: str | None) -> ParsedItem:
    published = _date(entry, "published_parsed")
    updated = _date(entry, "updated_parsed") if "updated" in entry else None
    contents = entry.get("content") or [None]
    names = [one_line(Text(str(author.get("name", "")))) for author in entry.get("authors", ()) if author]
    return ParsedItem(
        guid=entry.get("id") or None,
        link=safe_url(entry.get("link"), base),
        title=_text(entry.get("title_detail"), base),
        summary=_text(entry.get("summary_detail"), base),
        content=_text(contents[0], base),
        authors=unique(names) or unique([person_name(str(entry.get("author", "")))]),
        published=published or updated,
        updated=updated,
        categories=unique([str(tag.get("term") or tag.get("label") or "") for tag in entry.get("tags", ())]),
        enclosures=tuple(
            Enclosure(url, file.get("type") or None, _length(file.get("length")))
            for file in entry.get("enclosures", ())
            if (url := safe_url(file.get("href"), base))
        ),
        language=tidy_language(entry.get("language")),
    )


def _text(detail: Any, base: str | None) -> Text | None:
    value = (detail.get("value") or "").strip() if detail else ""
    if not value:
        return None
    markup = detail.get("type") != "text/plain" or looks_like_markup(value)
    return Text(value, markup, safe_url(detail.get("base"), base) or base)


def _date(entry: Any, name: str) -> datetime | None:
    fields = entry.get(name)
    if not fields:
        return None
    year, month, day, hour, minute, second = fields[:6]
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError):
        return None


def _length(written: Any) -> int | None:
    digits = str(written or "")
    return int(digits) if digits.isdecimal() and len(digits) < 16 else None  # noqa: PLR2004 - more than any file has bytes
