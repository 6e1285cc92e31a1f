"""Whose turn it is to ask a host: gates in the database, where all fetchers see them. All SQL about hosts.

A fetcher leases a host, and with it all the host's feeds, so that a host is asked by one fetcher at a time and its
patience is not shared out. Whoever leases it learns when it was last asked and whether it wants silence, whichever
fetcher was told. A lease is renewed while polls of it run and ends with the last of them; that of a fetcher that died
runs out. A lease is no lock: one stopped for longer may wake and go on, which `FeedState.remember` makes harmless.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.fetcher.politeness import Gate
from shared.database.engine import reading, writing
from shared.database.tables.fetcher import host_gate as _gate

LEASE = timedelta(seconds=45)
"""With the time between two looks, how long the feeds of a fetcher that died wait for another: less than a minute."""
RENEW_BELOW = timedelta(seconds=30)
"""A lease still needed is renewed when less than this is left of it: longer than a loop's turn, by far."""
MAX_NAME_CHARS = 200


@dataclass(frozen=True)
class Taken:
    """What became of a wish for hosts: those leased and until when, how those stand that were not to be had."""

    until: datetime
    hosts: frozenset[str]
    refused: Mapping[str, Gate]
    elsewhere: frozenset[str]


@dataclass
class Leases:
    """The hosts this process has: until when, and which of its feeds' polls still need them."""

    until: dict[str, datetime] = field(default_factory=dict)
    needed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def took(self, hosts: Iterable[str], until: datetime) -> None:
        """Note that hosts were leased, or their leases renewed."""
        self.until.update(dict.fromkeys(hosts, until))

    def need(self, host: str, feed_id: str) -> None:
        """Note that the poll of a feed begins."""
        self.needed[host].add(feed_id)

    def done(self, host: str, feed_id: str) -> datetime | None:
        """Note that a poll needs its host no longer; return the end of the lease if none does now."""
        needed = self.needed[host]
        if feed_id not in needed:
            return None
        needed.discard(feed_id)
        return self.until.get(host) if not needed else None

    def ageing(self, now: datetime) -> list[str]:
        """Return hosts still needed whose lease must be renewed."""
        return [host for host, feeds in self.needed.items() if feeds and self.until[host] - now < RENEW_BELOW]


