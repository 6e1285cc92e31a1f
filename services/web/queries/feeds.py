"""Reading how the feeds do, and how far reading the world has come."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import reading
from shared.database.tables.fetcher import feed
from shared.database.tables.store import article
from shared.settings import without_password

FAILING_STATES = ("failing", "gone")


@dataclass(frozen=True)
class StoredFeed:
    """A feed's row, its URL without a password. `state` is new, healthy, failing or gone."""

    id: str
    name: str
    url: str
    site: str | None
    country: str | None
    language: str | None
    kind: str
    grade: str
    origin: str
    enabled: bool
    state: str
    polls: int
    failures: float
    interval_s: int | None
    added_at: datetime
    last_polled_at: datetime | None
    last_success_at: datetime | None
    last_outcome: str | None
    last_detail: str | None
    next_poll_at: datetime
    next_poll_reason: str


@dataclass(frozen=True)
class Progress:
    """How far reading has come: enabled feeds in all, polled at least once, unreachable now, and articles read."""

    feeds: int
    polled: int
    unreachable: int
    articles: int
    next_poll_at: datetime | None


COLUMNS = tuple(feed.c[name] for name in StoredFeed.__dataclass_fields__)


async def all_feeds(engine: AsyncEngine, *, state: str | None = None) -> tuple[StoredFeed, ...]:
    """Return the feeds, those in trouble first, then by name."""
    query = select(*COLUMNS)
    if state is not None:
        query = query.where(feed.c.state == state)
    async with reading(engine, "reading feeds") as connection:
        rows = (await connection.execute(query)).all()
    found = (StoredFeed(**row._asdict() | {"url": without_password(row.url)}) for row in rows)
    return tuple(
        sorted(found, key=lambda one: (not one.enabled, one.state not in FAILING_STATES, one.name.casefold(), one.id))
    )


async def read_progress(engine: AsyncEngine) -> Progress:
    """Return how far reading has come."""
    enabled = feed.c.enabled.is_(True)
    states = select(feed.c.state, func.count(), func.count(feed.c.last_polled_at)).where(enabled).group_by(feed.c.state)
    next_poll = select(func.min(feed.c.next_poll_at)).where(enabled)
    async with reading(engine, "reading progress") as connection:
        counts = (await connection.execute(states)).all()
        next_poll_at = (await connection.execute(next_poll)).scalar_one()
        articles = (await connection.execute(select(func.count()).select_from(article))).scalar_one()
    return Progress(
        feeds=sum(row[1] for row in counts),
        polled=sum(row[2] for row in counts),
        unreachable=sum(row[1] for row in counts if row[0] in FAILING_STATES),
        articles=articles,
        next_poll_at=next_poll_at,
    )
