"""A parsed feed as plain data, for people and programs outside the pipeline."""

from datetime import datetime
from typing import Any

from feedparser.sanitizer import _sanitize_html as sanitize
from feedparser.urls import resolve_relative_uris

from services.fetcher.feed.document import NotAFeed, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.text import drop_unprintable, one_line, plain

Data = dict[str, Any]


def feed_data(feed: ParsedFeed) -> Data:
    """Return a feed as JSON data; dates are RFC 3339 in UTC, what is absent is null or an empty list.

    `title`, `summary` and `content` are as the feed has them, cleaned of scripts and styles that do harm, relative
    links resolved; the same with `_text` is plain text. An item without a summary repeats its content there, and an
    item without an id of its own is known by its link.
    """
    return {
        "title": markup(feed.title),
        "title_text": one_line(feed.title) or None,
        "link": feed.link,
        "language": feed.language,
        "format": feed.format,
        "version": feed.version or None,
        "encoding": feed.encoding,
        "items": [item_data(item) for item in feed.items],
        "warnings": list(feed.warnings),
    }


def item_data(item: ParsedItem) -> Data:
    """Return one item as JSON data, in the shape `feed_data` describes."""
    summary = item.summary or item.content
    return {
        "id": item.guid or item.link,
        "link": item.link,
        "title": markup(item.title),
        "title_text": one_line(item.title) or None,
        "summary": markup(summary),
        "summary_text": plain(summary) or None,
        "content": markup(item.content),
        "content_text": plain(item.content) or None,
        "authors": list(item.authors),
        "published": moment(item.published),
        "updated": moment(item.updated),
        "categories": list(item.categories),
        "enclosures": [{"url": file.url, "type": file.type, "length": file.length} for file in item.enclosures],
        "language": item.language,
    }


def error_data(failure: NotAFeed) -> Data:
    """Return a refusal as JSON data."""
    return {"error": {"reason": failure.reason, "detail": failure.detail}}


def markup(text: Text | None) -> str | None:
    """Return a text that may be shown: markup without what runs or loads, links absolute; plain text as it is."""
    if text is None:
        return None
    value = drop_unprintable(text.value)
    if text.markup and ("<" in value or "&" in value):
        if text.base and "<" in value:
            value = resolve_relative_uris(value, text.base, "utf-8", "text/html")
        value = sanitize(value, "utf-8", "text/html").strip()
    return value or None


def moment(when: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return when.isoformat().replace("+00:00", "Z") if when else None
