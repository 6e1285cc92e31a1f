"""Text and addresses made fit for use: markup to plain text, characters and URLs that may do harm left out."""

import html
import re
from urllib.parse import urljoin, urlsplit

from lxml import etree

from services.fetcher.feed.document import Text

MAX_URL_CHARS = 4_000
BREAKS = {
    "br": "\n",
    **dict.fromkeys(
        [
            "address",
            "article",
            "aside",
            "blockquote",
            "center",
            "dd",
            "div",
            "dl",
            "dt",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "main",
            "nav",
            "ol",
            "p",
            "pre",
            "section",
            "table",
            "ul",
        ],
        "\n\n",
    ),
    **dict.fromkeys(["li", "tr"], "\n"),
    **dict.fromkeys(["td", "th"], " "),
}
SILENT = frozenset(
    [
        "script",
        "style",
        "head",
        "title",
        "template",
        "noscript",
        "iframe",
        "object",
        "embed",
        "applet",
        "frameset",
        "svg",
        "math",
    ]
)
MARKUP_TAGS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "applet",
        "article",
        "aside",
        "audio",
        "b",
        "big",
        "base",
        "bgsound",
        "blink",
        "blockquote",
        "body",
        "br",
        "button",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "dd",
        "del",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "frame",
        "frameset",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "legend",
        "li",
        "link",
        "map",
        "mark",
        "meta",
        "nav",
        "noscript",
        "object",
        "ol",
        "option",
        "p",
        "param",
        "pre",
        "q",
        "s",
        "samp",
        "script",
        "section",
        "select",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "sup",
        "svg",
        "math",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
    ]
)
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_MARKS = re.compile("[\u061c\u200e\u200f\xad]")
_TAG = re.compile(r"<!--|<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>a-zA-Z0-9][^<>]*)?)(>?)")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_SPACE = re.compile(r"[ \t\r\f\v\xa0]+")
_LINES = re.compile(r" *\n *")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def drop_unprintable(text: str) -> str:
    """Drop control characters (tab and newline stay), bidirectional overrides, lone surrogates and non-characters."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def looks_like_markup(text: str) -> bool:
    """Tell whether a text of undeclared type is HTML.

    It is, if it holds a known tag, the end of any tag, a tag with an attribute or a character reference.
    """
    if "<" in text and any(_is_markup(match) for match in _TAG.finditer(text)):
        return True
    return "&" in text and any(m[0].startswith("&#") or html.unescape(m[0]) != m[0] for m in _ENTITY.finditer(text))


def _is_markup(match: re.Match[str]) -> bool:
    closing, tag, attributes, end = match.groups()
    return tag is None or bool(closing) or "=" in attributes or (bool(end) and tag.lower() in MARKUP_TAGS)


def plain(text: Text | None) -> str:
    """Return a text without markup: paragraphs apart by an empty line, scripts gone, only characters that print.

    Directional marks and soft hyphens are left out too: they would stand between the letters of a word.
    """
    if text is None:
        return ""
    value = strip_markup(text.value) if text.markup else text.value
    value = _SPACE.sub(" ", _MARKS.sub("", drop_unprintable(value)))
    value = _LINES.sub("\n", value)
    return re.sub(r"\n{3,}", "\n\n", value).strip()


def one_line(text: Text | None) -> str:
    """Return `plain` text with every run of white space made one space: a title."""
    return " ".join(plain(text).split())


def strip_markup(markup: str) -> str:
    """Return the words of an HTML fragment with line breaks where blocks end."""
    if "<" not in markup:
        return html.unescape(markup)
    try:
        parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, recover=True)
        root = etree.fromstring(f"<div>{_UNPRINTABLE.sub('', markup)}</div>", parser)
    except (etree.LxmlError, ValueError):
        return html.unescape(re.sub(r"<[^<>]*>", " ", markup))
    if root is None:
        return ""
    parts: list[str] = []
    silent = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if event == "start":
            silent += tag in SILENT
            if not silent:
                parts.append(BREAKS.get(tag, ""))
                parts.append(" ".join((element.text or "").split("\n")) if tag != "pre" else element.text or "")
        else:
            silent -= tag in SILENT
            if not silent:
                if tag != "br":
                    parts.append(BREAKS.get(tag, ""))
                if element is not root:
                    parts.append(" ".join((element.tail or "").split("\n")))
    return "".join(parts)


def safe_url(raw: str | None, base: str | None = None) -> str | None:
    """Return an http(s) address, resolved against `base`, or None for any other scheme and for what is no address.

    Without a base a relative reference is returned as it stands.
    """
    if not raw:
        return None
    reference = re.sub(r"[\x00-\x1f\x7f]+", "", raw.strip()).strip()
    if not reference or len(reference) > MAX_URL_CHARS:
        return None
    try:
        joined = urljoin(base, reference) if base else reference
        if joined.startswith("//"):
            joined = f"https:{joined}"
        parts = urlsplit(joined)
        if parts.scheme.lower() in {"http", "https"}:
            return joined.replace(" ", "%20") if parts.hostname else None
    except ValueError:
        return None
    if _SCHEME.match(joined) or base:
        return None
    return joined.replace(" ", "%20")


def is_absolute(url: str | None) -> bool:
    """Tell whether an address that `safe_url` returned can be fetched on its own."""
    return url is not None and url[:8].lower().startswith(("http://", "https://"))


def safe_base(raw: str | None, base: str | None) -> str | None:
    """Return the address relative references count from, given an xml:base or Content-Location; else `base`."""
    return safe_url(raw, base) or base if raw else base


def unique(words: list[str], limit: int = 0) -> tuple[str, ...]:
    """Return the words that are not empty, each once (first spelling wins), at most `limit` if it is not 0."""
    kept: dict[str, str] = {}
    for word in words:
        kept.setdefault(word.casefold(), word)
    kept.pop("", None)
    values = tuple(kept.values())
    return values[:limit] if limit else values
