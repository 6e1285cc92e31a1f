"""All SQL of the notifier: deliveries as a durable queue, attempts, endpoints given up on; subscriptions are read.

One delivery row per alert and receiver, inserted once however often the alert comes. A row is leased, sent, recorded;
a crash between leaves the lease to run out, and the same row is sent again under the same id.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.delivery import LABELS, Decision, Delivered, Delivery, RetryAt
from services.notifier.rows import PENDING, Backlog, Disabled, Latest, Saved, from_row, to_row
from shared.database.engine import reading, writing
from shared.database.tables import notifier, web

LEASE = timedelta(seconds=45)
"""Longer than any attempt may take; a crash delays what was being sent by as much."""

_row = notifier.delivery


class Repository:
    """The notifier's tables. Every method is one transaction and raises Unavailable when the database cannot serve."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def add(self, deliveries: Sequence[Delivery], disabled: Collection[str], *, now: datetime) -> None:
        """Insert deliveries, those already there left as they are; those to a disabled subscription only as a record.

        An update whose raise is still waiting is due when the raise is.
        """
        if not deliveries:
            return
        rows = [to_row(delivery, now, disabled=delivery.subscription_id in disabled) for delivery in deliveries]
        async with writing(self._engine, "deliveries") as connection:
            await connection.execute(self._insert(_row).on_conflict_do_nothing(), rows)
            await _queue_behind_earlier(connection, {delivery.alert.development_id for delivery in deliveries})

    async def lease(self, *, limit: int, busy: Collection[str], now: datetime) -> list[Delivery]:
        """Take up to `limit` due deliveries, oldest first, for LEASE; nobody else gets them meanwhile.

        Passed over: subscriptions in `busy`, and an alert whose predecessor for the same receiver is pending.
        """
        earlier = _row.alias("earlier")
        due = (
            select(_row.c.id)
            .where(
                _row.c.state == PENDING,
                _row.c.due_at <= now,
                or_(_row.c.leased_until.is_(None), _row.c.leased_until <= now),
                _row.c.subscription_id.not_in(list(busy)),
                ~exists().where(_is_earlier(earlier.c)),
            )
            .order_by(_row.c.due_at, _row.c.created_at, _row.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claim = update(_row).where(_row.c.id.in_(select(due.c.id))).values(leased_until=now + LEASE).returning(_row)
        async with writing(self._engine, "deliveries") as connection:
            rows = (await connection.execute(claim)).all()
        return [from_row(row) for row in sorted(rows, key=lambda row: (row.due_at, row.created_at, row.id))]

    async def record(self, delivery: Delivery, decision: Decision, *, at: datetime) -> None:
        """Write an attempt and what follows from it. A failure never overwrites a delivery another attempt made."""
        outcome = LABELS[type(decision)]
        finished = not isinstance(decision, RetryAt)
        async with writing(self._engine, "deliveries") as connection:
            number = (
                await connection.execute(
                    update(_row)
                    .where(_row.c.id == delivery.id)
                    .values(attempts=_row.c.attempts + 1, leased_until=None)
                    .returning(_row.c.attempts)
                )
            ).scalar_one()
            await connection.execute(
                insert(notifier.delivery_attempt).values(
                    delivery_id=delivery.id, number=number, at=at, outcome=outcome, detail=decision.reason
                )
            )
            changes: dict[str, Any] = {"last_outcome": outcome, "last_detail": decision.reason}
            if finished:
                changes |= {"state": outcome, "finished_at": at}
            if isinstance(decision, RetryAt):
                changes["due_at"] = decision.when
            change = update(_row).where(_row.c.id == delivery.id).values(changes)
            if not isinstance(decision, Delivered):
                change = change.where(_row.c.state == PENDING)
            await connection.execute(change)
            if not finished:
                await _queue_behind_earlier(connection, {delivery.alert.development_id})

    async def disable(self, subscription_id: str, *, reason: str, at: datetime) -> None:
        """Send nothing more to a subscription: its pending deliveries end, later ones are only recorded."""
        async with writing(self._engine, "endpoints") as connection:
            values = {"subscription_id": subscription_id, "disabled_at": at, "reason": reason}
            await connection.execute(self._insert(notifier.endpoint).on_conflict_do_nothing(), [values])
            await connection.execute(
                update(_row)
                .where(_row.c.subscription_id == subscription_id, _row.c.state == PENDING)
                .values(state="disabled", finished_at=at, leased_until=None, last_detail=reason)
            )

    async def enable(self, subscription_ids: Collection[str]) -> None:
        """Send to these subscriptions again."""
        async with writing(self._engine, "endpoints") as connection:
            await connection.execute(
                delete(notifier.endpoint).where(notifier.endpoint.c.subscription_id.in_(list(subscription_ids)))
            )

    async def disabled(self) -> dict[str, Disabled]:
        """Return the subscriptions that are not sent to, with the reason."""
        async with reading(self._engine, "endpoints") as connection:
            rows = (await connection.execute(select(notifier.endpoint))).all()
        return {row.subscription_id: Disabled(row.disabled_at, row.reason) for row in rows}

    async def answered_since(self, subscription_id: str, moment: datetime) -> bool:
        """Tell whether a subscription's receiver took anything after `moment`."""
        query = select(func.count()).where(
            _row.c.subscription_id == subscription_id, _row.c.state == "delivered", _row.c.finished_at >= moment
        )
        async with reading(self._engine, "deliveries") as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def next_due(self) -> datetime | None:
        """Return when the next pending delivery may be leased, or None if there is none.

        What waits for an earlier one of its development does not count: it becomes free when that one is recorded.
        """
        earlier = _row.alias("earlier")
        free_at = func.coalesce(_row.c.leased_until, _row.c.due_at, type_=_row.c.due_at.type)
        query = select(func.min(free_at, type_=_row.c.due_at.type)).where(
            _row.c.state == PENDING, ~exists().where(_is_earlier(earlier.c))
        )
        async with reading(self._engine, "deliveries") as connection:
            moment: datetime | None = (await connection.execute(query)).scalar_one()
        return moment

    async def backlog(self) -> Backlog:
        """Count what is pending."""
        query = select(func.count(), func.min(_row.c.created_at)).where(_row.c.state == PENDING)
        async with reading(self._engine, "deliveries") as connection:
            pending, oldest = (await connection.execute(query)).one()
        return Backlog(pending, oldest)

    async def latest(self) -> dict[str, Latest]:
        """Return how deliveries fare, by subscription; one that nothing was ever sent to is not in it."""
        attempt = notifier.delivery_attempt
        newest = (
            select(
                _row.c.subscription_id,
                attempt.c.outcome,
                attempt.c.detail,
                attempt.c.at,
                func.row_number()
                .over(partition_by=_row.c.subscription_id, order_by=(attempt.c.at.desc(), attempt.c.number.desc()))
                .label("place"),
            )
            .join_from(attempt, _row, attempt.c.delivery_id == _row.c.id)
            .subquery()
        )
        pending = (
            select(_row.c.subscription_id, func.count().filter(_row.c.state == PENDING).label("pending"))
            .group_by(_row.c.subscription_id)
            .subquery()
        )
        query = select(pending, newest.c.outcome, newest.c.detail, newest.c.at).join_from(
            pending,
            newest,
            (newest.c.subscription_id == pending.c.subscription_id) & (newest.c.place == 1),
            isouter=True,
        )
        async with reading(self._engine, "deliveries") as connection:
            rows = (await connection.execute(query)).all()
        return {row.subscription_id: Latest(row.pending, row.outcome, row.detail, row.at) for row in rows}

    async def saved_subscriptions(self) -> list[Saved]:
        """Return what the API and the command line saved, oldest first."""
        table = web.subscription
        query = select(table).order_by(table.c.created_at, table.c.id)
        async with reading(self._engine, "subscriptions") as connection:
            rows = (await connection.execute(query)).all()
        return [Saved(row.id, row.definition, row.enabled, row.updated_at) for row in rows]


def _is_earlier(earlier: Any) -> ColumnElement[bool]:
    """Match pending rows of `earlier` that must leave before the row in hand."""
    same: ColumnElement[bool] = (
        (earlier.development_id == _row.c.development_id)
        & (earlier.subscription_id == _row.c.subscription_id)
        & (earlier.target == _row.c.target)
        & (earlier.sequence < _row.c.sequence)
        & (earlier.state == PENDING)
    )
    return same


async def _queue_behind_earlier(connection: AsyncConnection, developments: Collection[str]) -> None:
    earlier = _row.alias("earlier")
    last = select(func.max(earlier.c.due_at)).where(_is_earlier(earlier.c)).scalar_subquery()
    await connection.execute(
        update(_row)
        .where(
            _row.c.state == PENDING,
            _row.c.development_id.in_(list(developments)),
            exists().where(_is_earlier(earlier.c), earlier.c.due_at > _row.c.due_at),
        )
        .values(due_at=last)
    )
