"""All SQL of the store: one transaction reads what a batch needs and writes what it comes to.

On PostgreSQL the transaction first takes an advisory lock per pair of parties in it (in one order, so that two never
wait for each other), because two replicas may hold reports of related dyads at once: the second then reads what the
first wrote and updates that development instead of opening another. The developments it may change are locked as
they are read. On SQLite every transaction begins IMMEDIATE, so there is only ever one.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, String, Table, Text, bindparam, column, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import TypeEngine

from services.store.intake import Arrival, Intake, Known
from services.store.joining import WINDOW, pairs
from services.store.reports import report_time
from services.store.rows import (
    Row,
    alert_row,
    article_row,
    claim_rows,
    development_row,
    dyad_key,
    lock_key,
    matter_rows,
    membership_row,
    party_rows,
    read_development,
)
from shared import outbox
from shared.database.engine import writing
from shared.database.tables.store import (
    alert,
    alert_matter,
    alert_party,
    article,
    claim,
    development,
    development_article,
)
from shared.eventlog import Message

LOCK = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS k(key, n)")
NEW = "new_"
"""Before the names of parameters: those of columns are SQLAlchemy's own in an INSERT."""


@dataclass(frozen=True)
class Batch:
    """An open transaction for one batch."""

    connection: AsyncConnection
    arrivals: Sequence[Arrival]

    async def known(self) -> Known:
        """Read the stored revisions and developments of the batch's articles, and what they might join."""
        ids = sorted({arrival.article.id for arrival in self.arrivals})
        revisions = await self._pairs(select(article.c.id, article.c.revision).where(article.c.id.in_(ids)))
        memberships = await self._pairs(
            select(development_article.c.article_id, development_article.c.development_id).where(
                development_article.c.article_id.in_(ids)
            )
        )
        with_matters = [arrival for arrival in self.arrivals if arrival.tagged.claims or arrival.tagged.decision.alert]
        if not with_matters and not memberships:
            return Known(revisions, memberships, {})
        found = {*memberships.values(), *await self._related(with_matters)}
        rows = await self.connection.execute(
            select(development)
            .where(development.c.id.in_(sorted(found)))
            .order_by(development.c.id)
            .with_for_update()  # nothing on SQLite, where the whole transaction is exclusive
        )
        return Known(revisions, memberships, {row.id: read_development(row) for row in rows})

    async def _related(self, arrivals: Sequence[Arrival]) -> set[str]:
        """Find developments near the arrivals in time that have a pair of parties, or the whole dyad, in common.

        Who stands in a development is what its alerts say: every party that joins causes one.
        """
        if not arrivals:
            return set()
        times = [report_time(arrival.article) for arrival in arrivals]
        near = (development.c.last_report_at >= min(times) - WINDOW) & (development.c.opened_at <= max(times) + WINDOW)
        dyads = {arrival.tagged.decision.dyad for arrival in arrivals}
        same = await self.connection.execute(
            select(development.c.id).where(near, development.c.dyad.in_(sorted(dyad_key(dyad) for dyad in dyads)))
        )
        found = {row.id for row in same}
        wanted = {pair for dyad in dyads for pair in pairs(dyad)}
        parties: dict[str, set[str]] = defaultdict(set)
        for row in await self.connection.execute(
            select(alert.c.development_id, alert_party.c.party)
            .join(alert_party, alert_party.c.alert_id == alert.c.id)
            .join(development, development.c.id == alert.c.development_id)
            .where(near, alert_party.c.party.in_(sorted({party for dyad in dyads for party in dyad})))
        ):
            parties[row.development_id].add(row.party)
        found.update(one for one, who in parties.items() if not wanted.isdisjoint(pairs(who)))
        return found

    async def write(self, intake: Intake, messages: Sequence[Message], topic: str, *, now: datetime) -> None:
        """Write what the batch comes to, and the messages into the outbox. Raises BadEvent for what does not fit."""
        arrivals = list(intake.articles.values())
        await self._upsert(article, [article_row(one, now=now) for one in arrivals], newer="revision")
        if revised := [one.article.id for one in arrivals]:
            await self.connection.execute(delete(claim).where(claim.c.article_id.in_(revised)))
        await self._upsert(claim, [row for one in arrivals for row in claim_rows(one)])
        await self._upsert(development, [development_row(one) for one in intake.developments.values()])
        memberships = [membership_row(one, now=now) for one in intake.memberships.values()]
        await self._upsert(development_article, memberships, key=("article_id",))
        alerts = [one.alert for one in intake.sent]
        await self._upsert(alert, [alert_row(one) for one in alerts])
        await self._upsert(alert_party, [row for one in alerts for row in party_rows(one)])
        await self._upsert(alert_matter, [row for one in alerts for row in matter_rows(one)])
        await outbox.put(self.connection, topic, messages, now=now)

    async def _pairs(self, query: Any) -> dict[str, Any]:
        return {row[0]: row[1] for row in await self.connection.execute(query)}

    async def _upsert(
        self, table: Table, rows: Sequence[Row], *, key: Sequence[str] = (), newer: str | None = None
    ) -> None:
        """Insert rows; where the key exists take the new values, or only if column `newer` has grown."""
        if not rows:
            return
        names = tuple(rows[0])
        keys = tuple(key) or tuple(column.name for column in table.primary_key)
        if self.connection.dialect.name == "postgresql":
            last = {
                tuple(row[name] for name in keys): row for row in rows
            }.values()  # one statement may meet a key once
            columns = {NEW + name: [row[name] for row in last] for name in names}
            await self.connection.execute(_upsert_columns(table, names, keys, newer), columns)
        else:
            await self.connection.execute(_upsert_row(table, names, keys, newer), list(rows))


