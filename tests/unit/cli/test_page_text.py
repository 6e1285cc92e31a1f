from datetime import date

import pytest

from services.cli.page_text import NoArticle, read_page

PLAIN = b"""<html><head><title>News - Site</title><meta property="og:title" content="Chile and Peru drill">
<meta property="article:published_time" content="2024-06-03T09:00:00+00:00"></head><body>
<nav><p>Home, world, sport and a long menu of everything else</p></nav>
<article><p>Chile and Peru begin joint naval drills off Arica.</p><aside><p>Read also: a story about something else entirely</p></aside>
<p>The drills will last until Friday, the navies said.</p><p>Share</p></article></body></html>"""
LINKED = b"""<html><head><script type="application/ld+json">{"@graph": [{"@type": "WebSite"},
{"@type": ["NewsArticle"], "headline": "Drills begin", "datePublished": "2024-06-03", "articleBody": "Chile and Peru begin drills."}]}
</script><script type="application/ld+json">{broken</script></head><body><p>Something quite different stands in the page.</p></body></html>"""


def test_the_paragraphs_of_the_article_are_read_without_menus_and_asides() -> None:
    page = read_page(PLAIN)
    assert page.title == "Chile and Peru drill"
    assert page.text.split("\n") == [
        "Chile and Peru begin joint naval drills off Arica.",
        "The drills will last until Friday, the navies said.",
    ]
    assert page.published == date(2024, 6, 3)


def test_what_the_page_says_of_its_article_for_machines_comes_first() -> None:
    page = read_page(LINKED)
    assert (page.title, page.text, page.published) == ("Drills begin", "Chile and Peru begin drills.", date(2024, 6, 3))


@pytest.mark.parametrize("body", [b"", b"   ", b"<html><body><p>Short</p></body></html>", b"\x00\x01\x02"])
def test_a_page_without_an_article_is_refused(body: bytes) -> None:
    with pytest.raises(NoArticle):
        read_page(body)
