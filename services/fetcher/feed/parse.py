"""Bytes to a feed: the fast parser first, the tolerant one where it loses items, a named refusal otherwise."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from services.fetcher.feed import atom, jsonfeed, rss, sitemap
from services.fetcher.feed.constructs import Element, tidy_language
from services.fetcher.feed.decode import decode
from services.fetcher.feed.document import NotAFeed, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.text import one_line, safe_base
from services.fetcher.feed.tolerant import read_tolerantly
from services.fetcher.feed.xmltree import Tree, name_of, read_xml, tidy

MAX_BODY_BYTES = 25_000_000
MAX_ITEMS = 5_000
"""Items read of one document; of more, those at the newer end."""
MAX_TOLERANT_CHARS = 1_000_000
MAX_TOLERANT_ITEMS = 2_000
"""feedparser needs seconds for each megabyte: above this the mended tree must do."""

R = TypeVar("R")
_ITEM_TAG = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<(?:\w+:)?(?:item|entry)[\s>/]", re.DOTALL | re.IGNORECASE
)
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*|<\?.*?\?>\s*)*<(?:!doctype\s+html|html|head|body)\b", re.DOTALL | re.IGNORECASE
)
_FEED_ROOT = re.compile(r"<(?:rss|feed|channel|rdf:RDF|urlset)[\s>]", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,300})", re.IGNORECASE)
_FEED_LINK = re.compile(r"<link\b[^<>]*application/(?:rss|atom|feed)\+(?:xml|json)[^<>]*>", re.IGNORECASE)
_HREF = re.compile(r"href\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)


def parse(
    body: bytes,
    *,
    content_type: str | None = None,
    url: str | None = None,
    content_location: str | None = None,
    content_language: str | None = None,
) -> ParsedFeed:
    """Read a feed of any known format from a response's body; raises NotAFeed, and nothing else, for anything else.

    `content_type`, `content_location` and `content_language` are the response's headers, `url` where it was found:
    they give the encoding, the base of relative links and the language where the document is silent.
    """
    if len(body) > MAX_BODY_BYTES:
        raise NotAFeed("too-large", f"{len(body):,} bytes; the limit is {MAX_BODY_BYTES:,}")
    decoded = decode(body, content_type)
    text = decoded.text.lstrip("\ufeff \t\r\n\0")
    if not text:
        raise NotAFeed("empty", "the document is empty" if not body else "the document holds white space only")
    base = safe_base(content_location, safe_base(url, None))
    feed = _read_json(text, base) if text[0] in "{[" else _read_markup(text, base)
    language = feed.language or tidy_language(content_language)
    warnings = (*decoded.warnings, *feed.warnings, *(() if feed.items else ("no items",)))
    return replace(feed, encoding=decoded.encoding, language=language, warnings=warnings)


def _read_json(text: str, base: str | None) -> ParsedFeed:
    top = jsonfeed.load(text)
    chosen, warnings = _newest(jsonfeed.items_in(top), lambda item: jsonfeed.read_item(item, base))
    return replace(jsonfeed.read_feed(top, chosen, base), warnings=warnings)


def _read_markup(text: str, base: str | None) -> ParsedFeed:
    if _HTML.match(text[:5000]) and not _FEED_ROOT.search(text[:20_000]):
        raise NotAFeed("html", describe_page(text))
    tree = read_xml(text, base)
    feed = _read_tree(tree) if tree is not None else None
    expected = None if tree is not None and tree.complaint is None else _count_items(text)
    if feed is not None and (expected is None or len(feed.items) >= min(expected, MAX_ITEMS)):
        return feed
    small = len(text) <= MAX_TOLERANT_CHARS and (expected or 0) <= MAX_TOLERANT_ITEMS
    mended = read_tolerantly(tidy(text), base) if small else None
    if mended is not None and (feed is None or len(mended.items) > len(feed.items)):
        return replace(mended, warnings=(*mended.warnings, "ill-formed XML: read by the tolerant parser"))
    if feed is not None:
        return feed
    if tree is None:
        if "<" in text and not tidy(text):
            raise NotAFeed("empty", "XML without any element")
        reason = "bad-xml" if "<" in text else "not-a-feed"
        raise NotAFeed(reason, f"no element can be made out; it begins {_excerpt(text)}")
    if name_of(tree.root) in {"html", "xhtml:html", "head", "body", "xhtml:body"}:
        raise NotAFeed("html", describe_page(text))
    raise NotAFeed("not-a-feed", f"XML, but its root element is <{name_of(tree.root)}>, which is no feed")


def _read_tree(tree: Tree) -> ParsedFeed | None:
    name = name_of(tree.root)
    warnings: tuple[str, ...] = (f"ill-formed XML: {tree.complaint}",) if tree.complaint else ()
    read: Callable[[Element], ParsedItem]
    if name in atom.ROOTS:
        old = atom.is_old(tree.root)
        found = [tree.root] if name == "entry" else list(rss.items_in(tree.root))
        read, finish = (lambda e: atom.read_entry(tree, e, old=old)), atom.read_feed
    elif name in rss.ROOTS:
        found, read, finish = list(rss.items_in(tree.root)), (lambda e: rss.read_item(tree, e)), rss.read_feed
    elif name in sitemap.ROOTS and (urls := sitemap.urls_in(tree.root)):
        found, read, finish = urls, (lambda e: sitemap.read_url(tree, e)), sitemap.read_feed
    else:
        return None
    items, capped = _newest(found, read)
    return replace(finish(tree, items), warnings=warnings + capped)


def _newest(found: Sequence[R], read: Callable[[R], ParsedItem]) -> tuple[tuple[ParsedItem, ...], tuple[str, ...]]:
    """Read the items, of too many the newer end, whichever way the document is sorted."""
    if len(found) <= MAX_ITEMS:
        return tuple(read(item) for item in found), ()
    first, last = (_moment(read(found[0])), _moment(read(found[-1])))
    kept = found[-MAX_ITEMS:] if first and last and last > first else found[:MAX_ITEMS]
    return tuple(read(item) for item in kept), (f"items: {len(found)} found, the newest {MAX_ITEMS} read",)


def _moment(item: ParsedItem) -> datetime | None:
    return item.updated or item.published


def _count_items(text: str) -> int:
    return sum(match[0][1] != "!" for match in _ITEM_TAG.finditer(text))


def describe_page(text: str) -> str:
    """Say of a web page what it is called and which feeds it names, so that the reader can follow."""
    sample = text[:200_000]
    title = _TITLE.search(sample)
    links = [href[1] for tag in _FEED_LINK.findall(sample) if (href := _HREF.search(tag))]
    called = f" called {one_line(Text(title[1], markup=True))!r}" if title and title[1].strip() else ""
    names = f"; it names these feeds: {', '.join(links[:5])}" if links else ""
    return f"this is a web page{called}, not a feed{names}"


def _excerpt(text: str) -> str:
    return repr(text[:60])
