"""Rows that must become records: written in the caller's transaction, relayed to the log afterwards.

A crash between the two relays a row twice, never not at all; receivers know events by their id. Rows of one key are
relayed in the order written, also by several processes: on PostgreSQL one relays at a time; on SQLite two might read
the same rows, and then both append them, each in order, so that the first of each pair stands in order too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database.engine import reading, writing
from shared.database.tables.store import outbox
from shared.eventlog import EventLog, Message, TooLarge
from shared.failpoints import passing

log = structlog.get_logger()

RELAY_ROWS = 200
RELAY_LIMIT = timedelta(seconds=50)
"""How long the log may take, before the server ends our transaction for having stood idle."""
RELAY_LOCK = 0x6F7574626F78  # any number all replicas share; PostgreSQL's advisory locks have one name space


@dataclass(frozen=True)
class Waiting:
    """Rows not yet relayed, and rows kept aside because the log will never take them."""

    pending: int
    refused: int


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
    """Append the oldest rows to the log in order, then delete them; return how many. Raises Unavailable.

    0 also when another process is relaying. A row that the log will never take (`encode` refuses what is over its
    limit, but a log may be set lower) is kept aside with the reason, and those behind it go on.
    """
    if engine.dialect.name == "postgresql":
        async with writing(engine, "outbox", within=RELAY_LIMIT) as connection:
            if not (await connection.execute(select(func.pg_try_advisory_xact_lock(RELAY_LOCK)))).scalar_one():
                return 0
            rows = await _oldest(connection)
            await _forget(connection, rows, await _append(eventlog, rows))
        return len(rows)
    async with reading(engine, "outbox") as connection:
        rows = await _oldest(connection)
    refused = await _append(eventlog, rows)  # with no transaction open: it would hold up every other writer
    if rows:
        async with writing(engine, "outbox") as connection:
            await _forget(connection, rows, refused)
    return len(rows)


async def waiting(engine: AsyncEngine) -> Waiting:
    """Count the rows not yet relayed and those kept aside."""
    refused = func.count(outbox.c.refused)
    async with reading(engine, "outbox") as connection:
        row = (await connection.execute(select(func.count() - refused, refused).select_from(outbox))).one()
    return Waiting(*row)


async def pending(engine: AsyncEngine) -> int:
    """Count the rows not yet relayed."""
    return (await waiting(engine)).pending


async def _oldest(connection: AsyncConnection) -> Sequence[Row[Any]]:
    query = select(outbox).where(outbox.c.refused.is_(None)).order_by(outbox.c.id).limit(RELAY_ROWS)
    return (await connection.execute(query)).all()


async def _append(eventlog: EventLog, rows: Sequence[Row[Any]]) -> dict[int, str]:
    """Append rows in order, those of one topic together; return why some never will be, by their ids."""
    refused: dict[int, str] = {}
    start = 0
    while start < len(rows):
        end = start
        while end < len(rows) and rows[end].topic == rows[start].topic:
            end += 1
        refused |= await _append_to(eventlog, rows[start].topic, rows[start:end])
        start = end
    if rows:
        passing("store.relayed")
    return refused


async def _append_to(eventlog: EventLog, topic: str, rows: Sequence[Row[Any]]) -> dict[int, str]:
    try:
        await eventlog.append(topic, [_message(row) for row in rows])
    except TooLarge as fault:
        why = str(fault)
    else:
        return {}
    if len(rows) > 1:  # nothing was appended: which is it?
        return {id_: why for row in rows for id_, why in (await _append_to(eventlog, topic, [row])).items()}
    log.error("kept-aside", outbox=rows[0].id, topic=topic, key=rows[0].key, reason=why)
    return {rows[0].id: why}


async def _forget(connection: AsyncConnection, rows: Sequence[Row[Any]], refused: dict[int, str]) -> None:
    for id_, why in refused.items():
        await connection.execute(update(outbox).where(outbox.c.id == id_).values(refused=why))
    if done := [row.id for row in rows if row.id not in refused]:
        await connection.execute(delete(outbox).where(outbox.c.id.in_(done)))


def _message(row: Row[Any]) -> Message:
    headers = tuple((name, value.encode("utf-8")) for name, value in json.loads(row.headers))
    return Message(row.key, row.value, headers)
