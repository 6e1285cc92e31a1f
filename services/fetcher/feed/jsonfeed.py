"""JSON Feed 1.0 and 1.1 (jsonfeed.org): read leniently, a wrong type of one field costs that field only."""

import json
from typing import Any

from services.fetcher.feed.constructs import tidy_language
from services.fetcher.feed.dates import parse_date
from services.fetcher.feed.document import Enclosure, NotAFeed, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.text import looks_like_markup, safe_url, unique

Object = dict[str, Any]


def load(text: str) -> Object:
    """Return the feed's top-level object; raises NotAFeed for JSON that is broken or something else."""
    try:
        top = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise NotAFeed("bad-json", f"this is no JSON: {error}") from error
    if not isinstance(top, dict):
        raise NotAFeed("not-a-feed", f"JSON, but its top level is a {type(top).__name__}, not an object")
    if "jsonfeed.org/version" not in str(top.get("version", "")) and not isinstance(top.get("items"), list):
        raise NotAFeed("not-a-feed", "JSON, but neither a jsonfeed.org version nor a list of items")
    return top


def items_in(top: Object) -> list[Object]:
    """Return the items that are objects."""
    items = top.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def read_feed(top: Object, items: tuple[ParsedItem, ...], base: str | None) -> ParsedFeed:
    """Read what stands around items that are already read."""
    return ParsedFeed(
        format="json",
        version=_string(top.get("version")).rstrip("/").rpartition("/")[2],
        title=_text(top.get("title"), base),
        link=safe_url(_string(top.get("home_page_url")), base),
        language=tidy_language(_string(top.get("language"))),
        items=items,
    )


def read_item(item: Object, base: str | None) -> ParsedItem:
    """Read one item."""
    published = parse_date(_string(item.get("date_published")))
    updated = parse_date(_string(item.get("date_modified")))
    content_html = _string(item.get("content_html"))
    content = Text(content_html, markup=True, base=base) if content_html else None
    if content is None and (content_text := _string(item.get("content_text"))):
        content = Text(content_text)
    return ParsedItem(
        guid=_string(item.get("id")) or None,
        link=safe_url(_string(item.get("url")), base) or safe_url(_string(item.get("external_url")), base),
        title=_text(item.get("title"), base),
        summary=_text(item.get("summary"), base),
        content=content,
        authors=_authors(item),
        published=published or updated,
        updated=updated,
        categories=unique([_string(tag) for tag in _list(item.get("tags"))]),
        enclosures=_attachments(item, base),
        language=tidy_language(_string(item.get("language"))),
    )


def _authors(holder: Object) -> tuple[str, ...]:
    listed = [*_list(holder.get("authors")), holder.get("author")]
    people = [person for person in listed if isinstance(person, dict)]
    names = [_string(person.get("name")) or _string(person.get("url")) for person in people]
    return unique(names + [person.strip() for person in listed if isinstance(person, str)])


def _attachments(item: Object, base: str | None) -> tuple[Enclosure, ...]:
    found = []
    for file in _list(item.get("attachments")):
        if isinstance(file, dict) and (url := safe_url(_string(file.get("url")), base)):
            size = file.get("size_in_bytes")
            length = int(size) if isinstance(size, int | float) and 0 <= size < 1e15 else None  # noqa: PLR2004 - finite, and more than any file
            found.append(Enclosure(url, _string(file.get("mime_type")) or None, length))
    return tuple(found)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _string(value: Any) -> str:
    """Return a string as it stands; a number as its digits, since ids are often written as numbers."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _text(value: Any, base: str | None) -> Text | None:
    written = _string(value)
    return Text(written, looks_like_markup(written), base) if written else None
