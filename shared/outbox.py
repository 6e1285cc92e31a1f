"""Rows that must become records: written in the caller's transaction, relayed to the log afterwards.

A crash between the two relays a row twice, never not at all; receivers know events by their id.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database.engine import infrastructure_errors, reading
from shared.database.tables.store import outbox
from shared.eventlog import EventLog, Message
from shared.failpoints import passing

RELAY_ROWS = 200


async def put(connection: AsyncConnection, topic: str, messages: Sequence[Message], *, now: datetime) -> None:
    """Write messages into the outbox inside the caller's transaction; they exist exactly if it commits."""
    if messages:
        await connection.execute(
            insert(outbox),
            [
                {
                    "topic": topic,
                    "key": message.key,
                    "value": message.value,
                    "headers": json.dumps([[name, value.decode("utf-8")] for name, value in message.headers]),
                    "created_at": now,
                }
                for message in messages
            ],
        )


async def relay(engine: AsyncEngine, eventlog: EventLog) -> int:
    """Append the oldest rows to the log in order, then delete them; return how many. Raises Unavailable."""
    async with reading(engine, "outbox") as connection:
        rows = (await connection.execute(select(outbox).order_by(outbox.c.id).limit(RELAY_ROWS))).all()
    start = 0
    while start < len(rows):
        end = start
        while end < len(rows) and rows[end].topic == rows[start].topic:
            end += 1
        await eventlog.append(rows[start].topic, [_message(row) for row in rows[start:end]])
        passing("store.relayed")
        start = end
    if rows:
        async with infrastructure_errors("outbox"), engine.begin() as connection:
            await connection.execute(delete(outbox).where(outbox.c.id.in_([row.id for row in rows])))
    return len(rows)


async def pending(engine: AsyncEngine) -> int:
    """Count the rows not yet relayed."""
    async with reading(engine, "outbox") as connection:
        return int((await connection.execute(select(func.count()).select_from(outbox))).scalar_one())


def _message(row: object) -> Message:
    headers = tuple((name, value.encode("utf-8")) for name, value in json.loads(row.headers))  # type: ignore[attr-defined]
    return Message(row.key, row.value, headers)  # type: ignore[attr-defined]
