"""The pieces feed formats share: texts of several types, people, links and files."""

import base64
import binascii
import re
from collections.abc import Callable

from lxml import etree

from services.fetcher.feed.document import Enclosure, Text
from services.fetcher.feed.text import looks_like_markup, one_line, safe_url, unique
from services.fetcher.feed.xmltree import XML_LANG, Tree, attribute, inner_markup, name_of, words

Element = etree._Element  # noqa: SLF001 - lxml's only public name for the type of an element
Fields = dict[str, list[Element]]

MAX_NAME_CHARS = 300
MAX_LENGTH_DIGITS = 15  # more than any file has bytes
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


def atom_text(  # noqa: PLR0911 - one return for each type of RFC 4287, 3.1.1
    tree: Tree, element: Element | None, *, old: bool
) -> Text | None:
    """Read an Atom text construct (RFC 4287, 3.1) or, when `old`, one of Atom 0.3 with its mode."""
    if element is None:
        return None
    kind = attribute(element, "type").lower() or ("text/plain" if old else "text")
    mode = attribute(element, "mode").lower()
    if mode == "base64" or (not old and _is_base64(kind) and not len(element)):
        return _decoded(tree, element)
    if len(element):
        wrapper = element[0]
        escaped = kind in {"html", "text/html"}
        alone = len(element) == 1 and not (element.text or "").strip() and not (wrapper.tail or "").strip()
        if not old and alone and name_of(wrapper) in {"xhtml:div", "div"}:
            return Text(inner_markup(wrapper, escaped=escaped).strip(), markup=True, base=tree.base_of(wrapper))
        return Text(inner_markup(element, escaped=escaped).strip(), markup=True, base=tree.base_of(element))
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
    """Read base64 that holds text; a file put into a feed is no text."""
    value = words(element)
    try:
        raw = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raw = value.encode()
    try:
        value = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return Text(value, looks_like_markup(value), tree.base_of(element)) if value else None


def person(element: Element) -> str:
    """Return who an author element names: its name, else its e-mail address, else its text."""
    if len(element):
        parts = fields_of(element)
        return person_name(first_words(parts, "name") or first_words(parts, "email"))
    return person_name(words(element))


def person_name(written: str) -> str:
    """Return the name in "me@example.org (A. Name)" and its variants; a lone address stays as it is."""
    written = one_line(Text(written[:MAX_NAME_CHARS], looks_like_markup(written[:MAX_NAME_CHARS])))
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
    written = attribute(element, url) or (words(element) if url == "url" else "")
    address = safe_url(written, tree.base_of(element))
    if address is None:
        return None
    size = attribute(element, length).replace(",", "")
    known = size.isdecimal() and len(size) <= MAX_LENGTH_DIGITS
    return Enclosure(address, attribute(element, kind) or None, int(size) if known else None)


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


def categories(element: Element) -> tuple[str, ...]:
    """Return what an item is filed under, in document order and each once: terms, texts, subjects, keywords."""
    found: list[str] = []
    for child in element:
        if isinstance(child.tag, str) and (read := CATEGORY_ELEMENTS.get(name_of(child))):
            found += read(child)
    return unique([one_line(Text(word, looks_like_markup(word))) for word in found])


def _category(element: Element) -> list[str]:
    return [attribute(element, "term") or words(element) or attribute(element, "label")]


def _keywords(element: Element) -> list[str]:
    return words(element).split(",")


def _nested(element: Element) -> list[str]:
    return [attribute(e, "text") for e in element.iter() if isinstance(e.tag, str)]


CATEGORY_ELEMENTS: dict[str, Callable[[Element], list[str]]] = {
    "category": _category,
    "dc:subject": _category,
    "media:category": _category,
    "itunes:category": _nested,
    **dict.fromkeys(["itunes:keywords", "media:keywords", "keywords", "tags"], _keywords),
}


def language_of(element: Element, fields: Fields) -> str | None:
    """Return the language an element states: its own elements before xml:lang; BCP 47 with hyphens."""
    stated = first_words(fields, "language", "dc:language") or element.get(XML_LANG) or ""
    return tidy_language(stated)


def tidy_language(stated: str | None) -> str | None:
    """Return a language tag with hyphens, or None for what cannot be one."""
    tag = (stated or "").split(",")[0].strip().replace("_", "-")
    return tag if re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", tag) else None
