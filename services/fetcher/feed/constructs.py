"""The pieces feed formats share: texts of several types, people, links and files."""

import base64
import binascii
import re

from lxml import etree

from services.fetcher.feed.document import Enclosure, Text
from services.fetcher.feed.text import looks_like_markup, one_line, safe_url, unique
from services.fetcher.feed.xmltree import XML_LANG, Tree, attribute, inner_markup, name_of, words

Element = etree._Element  # noqa: SLF001 - lxml's only public name for the type of an element
Fields = dict[str, list[Element]]

_EMAIL = r"[^\s()<>\"',;:]+@[^\s()<>\"',;:]+"
_EMAIL_FIRST = re.compile(rf"^(?:mailto:)?({_EMAIL})\s*[(<\[]\s*([^()<>]+?)\s*[)>\]]$", re.IGNORECASE)
_EMAIL_LAST = re.compile(rf"^(.+?)\s*[(<\[]\s*(?:mailto:)?({_EMAIL})\s*[)>\]]$", re.IGNORECASE)
_XML_TYPE = re.compile(r"(^|/|\+)xml$")


def fields_of(element: Element) -> Fields:
    """Return an element's children by name, in document order."""
    fields: Fields = {}
    for child in element:
        if isinstance(child.tag, str):
            fields.setdefault(name_of(child), []).append(child)
    return fields


def first(fields: Fields, *names: str) -> Element | None:
    """Return the first element that holds anything, trying the names in their order."""
    for name in names:
        for element in fields.get(name, ()):
            if len(element) or (element.text and not element.text.isspace()):
                return element
    return None


def first_words(fields: Fields, *names: str) -> str:
    """Return the character data of the first element that has any, trying the names in their order."""
    for name in names:
        for element in fields.get(name, ()):
            if value := words(element):
                return value
    return ""


def untyped_text(tree: Tree, element: Element | None) -> Text | None:
    """Read a text of RSS, which says nothing about its type: child elements or known tags make it markup."""
    if element is None:
        return None
    kind = attribute(element, "type").lower()
    if attribute(element, "mode").lower() == "base64":
        return _decoded(tree, element)
    if len(element):
        value = inner_markup(element).strip()
        return Text(value, markup=True, base=tree.base_of(element))
    value = (element.text or "").strip()
    if not value:
        return None
    if kind in {"plain", "text", "text/plain"}:
        return Text(value)
    return Text(value, looks_like_markup(value), tree.base_of(element))


def atom_text(tree: Tree, element: Element | None, *, old: bool) -> Text | None:
    """Read an Atom text construct (RFC 4287, 3.1) or, when `old`, one of Atom 0.3 with its mode."""
    if element is None:
        return None
    kind = attribute(element, "type").lower() or ("text/plain" if old else "text")
    mode = attribute(element, "mode").lower()
    if mode == "base64" or (not old and _is_base64(kind) and not len(element)):
        return _decoded(tree, element)
    if len(element):
        wrapper = element[0]
        alone = len(element) == 1 and not (element.text or "").strip() and not (wrapper.tail or "").strip()
        if not old and alone and name_of(wrapper) in {"xhtml:div", "div"}:
            return Text(inner_markup(wrapper).strip(), markup=True, base=tree.base_of(wrapper))
        return Text(inner_markup(element).strip(), markup=True, base=tree.base_of(element))
    value = (element.text or "").strip()
    if not value:
        return None
    if kind in {"text", "text/plain", "plain"}:
        guessed = mode == "escaped" or (old and not attribute(element, "type"))
        return Text(value, guessed and looks_like_markup(value), tree.base_of(element))
    if "xhtml" in kind or (old and mode != "escaped" and kind != "text/html"):
        value = value.replace("&", "&amp;").replace("<", "&lt;")
    return Text(value, markup=True, base=tree.base_of(element))


def _is_base64(kind: str) -> bool:
    if kind in {"text", "html", "xhtml"} or kind.startswith("text/"):
        return False
    return "/" in kind and not _XML_TYPE.search(kind)


