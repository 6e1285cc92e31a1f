"""From the bytes of a web page to the article in it: title, text, day of publication."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lxml import etree, html

MIN_PARAGRAPH_CHARS = 25
_NOT_TEXT = "script|style|nav|header|footer|aside|form|figure|figcaption|noscript|button|iframe"
_ARTICLE_TYPES = frozenset({"article", "newsarticle", "reportagenewsarticle", "blogposting", "analysisnewsarticle"})


@dataclass(frozen=True)
class Page:
    """An article as its page tells it; `published` where the page says so."""

    title: str
    text: str
    published: date | None


class NoArticle(ValueError):  # noqa: N818 - names what the page is
    """The page holds no text that could be an article."""


def read_page(body: bytes, charset: str | None = None) -> Page:
    """Read a page: JSON-LD `articleBody` first, else the paragraphs of <article>, else of the body.

    Raises NoArticle. Markup as broken as it may be is read as a browser would.
    """
    parser = html.HTMLParser(encoding=charset) if charset else html.HTMLParser()
    try:
        tree = html.fromstring(body, parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise NoArticle(str(error)) from error
    linked = next(_linked_articles(tree), {})
    text = str(linked.get("articleBody") or "") or _paragraphs(tree)
    if not text.strip():
        raise NoArticle("no paragraph of text in it")
    title = str(linked.get("headline") or "") or _meta(tree, "og:title") or (tree.findtext(".//title") or "")
    when = str(linked.get("datePublished") or "") or _meta(tree, "article:published_time")
    return Page(" ".join(title.split()), text.strip(), _day(when))


def _linked_articles(tree: Any) -> Iterator[dict[str, Any]]:
    for script in tree.iter("script"):
        if (script.get("type") or "").partition(";")[0].strip().lower() != "application/ld+json":
            continue
        try:
            data = json.loads(script.text or "")
        except ValueError:
            continue
        for node in _nodes(data):
            kinds = node.get("@type")
            names = kinds if isinstance(kinds, list) else [kinds]
            if any(str(name).lower() in _ARTICLE_TYPES for name in names):
                yield node


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for part in data:
            yield from _nodes(part)
    elif isinstance(data, dict):
        yield data
        yield from _nodes(data.get("@graph"))


def _paragraphs(tree: Any) -> str:
    articles = sorted(tree.iter("article"), key=lambda node: len(node.text_content()), reverse=True)
    root = articles[0] if articles else tree
    for node in list(root.iter(*_NOT_TEXT.split("|"))):
        node.drop_tree()
    found = (" ".join(node.text_content().split()) for node in root.iter("p"))
    return "\n".join(paragraph for paragraph in found if len(paragraph) >= MIN_PARAGRAPH_CHARS)


def _meta(tree: Any, name: str) -> str:
    for node in tree.iter("meta"):
        if name in {node.get("property"), node.get("name")}:
            return str(node.get("content") or "")
    return ""


def _day(written: str) -> date | None:
    try:
        return datetime.fromisoformat(written).date() if written else None
    except ValueError:
        return None
