"""Text to an XML tree that can be trusted: no DTD, no entity that expands, names the same whatever the prefix.

The DOCTYPE is cut away before parsing, so nothing a document declares can reach a file, the network or a
multiplication; plain one-word entities and HTML's own are written out as the characters they stand for.
"""

import html.entities
import re
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from services.fetcher.feed.text import safe_base

CORE = ""
NAMESPACES = {
    **dict.fromkeys(
        [
            "http://www.w3.org/2005/atom",
            "http://purl.org/atom/ns#",
            "http://purl.org/rss/1.0",
            "http://my.netscape.com/rdf/simple/0.9",
            "http://channel.netscape.com/rdf/simple/0.9",
            "http://purl.org/rss/1.0/modules/rss091#",
            "http://backend.userland.com/rss",
            "http://backend.userland.com/rss2",
            "http://backend.userland.com/rss191",
            "http://blogs.law.harvard.edu/tech/rss",
            "http://cyber.law.harvard.edu/rss",
            "http://purl.org/net/rss1.1#",
            "http://example.com/newformat#",
            "http://example.com/necho",
            "http://purl.org/echo",
            "uri/of/echo/namespace#",
            "http://purl.org/pie",
        ],
        CORE,
    ),
    "http://purl.org/dc/elements/1.1": "dc",
    "http://purl.org/dc/elements/1.0": "dc",
    "http://purl.org/dc/terms": "dcterms",
    "http://purl.org/rss/1.0/modules/content": "content",
    "http://purl.org/rss/1.0/modules/syndication": "sy",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://example.com/dtds/podcast-1.0.dtd": "itunes",
    "http://search.yahoo.com/mrss": "media",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/xml/1998/namespace": "xml",
    "http://www.sitemaps.org/schemas/sitemap/0.9": "sitemap",
    "http://www.google.com/schemas/sitemap/0.9": "sitemap",
    "http://www.google.com/schemas/sitemap/0.84": "sitemap",
    "http://www.google.com/schemas/sitemap-news/0.9": "news",
    "http://www.google.com/schemas/sitemap-image/1.1": "image",
}
PREFIXES = frozenset(["dc", "dcterms", "content", "sy", "itunes", "media", "rdf", "xhtml", "news"])
CORE_PREFIXES = frozenset(["atom", "rss", "rss1"])  # undeclared, these are meant
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
XML_ENTITIES = frozenset(["amp", "lt", "gt", "quot", "apos"])
MAX_ENTITY_CHARS = 200
MAX_ENTITIES = 200
MAX_PROLOG_PARTS = 1_000
VOID = frozenset(
    [
        "area",
        "base",
        "basefont",
        "br",
        "col",
        "embed",
        "frame",
        "hr",
        "img",
        "input",
        "isindex",
        "keygen",
        "link",
        "meta",
        "param",
        "source",
        "wbr",
    ]
)

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_DOCTYPE = re.compile(r"<!DOCTYPE\b[^\[<>]*(?:\[(?P<subset>.*?)\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY\s+([A-Za-z][\w.-]*)\s+(?:\"([^\"<&%]*|&#\w{1,8};)\"|'([^'<&%]*|&#\w{1,8};)')\s*>")
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
_START = re.compile(r"<[A-Za-z_]")
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9.]{0,31}));|&",
    re.DOTALL,
)


@dataclass(frozen=True)
class Tree:
    """A parsed document: its root, and the parser's complaint when the XML was ill-formed and had to be mended."""

    root: etree._Element
    complaint: str | None = None
    base: str | None = None
    has_bases: bool = False

    def base_of(self, element: etree._Element) -> str | None:
        """Return the address relative references in `element` count from: the nearest xml:base, resolved upwards."""
        if not self.has_bases:
            return self.base
        chain = [ancestor.get(XML_BASE) for ancestor in element.iterancestors()][::-1]
        base = self.base
        for value in (*chain, element.get(XML_BASE)):
            base = safe_base(value, base)
        return base


def tidy(text: str) -> str:
    """Return XML that lxml can read: from the root on, without illegal characters, bare & or unknown entities."""
    text = _ILLEGAL.sub("", text)
    if _C1.search(text):  # Windows-1252 that somebody took for Latin-1
        text = _C1.sub(lambda m: html.unescape(f"&#{ord(m[0])};"), text)
    start, entities = _skip_prolog(text)
    body = text[start:]
    if "&" not in body:
        return body
    return _AMPERSAND.sub(lambda m: _ampersand(m, entities), body)


def _skip_prolog(text: str) -> tuple[int, dict[str, str]]:
    """Find where the root element starts, and the harmless entities a DOCTYPE before it declares."""
    entities: dict[str, str] = {}
    at = text.find("<")
    for _ in range(MAX_PROLOG_PARTS):
        if at < 0:
            break
        if text.startswith("<!--", at):
            end = text.find("-->", at)
            at = text.find("<", end) if end >= 0 else -1
        elif text.startswith("<?", at):
            end = text.find("?>", at)
            at = text.find("<", end) if end >= 0 else -1
        elif doctype := _DOCTYPE.match(text, at):
            for name, double, single in _ENTITY.findall(doctype["subset"] or "")[:MAX_ENTITIES]:
                entities.setdefault(name, html.unescape((double or single)[:MAX_ENTITY_CHARS]))
            at = text.find("<", doctype.end())
        elif _START.match(text, at):
            return at, entities
        else:
            at = text.find("<", at + 1)
    return len(text), entities