@cache
def _upsert_columns(table: Table, names: Sequence[str], keys: Sequence[str], newer: str | None) -> Executable:
    """Take all rows as one array per column: row by row PostgreSQL is asked, and answers, for each."""
    arrays = [bindparam(NEW + name, type_=postgresql.ARRAY(_whole(table.c[name].type))) for name in names]
    rows = func.unnest(*arrays).table_valued(*(column(name) for name in names), name="new").render_derived()
    insert = postgresql.insert(table).from_select(list(names), select(*(rows.c[name] for name in names)))
    return _on_conflict(insert, table, names, keys, newer)


def _whole(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return a type for parameters: a cast to one of limited length would cut what an insert refuses."""
    return Text() if isinstance(type_, String) else type_


@cache
def _upsert_row(table: Table, names: Sequence[str], keys: Sequence[str], newer: str | None) -> Executable:
    insert = sqlite.insert(table).values({name: bindparam(name) for name in names})
    return _on_conflict(insert, table, names, keys, newer)


def _on_conflict(
    insert: postgresql.Insert | sqlite.Insert,
    table: Table,
    names: Sequence[str],
    keys: Sequence[str],
    newer: str | None,
) -> Executable:
    values = {name: insert.excluded[name] for name in names if name not in keys}
    if not values:
        return insert.on_conflict_do_nothing(index_elements=keys)
    grown = table.c[newer] < insert.excluded[newer] if newer else None
    return insert.on_conflict_do_update(index_elements=keys, set_=values, where=grown)


@asynccontextmanager
async def open_batch(engine: AsyncEngine, arrivals: Sequence[Arrival]) -> AsyncIterator[Batch]:
    """Begin a transaction for `arrivals`; it commits at the end, or leaves nothing behind. Raises Unavailable."""
    async with writing(engine, "store") as connection:
        if connection.dialect.name == "postgresql":
            held = {pair for arrival in arrivals for pair in pairs(arrival.tagged.decision.dyad)}
            await connection.execute(LOCK, {"keys": sorted(lock_key(pair) for pair in held)})
        yield Batch(connection, arrivals)
