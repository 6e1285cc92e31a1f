"""The subscriptions table: read, insert, replace, delete. Definitions are kept whole, secrets included."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import reading, writing
from shared.database.tables.web import subscription as table
from shared.subscriptions import Subscription, as_document, parse_subscription


class IdTaken(Exception):  # noqa: N818 - an answer, not a fault
    """There is a subscription with this id already."""


@dataclass(frozen=True)
class StoredSubscription:
    """A subscription's row; `definition` is the JSON that `parse_subscription` reads."""

    id: str
    name: str
    definition: str
    created_at: datetime
    updated_at: datetime

    def read(self) -> Subscription:
        """Read the definition; raises SubscriptionError if it was written by a version that knows more than this."""
        return parse_subscription(json.loads(self.definition), subscription_id=self.id)


COLUMNS = (table.c.id, table.c.name, table.c.definition, table.c.created_at, table.c.updated_at)
Check = Callable[[StoredSubscription], None]


async def all_subscriptions(engine: AsyncEngine) -> tuple[StoredSubscription, ...]:
    """Return all subscriptions, by name."""
    async with reading(engine, "reading subscriptions") as connection:
        rows = (await connection.execute(select(*COLUMNS).order_by(table.c.name, table.c.id))).all()
    return tuple(_stored(row) for row in rows)


async def one_subscription(engine: AsyncEngine, subscription_id: str) -> StoredSubscription | None:
    """Return the subscription, or None."""
    async with reading(engine, "reading a subscription") as connection:
        row = (await connection.execute(select(*COLUMNS).where(table.c.id == subscription_id))).one_or_none()
    return None if row is None else _stored(row)


async def add_subscription(engine: AsyncEngine, new: Subscription, *, now: datetime) -> StoredSubscription:
    """Insert a subscription; raises IdTaken."""
    values = _values(new)
    try:
        async with writing(engine, "adding a subscription") as connection:
            await connection.execute(insert(table).values(id=new.id, created_at=now, updated_at=now, **values))
    except IntegrityError as error:
        raise IdTaken(new.id) from error
    return StoredSubscription(new.id, new.name, values["definition"], now, now)


async def replace_subscription(
    engine: AsyncEngine, subscription_id: str, change: Callable[[StoredSubscription], Subscription], *, now: datetime
) -> StoredSubscription | None:
    """Put `change(old)` in the place of the old one, or return None if there is none; what `change` raises passes."""
    async with writing(engine, "replacing a subscription") as connection:
        query = select(*COLUMNS).where(table.c.id == subscription_id).with_for_update()
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        old = _stored(row)
        new = change(old)
        values = _values(new)
        await connection.execute(update(table).where(table.c.id == subscription_id).values(updated_at=now, **values))
    return StoredSubscription(old.id, new.name, values["definition"], old.created_at, now)


async def delete_subscription(engine: AsyncEngine, subscription_id: str, check: Check) -> bool:
    """Delete the subscription and tell whether there was one; what `check(old)` raises prevents it."""
    async with writing(engine, "deleting a subscription") as connection:
        query = select(*COLUMNS).where(table.c.id == subscription_id).with_for_update()
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return False
        check(_stored(row))
        await connection.execute(delete(table).where(table.c.id == subscription_id))
    return True


def _values(subscription: Subscription) -> dict[str, Any]:
    return {
        "name": subscription.name,
        "enabled": subscription.enabled,
        "definition": json.dumps(as_document(subscription, reveal_secret=True), ensure_ascii=False),
    }


def _stored(row: Any) -> StoredSubscription:
    return StoredSubscription(row.id, row.name, row.definition, row.created_at, row.updated_at)
