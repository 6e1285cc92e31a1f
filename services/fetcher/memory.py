"""What is remembered of a feed, as values. Pure; `state` keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.fetcher.novelty import Sighting
from services.fetcher.politeness import Gate
from services.fetcher.sources import Source

NEW, HEALTHY, FAILING, GONE = STATES = ("new", "healthy", "failing", "gone")


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed with its memory; times aware UTC. `etag` and `last_modified` are as the server wrote them."""

    id: str
    url: str
    host: str = ""
    name: str
    site: str | None = None
    country: str | None = None
    language: str | None = None
    kind: str
    grade: str
    origin: str
    enabled: bool
    added_at: datetime
    etag: str | None = None
    last_modified: str | None = None
    identity_policy: str
    state: str
    failures: float = 0.0
    interval_s: int | None = None
    next_poll_at: datetime
    next_poll_reason: str
    polls: int = 0
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    last_full_at: datetime | None = None
    last_outcome: str | None = None
    last_detail: str | None = None

    @property
    def interval(self) -> timedelta | None:
        """What the schedule has settled on."""
        return timedelta(seconds=self.interval_s) if self.interval_s else None

    @property
    def source(self) -> Source:
        """The feed as people describe it."""
        return Source(**{name: getattr(self, name) for name in Source.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One poll as it is kept in the feed's history."""

    at: datetime
    outcome: str
    detail: str
    http_status: int | None = None
    bytes: int = 0
    duration_ms: int = 0
    items_new: int = 0
    items_updated: int = 0
    items_known: int = 0


@dataclass(frozen=True, kw_only=True)
class Poll:
    """All that a finished poll leaves behind: the feed's new values by column, items seen, a gate to close.

    `polls_before` is the feed's count when this poll read it, by which a poll of another in between is noticed.
    """

    feed_id: str
    polls_before: int
    attempt: Attempt
    values: Mapping[str, Any]
    sightings: Sequence[Sighting] = ()
    host: str = ""
    gate: Gate | None = None
