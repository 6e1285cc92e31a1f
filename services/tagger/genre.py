"""What kind of text an article is: opinion keeps its claims but raises no alert by itself."""

import re
from collections.abc import Iterable

OPINION = "opinion"

_IN_URL = re.compile(
    r"/(?:opinions?|op-?eds?|commentary|commentisfree|editorials?|analysis|blogs?|columns?|columnists?|letters)(?:[/?#-]|$)"
)
_IN_TITLE = re.compile(
    r"^(?:opinion|commentary|editorial|analysis|op-?ed|column|letters?)\s*[:|\-\u2013\u2014]|\s[|\-\u2013\u2014]\s*(?:opinion|commentary|editorial|analysis)\s*$",
    re.IGNORECASE,
)
_CATEGORIES = frozenset(
    {
        "opinion",
        "opinions",
        "commentary",
        "editorial",
        "editorials",
        "op-ed",
        "analysis",
        "blog",
        "column",
        "columnists",
    }
)


def genre_of(title: str, url: str | None, categories: Iterable[str] = ()) -> str | None:
    """Return OPINION where the address, the headline or a category says so, else None."""
    if any(category.strip().lower() in _CATEGORIES for category in categories):
        return OPINION
    if url and _IN_URL.search(url.lower()):
        return OPINION
    return OPINION if _IN_TITLE.search(title) else None