def _decoded(tree: Tree, element: Element) -> Text | None:
    try:
        raw = base64.b64decode("".join(words(element).split()), validate=True)
        value = raw.decode("utf-8").strip()
    except (binascii.Error, ValueError):
        value = words(element)
    return Text(value, looks_like_markup(value), tree.base_of(element)) if value else None


def person(element: Element) -> str:
    """Return who an author element names: its name, else its e-mail address, else its text."""
    if len(element):
        parts = fields_of(element)
        written = first_words(parts, "name") or first_words(parts, "email") or first_words(parts, "uri", "url")
        return person_name(written or words(element))
    return person_name(words(element))


def person_name(written: str) -> str:
    """Return the name in "me@example.org (A. Name)" and its variants; a lone address stays as it is."""
    written = one_line(Text(written, looks_like_markup(written)))
    if match := _EMAIL_FIRST.match(written):
        return match[2]
    if match := _EMAIL_LAST.match(written):
        return match[1].strip("\"' ")
    return written.removeprefix("mailto:")


def people(fields: Fields, *names: str) -> tuple[str, ...]:
    """Return everyone the named elements name, each once."""
    return unique([person(element) for name in names for element in fields.get(name, ())])


def enclosure(tree: Tree, element: Element, url: str, kind: str, length: str) -> Enclosure | None:
    """Read a file from the named attributes of an element; None unless it can be fetched by http(s)."""
    address = safe_url(attribute(element, url) or words(element) if url == "url" else attribute(element, url), tree.base_of(element))
    if address is None:
        return None
    size = attribute(element, length).replace(",", "")
    return Enclosure(address, attribute(element, kind) or None, int(size) if size.isdecimal() and len(size) < 16 else None)  # noqa: PLR2004 - more digits than any file has bytes


def media_files(tree: Tree, fields: Fields) -> list[Enclosure]:
    """Return what Media RSS adds to an item, in groups or not: contents, then thumbnails."""
    groups = [fields, *(fields_of(group) for group in fields.get("media:group", ()))]
    contents = [content for group in groups for content in group.get("media:content", ())]
    found = [enclosure(tree, content, "url", "type", "filesize") for content in contents]
    within = [fields_of(content) for content in contents]
    found += [
        enclosure(tree, thumbnail, "url", "type", "filesize")
        for group in (*groups, *within)
        for thumbnail in group.get("media:thumbnail", ())
    ]
    return [file for file in found if file]


def distinct(files: list[Enclosure]) -> tuple[Enclosure, ...]:
    """Return the files, one for each address."""
    kept: dict[str, Enclosure] = {}
    for file in files:
        kept.setdefault(file.url, file)
    return tuple(kept.values())


def categories(fields: Fields, *more: str) -> tuple[str, ...]:
    """Return an item's or feed's categories: Atom's terms, RSS's texts, subjects, keywords, each once."""
    found: list[str] = []
    for element in fields.get("category", ()):
        found.append(attribute(element, "term") or words(element) or attribute(element, "label"))
    for name in ("dc:subject", "media:category", *more):
        found += [words(element) or attribute(element, "label") for element in fields.get(name, ())]
    for name in ("itunes:keywords", "media:keywords"):
        for element in fields.get(name, ()):
            found += words(element).split(",")
    for element in fields.get("itunes:category", ()):
        found += [attribute(e, "text") for e in element.iter() if isinstance(e.tag, str)]
    return unique([one_line(Text(word, looks_like_markup(word))) for word in found])


def language_of(element: Element, fields: Fields) -> str | None:
    """Return the language an element states: its own elements before xml:lang; BCP 47 with hyphens."""
    stated = first_words(fields, "language", "dc:language") or element.get(XML_LANG) or ""
    return tidy_language(stated)


def tidy_language(stated: str | None) -> str | None:
    """Return a language tag with hyphens, or None for what cannot be one."""
    tag = (stated or "").split(",")[0].strip().replace("_", "-")
    return tag if re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", tag) else None
