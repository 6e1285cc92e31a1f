"""RSS 0.9x, 1.0 (RDF), 2.0 and Channel Definition Format: a channel, and items in it or beside it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

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
from services.fetcher.feed.document import Enclosure, Hints, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.text import safe_url, unique
from services.fetcher.feed.xmltree import Tree, attribute, attributes, name_of, words

ROOTS = frozenset(["rss", "rdf:rdf", "rdf", "channel", "rss1.1:channel"])
HOLDERS = ROOTS | {"items", "feed"}
MAX_TTL = timedelta(days=31)
PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def items_in(root: Element) -> Iterator[Element]:
    """Yield the items of a document wherever it keeps them: in the channel, beside it, in nested channels."""
    for child in root:
        if isinstance(child.tag, str):
            name = name_of(child)
            if name in {"item", "entry"}:
                yield child
            elif name in HOLDERS:
                yield from items_in(child)


def read_feed(tree: Tree, items: tuple[ParsedItem, ...]) -> ParsedFeed:
    """Read the channel around items that are already read."""
    root = tree.root
    name = name_of(root)
    channel = root if name == "channel" else next((c for c in root if name_of(c) == "channel"), root)
    fields = fields_of(channel)
    if channel is not root:  # sloppy feeds close the channel early
        for key, elements in fields_of(root).items():
            fields.setdefault(key, elements)
    if name == "channel":
        kind, version = "cdf", ""
    elif name.startswith("rdf"):
        kind, version = "rdf", "0.9" if "netscape" in f"{channel.tag}{root.nsmap}" else "1.0"
    else:
        kind, version = "rss", attribute(root, "version")
    return ParsedFeed(
        format=kind,
        version=version,
        title=untyped_text(tree, first(fields, "title", "dc:title", "itunes:title")),
        link=_link(tree, channel, fields),
        language=language_of(channel, fields) or language_of(root, {}),
        items=items,
        hints=read_hints(fields),
    )


def read_item(tree: Tree, item: Element) -> ParsedItem:
    """Read one item."""
    fields = fields_of(item)
    guid, permalink = _guid(tree, item, fields)
    summary, content = _texts(tree, item, fields)
    published, updated = _dates(item, fields)
    authors = unique(
        [
            *people(fields, "author", "dc:creator", "dc:author"),
            *([] if "author" in fields or "dc:creator" in fields else people(fields, "itunes:author")),
        ]
    ) or people(fields, "contributor", "dc:contributor", "dc:publisher", "publisher")
    return ParsedItem(
        guid=guid,
        link=_link(tree, item, fields) or permalink,
        title=_title(tree, fields),
        summary=summary,
        content=content,
        authors=authors,
        published=published,
        updated=updated,
        categories=categories(item),
        enclosures=_files(tree, fields),
        language=language_of(item, fields),
    )


def read_hints(fields: Fields) -> Hints:
    """Read when the publisher would like to be asked again; what cannot be meant is left out."""
    minutes = first_words(fields, "ttl")
    ttl = timedelta(minutes=int(minutes)) if minutes.isdecimal() and len(minutes) < 7 else None  # noqa: PLR2004 - longer than MAX_TTL
    period = PERIODS.get(first_words(fields, "sy:updateperiod").lower())
    if ttl is None and period:
        often = first_words(fields, "sy:updatefrequency")
        ttl = period / int(often) if often.isdecimal() and int(often[:6]) > 0 else period
    hours = {words(h) for e in fields.get("skiphours", ()) for h in e}
    days = {words(d).lower() for e in fields.get("skipdays", ()) for d in e}
    return Hints(
        ttl=min(ttl, MAX_TTL) if ttl else None,
        skip_hours=frozenset(int(h) % 24 for h in hours if h.isdecimal() and int(h[:3]) <= 24),  # noqa: PLR2004 - RSS 0.91 counts to 24
        skip_days=frozenset(WEEKDAYS.index(d) for d in days if d in WEEKDAYS),
    )


def _title(tree: Tree, fields: Fields) -> Text | None:
    for name in ("title", "dc:title", "media:title", "itunes:title"):
        if text := untyped_text(tree, first(fields, name)):
            return text
    return None


def _link(tree: Tree, holder: Element, fields: Fields) -> str | None:
    """Return the page an element stands for: the last link of no other relation (RSS has one), or CDF's HREF."""
    found = None
    for link in fields.get("link", ()):
        href = attribute(link, "href")
        if href and (attribute(link, "rel").lower() or "alternate") != "alternate":
            continue
        address = safe_url(words(link) or href, tree.base_of(link))
        found = address or found
    if found is None and (href := attribute(holder, "href")):
        found = safe_url(href, tree.base_of(holder))
    return found


def _guid(tree: Tree, item: Element, fields: Fields) -> tuple[str | None, str | None]:
    """Return the item's own id, and the address it doubles as unless it says that it does not."""
    about = next((v.strip() for k, v in attributes(item) if k.rpartition("}")[2] == "about"), "")
    element = first(fields, "guid", "id")
    if element is None:
        return (first_words(fields, "dc:identifier") or about or None), None
    guid = words(element)
    if name_of(element) == "guid" and attribute(element, "ispermalink").lower() != "false":
        address = safe_url(guid, tree.base_of(element))
        if address and ("/" in address):
            return guid, address
    return guid or None, None


def _texts(tree: Tree, item: Element, fields: Fields) -> tuple[Text | None, Text | None]:
    """Return summary and full text; of two short texts the second is taken for the full one, as publishers do."""
    content = None
    for name in ("content:encoded", "encoded", "xhtml:body", "body", "fullitem"):
        if content := untyped_text(tree, first(fields, name)):
            break
    if content is None and (element := first(fields, "content")) is not None:
        content = atom_text(tree, element, old=False)
    names = ("description", "summary", "abstract")
    plain = [child for child in item if isinstance(child.tag, str) and name_of(child) in names]
    texts = [text for child in plain if (text := untyped_text(tree, child))]
    if not texts:
        more = ("dc:description", "itunes:summary", "itunes:subtitle", "media:description")
        texts = [text for name in more if (text := untyped_text(tree, first(fields, name)))]
        groups = [fields_of(group) for name in ("media:group", "media:content") for group in fields.get(name, ())]
        texts += [text for g in groups if (text := untyped_text(tree, first(g, "media:description")))]
        return (texts[0] if texts else None), content
    if content is None and len(texts) > 1:
        content = texts[1]
    return texts[0], content


def _dates(item: Element, fields: Fields) -> tuple[datetime | None, datetime | None]:
    updated = _date(fields, "updated", "modified", "dcterms:modified", "dc:date", "lastmod", "lastbuilddate")
    if updated is None and (lastmod := attribute(item, "lastmod")):
        updated = parse_date(lastmod)
    published = _date(
        fields, "pubdate", "published", "issued", "dcterms:issued", "dc:date", "dcterms:created", "created", "date"
    )
    return published or updated, updated


def _date(fields: Fields, *names: str) -> datetime | None:
    for name in names:
        for element in fields.get(name, ()):
            if moment := parse_date(words(element)):
                return moment
    return None


def _files(tree: Tree, fields: Fields) -> tuple[Enclosure, ...]:
    found = [enclosure(tree, e, "url", "type", "length") for e in fields.get("enclosure", ())]
    found += [
        enclosure(tree, e, "href", "type", "length")
        for e in fields.get("link", ())
        if attribute(e, "rel").lower() == "enclosure"
    ]
    return distinct([file for file in found if file] + media_files(tree, fields))
