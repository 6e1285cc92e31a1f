"""What a feed is once it has been read, whatever it was written in."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


class NotAFeed(Exception):  # noqa: N818 - the house name: it says what the bytes are
    """The bytes hold no feed. `reason` is a metric label, `detail` says for people what was found instead.

    Reasons: empty, html, bad-json, bad-xml, not-a-feed, too-large, too-slow, too-much-memory, parser-failed.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives the way between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True)
class Text:
    """A text as the feed has it. With `markup` it is HTML whose relative links count from `base`."""

    value: str
    markup: bool = False
    base: str | None = None


@dataclass(frozen=True)
class Enclosure:
    """A file that belongs to an item; `length` in bytes where the feed gives a number."""

    url: str
    type: str | None = None
    length: int | None = None


@dataclass(frozen=True)
class ParsedItem:
    """One item. `guid` is the feed's own id; links and enclosures are http(s) or, without a base, relative.

    `published` falls back to the only date an item has; `updated` does not. Times are aware UTC.
    """

    guid: str | None = None
    link: str | None = None
    title: Text | None = None
    summary: Text | None = None
    content: Text | None = None
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None


@dataclass(frozen=True)
class Hints:
    """When the publisher would like to be asked again: RSS ttl or sy:update*, hours (UTC) and weekdays to skip.

    `skip_hours` holds 0 to 23, `skip_days` 0 (Monday) to 6.
    """

    ttl: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ParsedFeed:
    """A feed with its items in document order. `format` is rss, rdf, atom, json, cdf or news-sitemap.

    `version` is what the feed claims, `encoding` what its bytes were read as, `warnings` what had to be put up with.
    """

    format: str
    version: str = ""
    title: Text | None = None
    link: str | None = None
    language: str | None = None
    items: tuple[ParsedItem, ...] = ()
    hints: Hints = field(default_factory=Hints)
    encoding: str = "utf-8"
    warnings: tuple[str, ...] = ()
