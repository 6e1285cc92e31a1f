import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from shared.eventlog import Message, Unavailable
from shared.eventlog.memory import MemoryLog
from shared.eventlog.pruning import pruning

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def full_log():
    log = MemoryLog(now=lambda: START)
    await log.append("articles", [Message("key", b"old")] * 3)
    return log


async def test_old_records_are_forgotten_at_once_and_told(full_log):
    stop = asyncio.Event()

    def now():
        stop.set()
        return START + timedelta(days=40)

    with capture_logs() as lines:
        await pruning(full_log, now=now)(stop)
    assert [record async for record in full_log.scan("articles")] == []
    assert lines == [{"event": "prune", "records": 3, "log_level": "info"}]


async def test_a_busy_log_is_pruned_later(full_log, monkeypatch):
    stop = asyncio.Event()
    tries = []

    async def prune(now):
        tries.append(now)
        if len(tries) == 1:
            raise Unavailable("locked")
        stop.set()
        return 0

    monkeypatch.setattr(full_log, "prune", prune)
    with capture_logs() as lines:
        await pruning(full_log, now=lambda: START, every=timedelta(milliseconds=1))(stop)
    assert len(tries) == 2
    assert lines == [{"event": "prune", "outcome": "later", "reason": "locked", "log_level": "warning"}]
