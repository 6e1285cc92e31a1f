"""What the fetcher remembers: its SQL about feeds and their items.

A poll is remembered in one transaction, validators together with the ids seen, and only after the log acknowledged
every item. A crash before it means that the items are sent again, never that they are lost. Several fetchers share
the tables; who may poll what is a matter of leases, which are `hosts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.fetcher.dispatch import Due
from services.fetcher.feed.identify import GUID
from services.fetcher.hosts import close_gate, end_lease, free
from services.fetcher.memory import NEW, STATES, Attempt, Feed, Poll
from services.fetcher.novelty import Remembered
from services.fetcher.politeness import host_of
from services.fetcher.sources import Source, same_url
from shared.database.engine import reading, writing
from shared.database.tables import fetcher as tables

STARTER = "starter"
ATTEMPTS_KEPT = 30
FORGET_AFTER = timedelta(days=90)
"""How long an item is remembered after it was last in the feed."""
IDS_AT_ONCE = 500
FEEDS_LOCK = 0x6174746665656473  # any number all fetchers share; PostgreSQL's advisory locks have one name space

_feed, _item, _attempt, _gate = tables.feed, tables.feed_item, tables.poll_attempt, tables.host_gate


@dataclass(frozen=True)
class Synced:
    """What a feeds file changed: feeds added, described anew, disabled because no longer in it, enabled again."""

    added: int = 0
    changed: int = 0
    disabled: int = 0
    enabled: int = 0


class FeedState:
    """The fetcher's tables. Every method raises Unavailable when the database cannot serve.

    `owner` is who leases hosts; nobody does who only adds feeds or looks at them.
    """

    def __init__(self, engine: AsyncEngine, *, owner: str = "") -> None:
        self._engine = engine
        self._owner = owner

    async def due(self, now: datetime) -> list[Due]:
        """Return all enabled feeds whose time has come and whose host no other fetcher has, most overdue first."""
        query = (
            select(_feed.c.id, _feed.c.url, _feed.c.next_poll_at, _feed.c.polls)
            .join(_gate, _gate.c.host == _feed.c.host, isouter=True)
            .where(_feed.c.enabled.is_(True), _feed.c.next_poll_at <= now, free(self._owner, now))
            .order_by(_feed.c.next_poll_at)
        )
        async with reading(self._engine, "feeds") as connection:
            rows = (await connection.execute(query)).all()
        return [Due(row.id, row.url, row.next_poll_at, row.polls > 0) for row in rows]

    async def next_due(self, after: datetime) -> datetime | None:
        """Return when the next feed that is not due yet will be."""
        query = select(func.min(_feed.c.next_poll_at)).where(_feed.c.enabled.is_(True), _feed.c.next_poll_at > after)
        async with reading(self._engine, "feeds") as connection:
            moment: datetime | None = (await connection.execute(query)).scalar_one()
        return moment

    async def feed(self, feed_id: str) -> Feed | None:
        """Return one feed."""
        async with reading(self._engine, "feeds") as connection:
            row = (await connection.execute(select(_feed).where(_feed.c.id == feed_id))).one_or_none()
        return _from_row(row) if row is not None else None

    async def feeds(self) -> list[Feed]:
        """Return all feeds by name."""
        async with reading(self._engine, "feeds") as connection:
            rows = (await connection.execute(select(_feed))).all()
        return sorted((_from_row(row) for row in rows), key=lambda feed: feed.name.casefold())

    async def count_by_state(self) -> dict[str, int]:
        """Count enabled feeds by state, states without any included."""
        query = select(_feed.c.state, func.count()).where(_feed.c.enabled.is_(True)).group_by(_feed.c.state)
        async with reading(self._engine, "feeds") as connection:
            rows = (await connection.execute(query)).all()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}

    async def attempts(self, feed_id: str) -> list[Attempt]:
        """Return a feed's last polls, newest first."""
        columns = [_attempt.c[name] for name in Attempt.__dataclass_fields__]
        query = select(*columns).where(_attempt.c.feed_id == feed_id).order_by(_attempt.c.id.desc())
        async with reading(self._engine, "feeds") as connection:
            rows = (await connection.execute(query)).all()
        return [Attempt(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it

    async def memory(self, feed_id: str, ids: Sequence[str]) -> dict[str, Remembered]:
        """Return what is remembered of those of the feed's items that are among `ids`."""
        found: dict[str, Remembered] = {}
        async with reading(self._engine, "feed items") as connection:
            for start in range(0, len(ids), IDS_AT_ONCE):
                query = select(_item.c.article_id, _item.c.digest, _item.c.revision).where(
                    _item.c.feed_id == feed_id, _item.c.article_id.in_(ids[start : start + IDS_AT_ONCE])
                )
                for row in await connection.execute(query):
                    found[row.article_id] = Remembered(row.digest, row.revision)
        return found

    async def remember(self, poll: Poll, *, lease_until: datetime | None = None) -> bool:
        """Remember a poll, all of it or nothing, and end its host's lease that lasts until `lease_until`.

        False if the feed was polled by another since this poll read it: then only a gate is closed. So one who lost
        the lease (stopped for long, its clock far off) undoes nothing: neither the validators and items the other
        remembered, nor its schedule. What it sent bears the ids the other's bear, and is known by them downstream.
        """
        async with writing(self._engine, "remembering a poll") as connection:
            unchanged = (_feed.c.id == poll.feed_id) & (_feed.c.polls == poll.polls_before)
            found = await connection.execute(update(_feed).where(unchanged).values(**poll.values).returning(_feed.c.id))
            first = found.scalar_one_or_none() is not None
            if first:
                await _remember_items(connection, poll)
                await connection.execute(insert(_attempt).values(feed_id=poll.feed_id, **vars(poll.attempt)))
                await _trim_attempts(connection, poll.feed_id)
            if poll.gate is not None and poll.gate.closed_until is not None:
                await close_gate(connection, poll.host, poll.gate)
            if lease_until is not None:
                await end_lease(connection, poll.host, self._owner, lease_until)
        return first

    async def add(self, sources: Sequence[Source], origin: str, now: datetime) -> list[Source]:
        """Add feeds that are not there yet, due at once; return those. One known by id or URL is left alone."""
        async with writing(self._engine, "adding feeds") as connection:
            await _one_at_a_time(connection)
            known = _Known((await connection.execute(select(_feed))).all())
            fresh = [source for source in sources if known.find(source) is None]
            if fresh:
                await connection.execute(insert(_feed), [_new_row(source, origin, now) for source in fresh])
        return fresh

    async def missing(self, sources: Sequence[Source]) -> list[Source]:
        """Return those of `sources` that `add` would add."""
        async with reading(self._engine, "feeds") as connection:
            known = _Known((await connection.execute(select(_feed))).all())
        return [source for source in sources if known.find(source) is None]

    async def sync(self, sources: Sequence[Source], now: datetime) -> Synced:
        """Bring the feeds that come from the feeds file to what it says now.

        A feed no longer in the file is disabled and keeps its memory, so that it can come back without repeating
        itself; one that comes back is enabled, due at once. Feeds people added themselves are left alone, also
        where the file names the same URL. Of several fetchers that start at once one does it, then the next.
        """
        added = changed = disabled = enabled = 0
        async with writing(self._engine, "feeds file") as connection:
            await _one_at_a_time(connection)
            rows = (await connection.execute(select(_feed))).all()
            known = _Known(rows)
            listed: set[str] = set()
            for source in sources:
                row = known.find(source)
                if row is None:
                    await connection.execute(insert(_feed).values(**_new_row(source, STARTER, now)))
                    added += 1
                    continue
                listed.add(row.id)
                if row.origin != STARTER:
                    continue
                told = {name: value for name, value in vars(source).items() if name != "id"}
                if known.by_url(source.url) not in {None, row.id}:
                    del told["url"]  # another feed, added by hand, has it
                values = {name: value for name, value in told.items() if getattr(row, name) != value}
                if "url" in values:
                    values["host"] = host_of(source.url)
                changed += bool(values)
                if not row.enabled:
                    values |= {"enabled": True, "next_poll_at": now, "next_poll_reason": "in the feeds file again"}
                    enabled += 1
                if values:
                    await connection.execute(update(_feed).where(_feed.c.id == row.id).values(**values))
            for row in rows:
                if row.origin == STARTER and row.enabled and row.id not in listed:
                    values = {"enabled": False, "next_poll_reason": "no longer in the feeds file"}
                    await connection.execute(update(_feed).where(_feed.c.id == row.id).values(**values))
                    disabled += 1
        return Synced(added, changed, disabled, enabled)


class _Known:
    """Feeds already there, by id and by what their URL has in common with other spellings of it."""

    def __init__(self, rows: Sequence[Row[Any]]) -> None:
        self._by_id = {row.id: row for row in rows}
        self._by_url = {same_url(row.url): row for row in rows}

    def find(self, source: Source) -> Row[Any] | None:
        return self._by_id.get(source.id) or self._by_url.get(same_url(source.url))

    def by_url(self, url: str) -> str | None:
        row = self._by_url.get(same_url(url))
        return row.id if row is not None else None


async def _one_at_a_time(connection: AsyncConnection) -> None:
    """Wait until nobody else adds feeds. On SQLite every transaction is the only one that writes."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(FEEDS_LOCK)))


async def _remember_items(connection: AsyncConnection, poll: Poll) -> None:
    if not poll.sightings:
        return
    at = poll.attempt.at
    rows = [
        {
            "feed_id": poll.feed_id,
            "article_id": sighting.article_id,
            "digest": sighting.memory.digest,
            "revision": sighting.memory.revision,
            "first_seen": at,
            "last_seen": at,
        }
        for sighting in poll.sightings
    ]
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(_item)
    seen = {name: statement.excluded[name] for name in ("digest", "revision", "last_seen")}
    keys = ["feed_id", "article_id"]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=seen), rows)
    forgotten = (_item.c.feed_id == poll.feed_id) & (_item.c.last_seen < at - FORGET_AFTER)
    await connection.execute(delete(_item).where(forgotten))


async def _trim_attempts(connection: AsyncConnection, feed_id: str) -> None:
    mine = _attempt.c.feed_id == feed_id
    query = select(_attempt.c.id).where(mine).order_by(_attempt.c.id.desc()).offset(ATTEMPTS_KEPT).limit(1)
    oldest = (await connection.execute(query)).scalar_one_or_none()
    if oldest is not None:
        await connection.execute(delete(_attempt).where(mine, _attempt.c.id <= oldest))


def _new_row(source: Source, origin: str, now: datetime) -> dict[str, Any]:
    return {
        **vars(source),
        "host": host_of(source.url),
        "origin": origin,
        "enabled": True,
        "added_at": now,
        "identity_policy": GUID,
        "state": NEW,
        "failures": 0.0,
        "next_poll_at": now,
        "next_poll_reason": "never polled",
        "polls": 0,
    }


def _from_row(row: Row[Any]) -> Feed:
    return Feed(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