class Hosts:
    """Leases of one process. Every method raises Unavailable when the database cannot serve.

    `replica` is the name that stays the same over restarts, `token` what tells this process from one before it.
    """

    def __init__(self, engine: AsyncEngine, *, replica: str, token: str) -> None:
        self._engine = engine
        self._name = replica[:MAX_NAME_CHARS] + "#"
        self.owner = self._name + token

    async def take(self, hosts: Sequence[str], now: datetime, space: timedelta) -> Taken:
        """Lease those of `hosts` that no other fetcher has and that may be asked at `now`, and note the request.

        On PostgreSQL a row that another holds locked is passed over as one that is leased.
        """
        until = now + LEASE
        lease = {"leased_by": self.owner, "leased_until": until, "last_start": now}
        mine = _gate.c.leased_by == self.owner
        rested = or_(
            mine, _gate.c.last_start.is_(None), _gate.c.last_start <= now - space, _gate.c.last_start > now
        )  # from the future: a clock was put back
        is_open = or_(_gate.c.closed_until.is_(None), _gate.c.closed_until <= now)
        ready = (
            select(_gate.c.host)
            .where(_gate.c.host.in_(hosts), free(self.owner, now), is_open, rested)
            .with_for_update(skip_locked=True)
            .cte("ready")
        )
        claim = update(_gate).where(_gate.c.host.in_(select(ready.c.host))).values(lease).returning(_gate.c.host)
        async with writing(self._engine, "hosts") as connection:
            taken = set((await connection.execute(claim)).scalars())
            rows = await _standing(connection, {*hosts} - taken)
            if unknown := {*hosts} - taken - {row.host for row in rows}:
                new = await self._take_new(connection, [{"host": host, **lease} for host in sorted(unknown)])
                rows += await _standing(connection, unknown - new)
                taken |= new
        return Taken(
            until,
            frozenset(taken),
            {row.host: Gate(0, row.last_start, row.closed_until, row.reason or "") for row in rows},
            frozenset(row.host for row in rows if row.leased_by not in {None, self.owner} and row.leased_until > now),
        )

    async def renew(self, hosts: Sequence[str], now: datetime) -> datetime:
        """Make our leases last LEASE from `now`; return until when. One lost meanwhile stays lost."""
        until = now + LEASE
        async with writing(self._engine, "hosts") as connection:
            await connection.execute(
                update(_gate).where(_gate.c.host.in_(hosts), _gate.c.leased_by == self.owner).values(leased_until=until)
            )
        return until

    async def take_back(self) -> None:
        """End the leases of an earlier process of our name, which is dead: it would not have been started again."""
        before = _gate.c.leased_by.startswith(self._name, autoescape=True)
        await self._end(and_(before, _gate.c.leased_by != self.owner))

    async def release_all(self) -> None:
        """End all our leases."""
        await self._end(_gate.c.leased_by == self.owner)

    async def release(self, host: str, until: datetime) -> None:
        """End the lease that lasts until `until`; a later one stands."""
        async with writing(self._engine, "hosts") as connection:
            await end_lease(connection, host, self.owner, until)

    async def closed_gates(self, now: datetime) -> dict[str, Gate]:
        """Return the hosts that asked for silence and still want it."""
        query = select(_gate).where(_gate.c.closed_until > now)
        async with reading(self._engine, "hosts") as connection:
            rows = (await connection.execute(query)).all()
        return {row.host: Gate(closed_until=row.closed_until, reason=row.reason or "") for row in rows}

    async def _take_new(self, connection: AsyncConnection, rows: list[dict[str, object]]) -> set[str]:
        """Take hosts that have no row yet, and no others, in order: two who do this never wait for each other.

        To insert a row that is there waits for whoever is changing it, who may be waiting for us.
        """
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = insert(_gate).values(rows).on_conflict_do_nothing().returning(_gate.c.host)
        return set((await connection.execute(statement)).scalars())

    async def _end(self, which: ColumnElement[bool]) -> None:
        async with writing(self._engine, "hosts") as connection:
            await connection.execute(update(_gate).where(which).values(leased_by=None, leased_until=None))


async def _standing(connection: AsyncConnection, hosts: AbstractSet[str]) -> list[Row[Any]]:
    """Return the rows there are of `hosts`, without waiting for anybody."""
    if not hosts:
        return []
    return list((await connection.execute(select(_gate).where(_gate.c.host.in_(sorted(hosts))))).all())


def free(owner: str, now: datetime) -> ColumnElement[bool]:
    """Match hosts that no fetcher but `owner` has under lease."""
    return or_(_gate.c.leased_until.is_(None), _gate.c.leased_until <= now, _gate.c.leased_by == owner)


async def end_lease(connection: AsyncConnection, host: str, owner: str, until: datetime) -> None:
    """End a lease inside the caller's transaction, unless it was renewed or taken again since."""
    mine = (_gate.c.host == host) & (_gate.c.leased_by == owner) & (_gate.c.leased_until == until)
    await connection.execute(update(_gate).where(mine).values(leased_by=None, leased_until=None))


async def close_gate(connection: AsyncConnection, host: str, gate: Gate) -> None:
    """Close a host's gate inside the caller's transaction; a longer silence, told to another fetcher, stands."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(_gate).values(host=host, closed_until=gate.closed_until, reason=gate.reason)
    longer = or_(_gate.c.closed_until.is_(None), _gate.c.closed_until < statement.excluded.closed_until)
    values = {"closed_until": statement.excluded.closed_until, "reason": statement.excluded.reason}
    await connection.execute(statement.on_conflict_do_update(index_elements=["host"], set_=values, where=longer))
