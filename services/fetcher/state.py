"""What the fetcher remembers: all its SQL.

A poll is remembered in one transaction, validators together with the ids seen, and only after the log acknowledged
every item. A crash before it means that the items are sent again, never that they are lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.fetcher.dispatch import Due
from services.fetcher.feed.identify import GUID
from services.fetcher.memory import NEW, STATES, Attempt, Feed, Poll
from services.fetcher.novelty import Remembered
from services.fetcher.politeness import Gate, host_of
from services.fetcher.sources import Source, same_url
from shared.database.engine import infrastructure_errors, reading
from shared.database.tables import fetcher as tables

STARTER = "starter"
ATTEMPTS_KEPT = 30
FORGET_AFTER = timedelta(days=90)
"""How long an item is remembered after it was last in the feed."""
IDS_AT_ONCE = 500

_feed, _item, _attempt, _gate = tables.feed, tables.feed_item, tables.poll_attempt, tables.host_gate


@dataclass(frozen=True)
class Synced:
    """What a feeds file changed: feeds added, described anew, disabled because no longer in it, enabled again."""

    added: int = 0
    changed: int = 0
    disabled: int = 0
    enabled: int = 0


class FeedState:
    """The fetcher's tables. Every method raises Unavailable when the database cannot serve."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due(self, now: datetime) -> list[Due]:
        """Return all enabled feeds whose time has come, most overdue first."""
        query = (
            select(_feed.c.id, _feed.c.url, _feed.c.next_poll_at, _feed.c.polls)
            .where(_feed.c.enabled.is_(True), _feed.c.next_poll_at <= now)
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

    async def remember(self, poll: Poll) -> None:
        """Remember a poll, all of it or nothing."""
        async with infrastructure_errors("remembering a poll"), self._engine.begin() as connection:
            await connection.execute(update(_feed).where(_feed.c.id == poll.feed_id).values(**poll.values))
            await _remember_items(connection, poll)
            await connection.execute(insert(_attempt).values(feed_id=poll.feed_id, **vars(poll.attempt)))
            await _trim_attempts(connection, poll.feed_id)
            if poll.gate is not None and poll.gate.closed_until is not None:
                row = {"host": poll.host, "closed_until": poll.gate.closed_until, "reason": poll.gate.reason}
                await _upsert(connection, _gate, [row])

    async def closed_gates(self, now: datetime) -> dict[str, Gate]:
        """Return the hosts that asked for silence and still want it; those that no longer do are forgotten."""
        async with infrastructure_errors("host gates"), self._engine.begin() as connection:
            await connection.execute(delete(_gate).where(_gate.c.closed_until <= now))
            rows = (await connection.execute(select(_gate))).all()
        return {row.host: Gate(closed_until=row.closed_until, reason=row.reason) for row in rows}

    async def add(self, sources: Sequence[Source], origin: str, now: datetime) -> list[Source]:
        """Add feeds that are not there yet, due at once; return those. One known by id or URL is left alone."""
        async with infrastructure_errors("adding feeds"), self._engine.begin() as connection:
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
        where the file names the same URL.
        """
        added = changed = disabled = enabled = 0
        async with infrastructure_errors("feeds file"), self._engine.begin() as connection:
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
    await _upsert(connection, _item, rows, keep=("first_seen",))
    forgotten = (_item.c.feed_id == poll.feed_id) & (_item.c.last_seen < at - FORGET_AFTER)
    await connection.execute(delete(_item).where(forgotten))


async def _trim_attempts(connection: AsyncConnection, feed_id: str) -> None:
    mine = _attempt.c.feed_id == feed_id
    query = select(_attempt.c.id).where(mine).order_by(_attempt.c.id.desc()).offset(ATTEMPTS_KEPT).limit(1)
    oldest = (await connection.execute(query)).scalar_one_or_none()
    if oldest is not None:
        await connection.execute(delete(_attempt).where(mine, _attempt.c.id <= oldest))


async def _upsert(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: Sequence[str] = ()
) -> None:
    """Insert rows, or take their values over where the key exists, except those of the columns in `keep`."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in rows[0] if name not in {*keys, *keep}}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), [dict(r) for r in rows])


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
