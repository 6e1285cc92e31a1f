"""Google News sitemaps: news sites without a feed publish one, and it names title and time of each story."""

from services.fetcher.feed.constructs import Element, fields_of, first, first_words, tidy_language, untyped_text
from services.fetcher.feed.dates import parse_date
from services.fetcher.feed.document import Enclosure, ParsedFeed, ParsedItem, Text
from services.fetcher.feed.text import one_line, safe_url, unique
from services.fetcher.feed.xmltree import Tree, name_of

ROOTS = frozenset(["sitemap:urlset", "urlset"])


def urls_in(root: Element) -> list[Element]:
    """Return the entries of the map that carry news."""
    urls = [child for child in root if name_of(child) in {"sitemap:url", "url"}]
    return [url for url in urls if any(name_of(child) == "news:news" for child in url)]


def read_feed(tree: Tree, items: tuple[ParsedItem, ...]) -> ParsedFeed:
    """Read a map whose entries are already read; its name and language are those of the publication."""
    news = next((fields_of(c) for c in tree.root.iter() if isinstance(c.tag, str) and name_of(c) == "news:news"), {})
    publication = first(news, "news:publication")
    about = fields_of(publication) if publication is not None else {}
    name = first_words(about, "news:name")
    return ParsedFeed(
        format="news-sitemap",
        title=Text(name) if name else None,
        language=tidy_language(first_words(about, "news:language")),
        items=items,
    )


def read_url(tree: Tree, url: Element) -> ParsedItem:
    """Read one story of the map."""
    fields = fields_of(url)
    news = fields_of(fields["news:news"][0])
    publication = first(news, "news:publication")
    about = fields_of(publication) if publication is not None else {}
    link = safe_url(first_words(fields, "sitemap:loc", "loc"), tree.base)
    updated = parse_date(first_words(fields, "sitemap:lastmod", "lastmod"))
    images = [
        safe_url(first_words(fields_of(image), "image:loc"), tree.base) for image in fields.get("image:image", ())
    ]
    keywords = first_words(news, "news:keywords").split(",") + first_words(news, "news:genres").split(",")
    return ParsedItem(
        guid=link,
        link=link,
        title=untyped_text(tree, first(news, "news:title")),
        published=parse_date(first_words(news, "news:publication_date")) or updated,
        updated=updated,
        categories=unique([one_line(Text(word)) for word in keywords]),
        enclosures=tuple(Enclosure(image) for image in images if image),
        language=tidy_language(first_words(about, "news:language")),
    )
