"""OPML 2.0: feed lists in and out. Source: opml.org/spec2.opml.

Country, kind, grade and language travel in the outline's `category` ("/country/KHM,/kind/newspaper,/grade/C,
/language/en"), which other readers keep or ignore. Import takes what it can and tells of the rest, outline by outline.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from services.fetcher.sources import GRADES, KINDS, Source, check

MAX_BYTES = 5_000_000
MAX_FEEDS = 5_000
CARRIED = ("country", "kind", "grade", "language")


class BadOpml(Exception):  # noqa: N818 - the house name for data that cannot be read
    """The document is no OPML; the message says why."""


@dataclass(frozen=True)
class Skipped:
    """An outline that was not taken: its line in the file, what it calls itself, and why."""

    line: int
    name: str
    reason: str


@dataclass(frozen=True)
class Imported:
    """What an OPML document holds: usable feeds, each URL once, and what was left out."""

    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]


def read_opml(raw: bytes) -> Imported:
    """Read an OPML document, tolerating broken markup and unknown attributes. Raises BadOpml if it is none."""
    if len(raw) > MAX_BYTES:
        raise BadOpml(f"{len(raw):,} bytes; the limit is {MAX_BYTES:,}")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadOpml(f"no XML: {error}") from error
    if root is None or not isinstance(root.tag, str) or etree.QName(root).localname.lower() != "opml":
        found = "an empty document" if root is None else f"a <{root.tag}> document"
        raise BadOpml(f"this is {found}, not <opml>")
    sources: dict[str, Source] = {}
    skipped: list[Skipped] = []
    for outline in root.iter("{*}outline", "outline"):
        given = {str(name).lower(): str(value).strip() for name, value in outline.attrib.items()}
        if not given.get("xmlurl"):
            continue  # a folder, or a note
        name = " ".join((given.get("title") or given.get("text") or given["xmlurl"]).split())[:200]
        taken = _source(name, given)
        line = int(str(outline.sourceline or 1))
        if isinstance(taken, str):
            skipped.append(Skipped(line, name, taken))
        elif taken.id in sources:
            skipped.append(Skipped(line, name, f"the same feed as {sources[taken.id].name}, further up"))
        elif len(sources) >= MAX_FEEDS:
            skipped.append(Skipped(line, name, f"more than {MAX_FEEDS:,} feeds"))
        else:
            sources[taken.id] = taken
    return Imported(tuple(sources.values()), tuple(skipped))


def write_opml(sources: Iterable[Source], *, now: datetime) -> bytes:
    """Write feeds as an OPML document that `read_opml` reads back to the same feeds."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = "Attaché feeds"
    etree.SubElement(head, "dateCreated").text = format_datetime(now, usegmt=True)
    body = etree.SubElement(root, "body")
    for source in sources:
        carried = ((key, getattr(source, key)) for key in CARRIED)
        attributes = {
            "type": "rss",
            "text": source.name,
            "title": source.name,
            "xmlUrl": source.url,
            "htmlUrl": source.site or "",
            "language": source.language or "",
            "category": ",".join(f"/{key}/{value}" for key, value in carried if value),
        }
        etree.SubElement(body, "outline", {name: value for name, value in attributes.items() if value})
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _source(name: str, given: dict[str, str]) -> Source | str:
    carried = dict(_categories(given.get("category", "")))
    row = {
        "name": name,
        "url": given["xmlurl"],
        "kind": "media",
        "grade": "F",
        "language": given.get("language", ""),
        **{key: carried[key] for key in CARRIED if key in carried},
    }
    if row["kind"] not in KINDS:
        row["kind"] = "media"
    if row["grade"] not in GRADES:
        row["grade"] = "F"
    taken = check(row)
    if isinstance(taken, tuple):  # what only describes is dropped; without a usable URL and name there is no feed
        for fault in taken:
            if fault.key in {"language", "country"}:
                row[fault.key] = ""
        taken = check(row)
    if isinstance(taken, tuple):
        return "; ".join(map(str, taken))
    site = check({**row, "site": given.get("htmlurl", "")})
    return site if isinstance(site, Source) else taken


def _categories(written: str) -> Iterable[tuple[str, str]]:
    for category in written.split(","):
        parts = category.strip().split("/")
        if len(parts) == 3 and not parts[0]:  # noqa: PLR2004 - "/key/value"
            yield parts[1], parts[2]
