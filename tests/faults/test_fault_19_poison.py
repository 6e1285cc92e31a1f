"""Fault 19: records that can never be handled, at each stage. They die byte for byte; their neighbours live."""

import asyncio
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from services.cli.drain import drain
from services.cli.embedded import Embedded
from shared.clock import utc_now
from shared.database.engine import open_database
from shared.eventlog import Message, Record
from shared.eventlog.open import open_log
from shared.events import MAX_EVENT_BYTES, Alert, Event, TaggedArticle, decode, encode
from shared.settings import KafkaSettings
from shared.topics import ALERTS, ARTICLES, TAGGED_ARTICLES, dead_letters_of
from tests.faults.logs import EVERY_LOG
from tests.faults.pipeline import article_of, process, records_of, running, stored_titles, until
from tests.faults.tools.checker import FLAWLESS, judge
from tests.system.world import Item, World, dyad_of, numbered_items, open_world

ITEMS = 30
NEIGHBOURS = 12
MOST_ENDS = 6
KILLER = "Killer"
KILLER_PROGRAM = f"""
import os, signal
from services.cli.main import main
from services.tagger import service
tag = service.tag
def dying(title, *args, **options):
    if title == {KILLER!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return tag(title, *args, **options)
service.tag = dying
main()
"""


def poisoned(good: Message) -> dict[str, Message]:
    """Return spoilt copies of a message, by the reason they must die for."""
    fields = msgspec.json.decode(good.value)
    named = {name: value for name, value in good.headers if name != "ce_type"}
    return {
        "bad-json": Message("cut short", good.value[: len(good.value) // 2], good.headers),
        "bad-encoding": Message("no text", good.value.replace(b"e", b"\xff", 3), good.headers),
        "bad-schema": Message("wrong types", msgspec.json.encode({name: [1] for name in fields}), good.headers),
        "no-type": Message("no type", good.value, tuple(named.items())),
        "unknown-type": Message("stranger", good.value, (*named.items(), ("ce_type", b"org.example.weather"))),
        "too-large": Message("too large", b"\x00" * (MAX_EVENT_BYTES + 1), (*good.headers, ("again", b"\x01"))),
        "bad-header": Message("no id", good.value, (("ce_type", dict(good.headers)["ce_type"]), ("bin", b"\xff\x00"))),
    }


@EVERY_LOG
@pytest.mark.usefixtures("quick_pauses")
async def test_fault_19_poison_at_each_stage_dies_byte_for_byte_and_its_neighbours_come_through(
    tmp_path: Path, log_url: str
):
    world = World(numbered_items(ITEMS), feeds=1, step=1)
    articles = [article_of(item) for item in world.items]
    async with (
        open_world(world),
        running(world.write_settings(tmp_path) | {"LOG_URL": log_url}, polling=False) as attache,
    ):
        await _among(attache, ARTICLES.name, articles)
        await until(lambda: _told(world, ITEMS // 10), "all told of the good articles", within=20)
        tagged = await records_of(attache.eventlog, TAGGED_ARTICLES.name)
        alerts = await records_of(attache.eventlog, ALERTS.name)

        retagged = [_another_article(record, n) for n, record in enumerate(_of(tagged, TaggedArticle)[:NEIGHBOURS])]
        await _among(attache, TAGGED_ARTICLES.name, retagged)
        stored = set(await stored_titles(attache.engine))
        assert {f"Neighbour {n}" for n in range(NEIGHBOURS)} <= stored
        assert {item.title for item in world.items} <= stored

        before = {name for name, _ in world.hooks}
        realerted = [_another_alert(_of(alerts, Alert)[0], n) for n in range(NEIGHBOURS)]
        await _among(attache, ALERTS.name, realerted)
        await until(lambda: _told(world, len(before) + NEIGHBOURS), "told of the alerts beside the bad ones", within=20)
        again = sum(name in before for name, _ in world.hooks)
    assert again == len(before), "nobody is told twice"
    assert all(dyad_of(payload) for _, payload in world.hooks)


async def test_fault_19_a_record_that_ends_the_process_each_time_is_put_aside_and_its_neighbours_come_through(
    tmp_path: Path, kafka_url: str
):
    world = World(numbered_items(ITEMS), feeds=1, step=0)
    articles = [article_of(item) for item in world.items]
    killer = article_of(Item(ITEMS, KILLER, "It ends whoever tags it.", None))
    said = tmp_path / "said"
    ends: list[int] = []
    async with open_world(world):
        env = world.write_settings(tmp_path) | {"LOG_URL": kafka_url, "KAFKA_PARTITIONS": "1"}
        async with open_log(kafka_url, kafka=KafkaSettings(partitions=1)) as eventlog:
            await eventlog.append(ARTICLES.name, [*articles[: ITEMS // 2], killer, *articles[ITEMS // 2 :]])
        while not ends or (ends[-1] and len(ends) < MOST_ENDS):
            async with process(env, "run", "--once", said=said, through=_with_killer, may_end=True) as attache:
                ends.append(await asyncio.wait_for(attache.wait(), 60))
        async with open_log(kafka_url, owner=False) as eventlog:
            (letter,) = await records_of(eventlog, dead_letters_of(ARTICLES.name))
        async with open_database(f"sqlite:///{tmp_path}/data/attache.db") as engine:
            titles = await stored_titles(engine)
    assert ends[-1] == 0, said.read_text()[-3000:]
    assert set(ends[:-1]) == {-signal.SIGKILL}
    assert len(ends) <= MOST_ENDS
    assert (letter.key, letter.value, letter.header("dlq.error.reason")) == (killer.key, killer.value, b"crash-loop")
    assert letter.headers[: len(killer.headers)] == killer.headers
    assert judge(acked=[item.title for item in world.items], stored=titles) == FLAWLESS


def _with_killer(python: str, *command: str) -> tuple[str, ...]:
    """Run the same command in a process whose tagger dies of a certain title, as of a bug in a C library."""
    return python, "-c", KILLER_PROGRAM, *command[2:]


async def _among(attache: Embedded, topic: str, good: Sequence[Message]) -> None:
    """Append good messages with poison among them, drain, and check the dead letters."""
    poison = poisoned(good[0])
    among = [message for pair in zip(poison.values(), good, strict=False) for message in pair]
    for message in [*among, *good[len(poison) :]]:
        await attache.eventlog.append(topic, [message])
    await drain(attache.eventlog, attache.engine, attache.metrics, now=utc_now)
    letters = {letter.key: letter for letter in await records_of(attache.eventlog, dead_letters_of(topic))}
    for reason, message in poison.items():
        letter = letters.pop(message.key)
        assert letter.value == message.value
        assert letter.headers[: len(message.headers)] == message.headers
        assert all(name.startswith("dlq.") for name, _ in letter.headers[len(message.headers) :])
        assert letter.header("dlq.error.reason") == reason.encode()
    assert not letters, "only the poison is dead"


def _of(records: Sequence[Record], kind: type[TaggedArticle] | type[Alert]) -> list[Record]:
    name = {TaggedArticle: b"attache.article.tagged.v1", Alert: b"attache.alert.v1"}[kind]
    return [record for record in records if record.header("ce_type") == name]


def _another_article(record: Record, number: int) -> Message:
    event: Event[TaggedArticle] = decode(record, TaggedArticle)
    article = msgspec.structs.replace(event.data.read_article(), id=f"art_n{number}", title=f"Neighbour {number}")
    data = msgspec.structs.replace(event.data, article=msgspec.Raw(msgspec.json.encode(article)))
    return encode(Event(id=f"n{number}", source="test", subject=article.id, time=event.time, data=data), key=article.id)


def _another_alert(record: Record, number: int) -> Message:
    event: Event[Alert] = decode(record, Alert)
    data = msgspec.structs.replace(event.data, id=f"alr_n{number}", development_id=f"dev_n{number}", sequence=0)
    event = Event(id=data.id, source="test", subject=data.development_id, time=datetime.now(UTC), data=data)
    return encode(event, key=data.development_id)


async def _told(world: World, count: int) -> bool:
    return len({name for name, _ in world.hooks}) >= count
