"""Parsed items to the articles the log carries: plain text within limits, addresses that can be opened, sane dates."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.fetcher.feed.document import ParsedFeed, ParsedItem, Text
from services.fetcher.feed.identify import GUID, Identity, identify
from services.fetcher.feed.text import is_absolute, one_line, plain
from shared.events import Article, Source

MAX_TITLE_CHARS = 1_000
MAX_SUMMARY_CHARS = 10_000
MAX_CONTENT_CHARS = 200_000
MAX_AUTHORS = 20
MAX_CATEGORIES = 50
MAX_WORD_CHARS = 200
MAX_ITEMS = 2_000
DERIVED_TITLE_CHARS = 120
FUTURE = timedelta(hours=1)
"""How far a publisher's clock may be ahead of ours; a later date is not believed."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Feeds did not exist before; 1970 is what a broken program writes."""

_TIMES = re.compile(
    r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:?\d\d)?"
    r"|\b\d{1,2}[:.h]\d\d(?::\d\d)?(?:\s?[ap]\.?m\b\.?)?(?:\s?(?:gmt|utc|[a-z]{2,3}t)\b)?"
    r"|\b(?:\d+|an?)\s(?:second|sec|minute|min|hour|hr)s?\sago\b"
)


@dataclass(frozen=True)
class Found:
    """An article as the document has it now: revision 0 and no backfill, which only the feed's memory can tell.

    `digest` changes when the article's words do; `aliases` are ids it may be remembered by, as in `Identity`.
    """

    article: Article
    digest: str
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Harvest:
    """The articles of one document, newest first, what was left out by reason, and the identity policy to remember.

    Reasons: empty (no words), repeated (the same item twice), over-limit (older than the newest MAX_ITEMS).
    """

    found: tuple[Found, ...]
    dropped: Mapping[str, int]
    policy: str
    reused_ids: int


def articles_of(
    feed: ParsedFeed, source: Source, now: datetime, *, policy: str = GUID, max_items: int = MAX_ITEMS
) -> Harvest:
    """Turn a document's items into articles of `source`, observed at `now`, each with an id that does not change."""
    identities = identify(source.feed_id, feed.items, policy)
    dropped = {"empty": 0, "repeated": 0, "over-limit": 0}
    kept: dict[str, tuple[ParsedItem, Identity]] = {}
    for item, identity in zip(feed.items, identities.ids, strict=True):
        if not _has_words(item):
            dropped["empty"] += 1
        elif identity.id in kept:
            dropped["repeated"] += 1
        else:
            kept[identity.id] = (item, identity)
    newest = sorted(kept.values(), key=lambda each: _age(each[0], now))
    dropped["over-limit"] = max(0, len(newest) - max_items)
    return Harvest(
        found=tuple(_found(feed, item, identity, source, now) for item, identity in newest[:max_items]),
        dropped={reason: count for reason, count in dropped.items() if count},
        policy=identities.policy,
        reused_ids=identities.reused,
    )


def digest(article: Article) -> str:
    """Return what identifies an article's words: equal for copies that differ only in times of day, case or spacing."""
    hashed = hashlib.sha256()
    for words in (article.title, article.text):
        settled = " ".join(_TIMES.sub(" ", words.casefold()).split())
        hashed.update(settled.encode("utf-8", "replace") + b"\x00")
    return hashed.hexdigest()[:32]


def trusted(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a date that can be true: not before there were feeds and not more than FUTURE ahead."""
    return moment if moment and EARLIEST <= moment <= now + FUTURE else None


def _found(feed: ParsedFeed, item: ParsedItem, identity: Identity, source: Source, now: datetime) -> Found:
    title, summary, content = one_line(item.title), plain(item.summary), plain(item.content)
    updated = trusted(item.updated, now)
    article = Article(
        id=identity.id,
        revision=0,
        source=source,
        url=item.link if is_absolute(item.link) else None,
        title=(title or one_line(Text((content or summary)[:DERIVED_TITLE_CHARS])))[:MAX_TITLE_CHARS],
        summary=summary[:MAX_SUMMARY_CHARS],
        content=content[:MAX_CONTENT_CHARS],
        authors=_words(item.authors, MAX_AUTHORS),
        categories=_words(item.categories, MAX_CATEGORIES),
        language=item.language or feed.language or source.language,
        published=trusted(item.published, now) or updated,
        updated=updated,
        observed_at=now,
        truncated=len(title) > MAX_TITLE_CHARS or len(summary) > MAX_SUMMARY_CHARS or len(content) > MAX_CONTENT_CHARS,
    )
    return Found(article, digest(article), identity.aliases)


def _words(values: Sequence[str], limit: int) -> tuple[str, ...]:
    cut = (one_line(Text(value))[:MAX_WORD_CHARS] for value in values[:limit])
    return tuple(word for word in cut if word)


def _has_words(item: ParsedItem) -> bool:
    return bool(one_line(item.title) or plain(item.summary) or plain(item.content))


def _age(item: ParsedItem, now: datetime) -> timedelta:
    """How old an item says it is; one that does not say counts as new, since dropping it would lose it unseen."""
    moment = trusted(item.published, now) or trusted(item.updated, now)
    return now - moment if moment else timedelta(0)
