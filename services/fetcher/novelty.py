"""Which items of a document are news to us, which are edits, and which were old when we first saw them. Pure.

Backfill (stored, never announced): on a feed's first poll, items dated more than FIRST_LOOK before it; later, items
dated more than LATE before the last poll that succeeded, since we would have seen them then. An undated item is
never backfill: its age is unknown, and a missed alert is worse than a late one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from services.fetcher.feed.articles import Found
from shared.events import Article

FIRST_LOOK = timedelta(hours=48)
LATE = timedelta(hours=24)
MAX_REVISIONS = 24
"""Items that change at every poll (a counter, an advertisement) are followed no further than this."""


@dataclass(frozen=True)
class Remembered:
    """What the feed's memory holds of an item: the digest of its words and its revision."""

    digest: str
    revision: int


@dataclass(frozen=True)
class Sighting:
    """An item to remember as it is now. `article` is what must be sent first; None when nothing must."""

    article_id: str
    memory: Remembered
    article: Article | None


@dataclass(frozen=True)
class News:
    """The document against the memory, oldest item first. `dropped` counts edits beyond MAX_REVISIONS."""

    sightings: tuple[Sighting, ...]
    new: int = 0
    updated: int = 0
    known: int = 0
    backfill: int = 0
    dropped: int = 0

    @property
    def articles(self) -> tuple[Article, ...]:
        """What must be on the log before anything is remembered."""
        return tuple(s.article for s in self.sightings if s.article is not None)


def sort_out(
    found: Sequence[Found], memory: Mapping[str, Remembered], *, last_success_at: datetime | None, now: datetime
) -> News:
    """Compare a document's items (newest first) with what is remembered of the feed.

    An item unknown by its id but remembered, word for word, by one of its aliases is known: the publisher changed
    how it is identified, not what it says.
    """
    sightings: list[Sighting] = []
    new = updated = known = backfill = dropped = 0
    for item in reversed(found):
        held = memory.get(item.article.id) or _by_alias(item, memory)
        if held is None:
            old = _is_old(item.article.published, last_success_at, now)
            article = msgspec.structs.replace(item.article, backfill=old)
            backfill += old
            new += not old
            sightings.append(Sighting(article.id, Remembered(item.digest, 0), article))
        elif held.digest == item.digest:
            known += 1
            sightings.append(Sighting(item.article.id, held, None))
        elif held.revision >= MAX_REVISIONS:
            dropped += 1
            sightings.append(Sighting(item.article.id, held, None))
        else:
            updated += 1
            revision = held.revision + 1
            moment = item.article.updated or item.article.published
            old = _is_old(moment, last_success_at, now)
            article = msgspec.structs.replace(item.article, revision=revision, backfill=old)
            sightings.append(Sighting(article.id, Remembered(item.digest, revision), article))
    return News(tuple(sightings), new, updated, known, backfill, dropped)


def _by_alias(item: Found, memory: Mapping[str, Remembered]) -> Remembered | None:
    for alias in item.aliases:
        held = memory.get(alias)
        if held is not None and held.digest == item.digest:
            return held
    return None


def _is_old(moment: datetime | None, last_success_at: datetime | None, now: datetime) -> bool:
    if moment is None:
        return False
    if last_success_at is None:
        return moment < now - FIRST_LOOK
    return moment < last_success_at - LATE
