"""Atom 1.0 (RFC 4287), Atom 0.3 and its forerunners; a lone entry document is a feed of one."""

from services.fetcher.feed.constructs import (
    Element,
    Fields,
    atom_text,
    categories,
    distinct,
    enclosure,
    fields_of,
    first,
    first_words,
    language_of,
    media_files,
    people,
    untyped_text,
)
from services.fetcher.feed.dates import parse_date
from services.fetcher.feed.document import Enclosure, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.rss import read_hints
from services.fetcher.feed.text import safe_url
from services.fetcher.feed.xmltree import Tree, attribute, name_of, words

ROOTS = frozenset(["feed", "entry"])
OLD = ("purl.org/atom/ns#", "newformat", "necho", "purl.org/echo", "uri/of/echo", "purl.org/pie")


def is_old(root: Element) -> bool:
    """Tell Atom 0.3 and older from Atom 1.0: their texts have a mode."""
    return attribute(root, "version").startswith("0.") or any(old in str(root.tag) for old in OLD)


def read_feed(tree: Tree, items: tuple[ParsedItem, ...]) -> ParsedFeed:
    """Read the feed around entries that are already read."""
    root = tree.root
    old = is_old(root)
    fields = fields_of(root) if name_of(root) == "feed" else {}
    return ParsedFeed(
        format="atom",
        version="0.3" if old else "1.0",
        title=atom_text(tree, first(fields, "title"), old=old) or untyped_text(tree, first(fields, "dc:title")),
        link=_link(tree, fields),
        language=language_of(root, fields),
        items=items,
        hints=read_hints(fields),
    )


def read_entry(tree: Tree, entry: Element, *, old: bool) -> ParsedItem:
    """Read one entry."""
    fields = fields_of(entry)
    group = next((fields_of(g) for g in fields.get("media:group", ())), {})
    title = atom_text(tree, first(fields, "title"), old=old)
    summary = atom_text(tree, first(fields, "summary", "description"), old=old)
    dates = {name: parse_date(first_words(fields, *names)) for name, names in DATES.items()}
    guid = first(fields, "id", "guid")
    return ParsedItem(
        guid=_guid(tree, guid) if guid is not None else None,
        link=_link(tree, fields),
        title=title or untyped_text(tree, first(fields, "dc:title", "media:title") or first(group, "media:title")),
        summary=summary or untyped_text(tree, first(fields, "media:description") or first(group, "media:description")),
        content=_content(tree, fields, old=old),
        authors=people(fields, "author", "dc:creator")
        or people(fields, "itunes:author", "contributor", "dc:contributor"),
        published=dates["published"] or dates["created"] or dates["updated"],
        updated=dates["updated"],
        categories=categories(entry),
        enclosures=_files(tree, fields),
        language=language_of(entry, fields),
    )


DATES = {
    "published": ("published", "issued", "dcterms:issued", "pubdate"),
    "created": ("created", "dcterms:created"),
    "updated": ("updated", "modified", "dcterms:modified", "dc:date"),
}


def _guid(tree: Tree, element: Element) -> str | None:
    """Return the id as written, which keeps it stable; only a relative path (not allowed, but seen) is resolved."""
    written = words(element)
    if "/" in written and ":" not in written:
        return safe_url(written, tree.base_of(element)) or written
    return written or None


def _link(tree: Tree, fields: Fields) -> str | None:
    """Return the page itself: an alternate link, HTML before other types."""
    found: list[tuple[int, str]] = []
    for link in fields.get("link", ()):
        relation = attribute(link, "rel").lower() or "alternate"
        address = safe_url(attribute(link, "href") or words(link), tree.base_of(link))
        if address is None or relation not in {"alternate", "http://www.iana.org/assignments/relation/alternate"}:
            continue
        kind = attribute(link, "type").lower()
        found.append((0 if not kind or "html" in kind else 1, address))
    return min(found, key=lambda each: each[0])[1] if found else None


def _content(tree: Tree, fields: Fields, *, old: bool) -> Text | None:
    for element in fields.get("content", ()):
        if text := atom_text(tree, element, old=old):
            return text
    return untyped_text(tree, first(fields, "content:encoded", "xhtml:body", "body"))


def _files(tree: Tree, fields: Fields) -> tuple[Enclosure, ...]:
    found = [
        enclosure(tree, link, "href", "type", "length")
        for link in fields.get("link", ())
        if attribute(link, "rel").lower() == "enclosure"
    ]
    found += [enclosure(tree, e, "url", "type", "length") for e in fields.get("enclosure", ())]
    return distinct([file for file in found if file] + media_files(tree, fields))
