import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.eventlog import Record, bell
from shared.eventlog.bell import Bell

LONG = timedelta(hours=1)
RECORD = Record("articles", 0, 0, "key", b"", (), datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def only_the_bell_wakes(monkeypatch):
    monkeypatch.setattr(bell, "LOOK_AGAIN", LONG)


async def test_a_ring_while_looking_is_not_missed():
    rung = Bell()
    looks: list[int] = []

    async def look():
        looks.append(len(looks))
        if len(looks) == 1:
            rung.ring()
            return []
        return [RECORD]

    async with asyncio.timeout(30):
        assert await rung.first(look, LONG) == [RECORD]
    assert looks == [0, 1]


async def test_what_another_process_appended_is_found_by_looking_again(monkeypatch):
    monkeypatch.setattr(bell, "LOOK_AGAIN", timedelta(milliseconds=1))
    found = iter([[], [], [RECORD]])

    async def look():
        return next(found)

    assert await Bell().first(look, LONG) == [RECORD]


async def test_without_time_it_looks_once():
    looks = []

    async def look():
        looks.append(1)
        return []

    assert await Bell().first(look, timedelta(0)) == []
    assert looks == [1]
