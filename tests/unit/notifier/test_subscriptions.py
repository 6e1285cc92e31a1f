import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from services.notifier.repository import Repository
from services.notifier.subscriptions import EVERYTHING, Subscriptions
from shared.database.tables.web import subscription as table
from shared.settings import BadSettings

ONE = '[[subscription]]\nname = "One"\ntopic = "port-call"\nchannel = "terminal"\n'
TWO = ONE + '[[subscription]]\nname = "Two"\nchannel = { email = "a@b.example" }\n'
BROKEN = '[[subscription]]\nname = "One"\ntopic = "port-cal"\nchannel = "fax"\n'


async def ids_of(subscriptions: Subscriptions) -> list[str]:
    return [one.subscription.id for one in await subscriptions.current()]


async def save(engine: AsyncEngine, name: str, at: datetime, **keys: object) -> None:
    definition = json.dumps({"name": name, "channel": "terminal", **keys})
    async with engine.begin() as connection:
        row = {"id": name, "name": name, "definition": definition, "enabled": True, "created_at": at, "updated_at": at}
        await connection.execute(insert(table).values(row))


class File:
    """A subscriptions file whose every edit has a later modification time, however fast it follows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._edits = 0

    def write(self, text: str) -> None:
        self.path.write_text(text)
        self._edits += 1
        os.utime(self.path, (1_700_000_000 + self._edits, 1_700_000_000 + self._edits))


@pytest.fixture
def file(tmp_path):
    return File(tmp_path / "subscriptions.toml")


async def test_the_file_is_read_again_when_it_changes(repository, file):
    file.write(ONE)
    subscriptions = Subscriptions(repository, file.path, terminal_default=False)
    await subscriptions.load()
    assert await ids_of(subscriptions) == ["one"]
    file.write(TWO)
    assert await ids_of(subscriptions) == ["one", "two"]


async def test_a_broken_edit_keeps_the_last_good_state_and_tells_every_mistake_once(repository, file):
    file.write(ONE)
    subscriptions = Subscriptions(repository, file.path, terminal_default=False)
    await subscriptions.load()
    file.write(BROKEN)
    with capture_logs() as logs:
        assert await ids_of(subscriptions) == ["one"]
        assert await ids_of(subscriptions) == ["one"]
    assert [line["outcome"] for line in logs] == ["kept", "kept"]
    assert "subscriptions.toml:3: subscription[0].topic: topic 'port-cal' unknown" in logs[0]["reason"]
    file.write(TWO)
    assert await ids_of(subscriptions) == ["one", "two"]


async def test_a_file_that_has_gone_keeps_the_last_good_state_until_it_is_back(repository, file):
    file.write(ONE)
    subscriptions = Subscriptions(repository, file.path, terminal_default=False)
    await subscriptions.load()
    file.path.unlink()
    with capture_logs() as logs:
        assert await ids_of(subscriptions) == ["one"]
        assert await ids_of(subscriptions) == ["one"]
    assert [line["reason"] for line in logs] == ["the file has gone"]
    file.write(TWO)
    assert await ids_of(subscriptions) == ["one", "two"]


async def test_a_broken_file_is_refused_at_the_start_with_all_its_mistakes(repository, file):
    file.write(BROKEN)
    with pytest.raises(BadSettings) as caught:
        await Subscriptions(repository, file.path, terminal_default=True).load()
    message = str(caught.value)
    assert message.startswith("SUBSCRIPTIONS_FILE=")
    assert "subscriptions.toml:3: " in message
    assert "subscriptions.toml:4: " in message


async def test_saved_subscriptions_are_in_force_at_once_and_gone_at_once(repository, engine, now):
    subscriptions = Subscriptions(repository, None, terminal_default=False)
    assert await ids_of(subscriptions) == []
    await save(engine, "sub_a", now)
    (standing,) = await subscriptions.current()
    assert (standing.subscription.id, standing.saved_at) == ("sub_a", now)
    later = now + timedelta(minutes=1)
    async with engine.begin() as connection:
        changed = json.dumps({"name": "changed", "channel": "terminal"})
        await connection.execute(update(table).values(definition=changed, updated_at=later))
    (standing,) = await subscriptions.current()
    assert (standing.subscription.name, standing.saved_at) == ("changed", later)
    async with engine.begin() as connection:
        await connection.execute(update(table).values(enabled=False))
    assert await ids_of(subscriptions) == []
    async with engine.begin() as connection:
        await connection.execute(delete(table))
    assert await ids_of(subscriptions) == []


async def test_a_saved_subscription_that_cannot_be_read_is_skipped_and_its_neighbours_are_not(
    repository: Repository, engine, now
):
    await save(engine, "sub_bad", now, topic="from a later version")
    await save(engine, "sub_no_secret", now, channel={"webhook": "https://a.example"})
    await save(engine, "sub_good", now + timedelta(seconds=1))
    with capture_logs() as logs:
        subscriptions = Subscriptions(repository, None, terminal_default=False)
        assert await ids_of(subscriptions) == ["sub_good"]
        assert await ids_of(subscriptions) == ["sub_good"]
    assert sorted(line["subscription"] for line in logs) == ["sub_bad", "sub_no_secret"]
    known = await subscriptions.by_id()
    assert known.keys() == {"sub_bad", "sub_no_secret", "sub_good"}
    assert [name for name, subscription in known.items() if subscription is None] == ["sub_bad", "sub_no_secret"]


async def test_the_terminal_is_the_default_only_where_asked_for_and_only_without_any_other(repository, engine, now):
    asked = Subscriptions(repository, None, terminal_default=True)
    assert [one.subscription for one in await asked.current()] == [EVERYTHING]
    assert await ids_of(Subscriptions(repository, None, terminal_default=False)) == []
    await save(engine, "sub_a", now)
    assert await ids_of(asked) == ["sub_a"]