def _ampersand(  # noqa: PLR0911 - one return for each kind of reference
    match: re.Match[str], entities: dict[str, str]
) -> str:
    whole = match[0]
    if whole[0] == "<":
        return whole
    decimal, hexadecimal, name = match.groups()
    if name:
        if name in XML_ENTITIES:
            return whole
        known = entities.get(name) or _html_entity(name)
        return html.escape(known, quote=True) if known else f"&amp;{whole[1:]}"
    if whole == "&":
        return "&amp;"
    point = int(decimal) if decimal else int(hexadecimal, 16)
    if hexadecimal and whole[2] == "X":
        whole = f"&#{point};"
    if point >= 0x20 and not 0x7F < point < 0xA0 and not 0xD800 <= point < 0xE000:  # noqa: PLR2004 - Unicode's own
        return whole if point <= 0x10FFFF and point not in {0xFFFE, 0xFFFF} else ""  # noqa: PLR2004 - the same
    if point in {0x9, 0xA, 0xD}:
        return whole
    return html.escape(html.unescape(f"&#{point};")) if 0x7F < point < 0xA0 else ""  # noqa: PLR2004 - as HTML reads them


def _html_entity(name: str) -> str | None:
    point = html.entities.name2codepoint.get(name)
    return chr(point) if point else html.entities.html5.get(f"{name};")


def read_xml(text: str, base: str | None = None) -> Tree | None:
    """Parse XML, strictly first and mending it second; None when not even a root element can be made out."""
    tidied = tidy(text)
    if not tidied:
        return None
    raw = tidied.encode("utf-8")
    complaint = None
    try:
        root = etree.fromstring(raw, _parser(recover=False))
    except etree.XMLSyntaxError as error:
        complaint = error.msg or "ill-formed XML"
        try:
            root = etree.fromstring(raw, _parser(recover=True))
        except etree.XMLSyntaxError:
            return None
    if root is None:
        return None
    return Tree(root, complaint, base, "xml:base" in tidied)


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
        collect_ids=False,
    )


def name_of(element: etree._Element) -> str:
    """Return an element's name by its namespace, lower case: "title" for RSS and Atom, "dc:creator" for others."""
    return _name(element.tag, element.prefix)


@lru_cache(maxsize=8192)
def _name(tag: str, prefix: str | None) -> str:
    if tag[0] != "{":
        written, _, local = tag.lower().rpartition(":")
        return f"{written}:{local}" if written and written not in CORE_PREFIXES else local
    uri, _, local = tag[1:].partition("}")
    local = local.lower()
    known = NAMESPACES.get(uri.strip().lower().rstrip("/"))
    if known is None:
        known = prefix.lower() if prefix else CORE
        known = f"?{known}" if known in PREFIXES else known
    return f"{known}:{local}" if known else local


def attribute(element: etree._Element, name: str) -> str:
    """Return an attribute by its name in any case and without regard to its namespace; empty when absent."""
    value = element.get(name)
    if value is not None:
        return value.strip()
    for key, written in attributes(element):
        if key.rpartition("}")[2].lower() == name:
            return written.strip()
    return ""


def attributes(element: etree._Element) -> list[tuple[str, str]]:
    """Return an element's attributes; lxml gives text, whatever its stubs say."""
    return [(str(key), str(value)) for key, value in element.items()]


def words(element: etree._Element) -> str:
    """Return all character data inside an element, stripped."""
    return (
        (element.text or "").strip() if len(element) == 0 else "".join(str(part) for part in element.itertext()).strip()
    )


def inner_markup(element: etree._Element, *, escaped: bool = False) -> str:
    """Return an element's content as HTML, names without namespaces.

    Character data is escaped, unless it is `escaped` already: markup that was escaped once more around real tags.
    """
    parts = [_data(element.text, escaped=escaped)]
    for child in element:
        _write(child, parts, escaped=escaped)
    return "".join(parts)


def _write(element: etree._Element, parts: list[str], *, escaped: bool) -> None:
    tag = _local(element.tag)
    written = "".join(f' {_local(k)}="{_escape(v).replace(chr(34), "&quot;")}"' for k, v in attributes(element))
    tail = _data(element.tail, escaped=escaped)
    if tag in VOID and not len(element) and not element.text:
        parts.append(f"<{tag}{written} />{tail}")
        return
    parts.append(f"<{tag}{written}>{_data(element.text, escaped=escaped)}")
    for child in element:
        _write(child, parts, escaped=escaped)
    parts.append(f"</{tag}>{tail}")


def _data(text: str | None, *, escaped: bool) -> str:
    return text or "" if escaped else _escape(text)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _escape(text: str | None) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if text else ""
