import asyncio
import contextlib
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select
from structlog.testing import capture_logs

from services.store.service import open_store
from shared.consume import TooManyDeadLetters
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.database.tables.store import alert, article, claim, development, outbox
from shared.eventlog import Message, Unavailable
from shared.eventlog.memory import MemoryLog
from shared.events import Alert, Event, Heartbeat, decode, encode
from shared.metrics import Metrics
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ALERTS, TAGGED_ARTICLES, dead_letters_of

TRACE = f"00-{'c' * 32}-{'d' * 16}-01"


class QuickReader:
    """A reader that never waits long, and tells how much its group has committed."""

    def __init__(self, reader, committed):
        self.reader, self.committed, self.taken = reader, committed, 0

    async def read(self, limit, timeout):  # noqa: ASYNC109 - the port's signature
        records = await self.reader.read(limit, min(timeout, timedelta(milliseconds=5)))
        self.taken += len(records)
        return records

    async def commit(self):
        await self.reader.commit()
        self.committed(self.taken)

    async def rewind(self):
        await self.reader.rewind()

    async def lag(self):
        return await self.reader.lag()

    async def mark(self, marks):
        await self.reader.mark(marks)

    async def marks(self):
        return await self.reader.marks()


class FaultyLog(MemoryLog):
    """Refuses appends to the alerts topic while `down` is set; tells when they are refused, made, and read."""

    def __init__(self):
        super().__init__()
        self.down = False
        self.refused, self.relayed, self.progress = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.sent = self.handled = 0

    async def append(self, topic, messages):
        if topic == ALERTS.name and self.down:
            self.refused.set()
            raise Unavailable("the log is away")
        await super().append(topic, messages)
        if topic == ALERTS.name:
            self.relayed.set()
        if topic == TAGGED_ARTICLES.name:
            self.sent += len(messages)

    @contextlib.asynccontextmanager
    async def reader(self, topic, group):
        before = self.handled

        def committed(taken):
            self.handled = before + taken
            self.progress.set()

        async with super().reader(topic, group) as reader:
            yield QuickReader(reader, committed)

    async def all_handled(self):
        async with asyncio.timeout(20):
            while self.handled < self.sent:
                self.progress.clear()
                await self.progress.wait()


def message(arrival, number=0):
    """The tagged event as the tagger sends it, keyed by dyad."""
    event = Event(
        id=f"tagged_{arrival.article.id}_{arrival.article.revision}_{number}",
        source="attache/tagger",
        subject=arrival.article.id,
        time=arrival.article.observed_at,
        data=arrival.tagged,
        traceparent=arrival.traceparent,
    )
    return encode(event, key="-".join(arrival.tagged.decision.dyad) or arrival.article.id)


@pytest.fixture
async def engine(tmp_path):
    async with open_database(f"sqlite:///{tmp_path}/attache.db") as engine:
        await ensure_schema(engine)
        yield engine


@pytest.fixture
def log():
    return FaultyLog()


@pytest.fixture
def metrics():
    return Metrics(CollectorRegistry())


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def running(engine, log, metrics, health):
    @contextlib.asynccontextmanager
    async def run():
        stop = asyncio.Event()
        async with (
            open_store(Settings(), eventlog=log, engine=engine, metrics=metrics, health=health) as store,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(store(stop))
            yield
            stop.set()

    return run


@pytest.fixture
def drained(log, running):
    """Append messages, run until the store has committed everything, stop."""

    async def drain(*messages):
        await log.append(TAGGED_ARTICLES.name, messages)
        async with running():
            await log.all_handled()

    return drain


async def appended(log, topic=ALERTS.name):
    return [record async for record in log.scan(topic)]


async def count(engine, table):
    async with engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


async def test_the_same_event_three_times_is_one_row_and_one_alert(arrival, engine, log, metrics, drained):
    await drained(*[message(arrival(1, traceparent=TRACE))] * 3)
    assert [await count(engine, table) for table in (article, claim, development, alert)] == [1, 1, 1, 1]
    (record,) = await appended(log)
    event = decode(record, Alert)
    assert (event.id, event.subject, record.key) == (
        event.data.id,
        event.data.development_id,
        event.data.development_id,
    )
    assert event.traceparent == TRACE
    assert await count(engine, outbox) == 0
    assert value(metrics, "attache_store_articles_total", outcome="new") == 1
    assert value(metrics, "attache_store_articles_total", outcome="repeat") == 2
    assert value(metrics, "attache_store_alerts_total", kind="raised") == 1
    assert value(metrics, "attache_store_outbox_pending") == 0


async def test_an_alert_committed_before_a_crash_is_relayed_after_it(arrival, engine, log, health, running, drained):
    log.down = True
    await drained(message(arrival(1)))
    assert await count(engine, outbox) == 1
    async with engine.connect() as connection:
        stored = (await connection.execute(select(alert.c.id))).scalar_one()
    assert await appended(log) == []
    log.down = False
    async with running():
        await log.relayed.wait()
    assert [record.header("ce_id").decode() for record in await appended(log)] == [stored]
    assert await count(engine, outbox) == 0
    assert health.troubles() == {}


async def test_while_the_log_is_away_the_store_is_not_ready_and_says_why(arrival, log, health, running):
    log.down = True
    await log.append(TAGGED_ARTICLES.name, [message(arrival(1))])
    async with running():
        await log.refused.wait()
        await asyncio.sleep(0)
        assert health.troubles() == {"store": "outbox: the log is away"}


async def test_two_reports_of_one_matter_at_once_make_one_alert(arrival, log, drained):
    await drained(message(arrival(1)), message(arrival(2)))
    assert len(await appended(log)) == 1


async def test_logs_of_an_article_carry_its_trace(arrival, drained):
    with capture_logs() as logs:
        await drained(message(arrival(1, traceparent=TRACE)))
    told = {line["event"]: line["trace_id"] for line in logs if "trace_id" in line}
    assert told == dict.fromkeys(("stored", "alert"), TRACE.split("-")[1])


async def test_a_raise_stands_before_its_updates(arrival, log, drained):
    statuses = ("proposed", "agreed-signed", "begun", "concluded")
    await drained(*(message(arrival(n, matters=(("joint-exercise", status),))) for n, status in enumerate(statuses)))
    alerts = [decode(record, Alert).data for record in await appended(log)]
    assert [one.sequence for one in alerts] == [0, 1, 2, 3]
    assert {one.references for one in alerts[1:]} == {alerts[0].id}


async def test_a_revision_updates_the_claims(arrival, engine, drained):
    await drained(message(arrival(1, matters=(("joint-exercise", "begun"), ("mine-action", "begun")))))
    await drained(message(arrival(1, revision=1, matters=(("joint-exercise", "begun"),))))
    assert (await count(engine, article), await count(engine, claim)) == (1, 1)


async def test_of_a_batch_only_the_poison_is_dead(arrival, engine, log, metrics, drained):
    poison = message(arrival(2, language="x" * 40))
    broken = Message("KHM-USA", b'{"article": {"id"', message(arrival(3)).headers)
    hollow = message(arrival(4))
    hollow = Message(hollow.key, hollow.value.replace(b'"observed_at"', b'"observed_on"'), hollow.headers)
    await drained(message(arrival(1)), poison, broken, hollow, message(arrival(5)))
    assert await count(engine, article) == 2
    dead = [record async for record in log.scan(dead_letters_of(TAGGED_ARTICLES.name))]
    assert sorted(record.value for record in dead) == sorted((poison.value, broken.value, hollow.value))
    assert value(metrics, "attache_dead_letters_total", stage="store", reason="does-not-fit") == 1
    assert len(await appended(log)) == 1


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        (b'"revision":0', b'"revision":9223372036854775808'),
        (b'"revision":0', b'"revision":-1'),
        (b'"published":"2024', b'"published":"0001'),
        (b'"published":"2024', b'"published":"9999'),
        (b'"language":"en"', b'"language":"\\ud800"'),
        (b'"title":"Four', b'"title":["Four'),
    ],
)
async def test_a_value_no_database_holds_is_a_dead_letter_not_a_crash(arrival, engine, log, drained, what, instead):
    odd = message(arrival(1))
    assert what in odd.value
    await drained(Message(odd.key, odd.value.replace(what, instead), odd.headers), message(arrival(2)))
    assert await count(engine, article) == 1
    (dead,) = [record async for record in log.scan(dead_letters_of(TAGGED_ARTICLES.name))]
    assert instead in dead.value


async def test_too_many_dead_letters_end_the_store_with_that_error(arrival, log, running):
    bad = message(arrival(1, language="x" * 40))
    await log.append(TAGGED_ARTICLES.name, [bad] * 200)
    with pytest.raises(BaseExceptionGroup) as raised:
        async with running():
            await asyncio.Event().wait()
    assert [type(error) for error in raised.value.exceptions] == [TooManyDeadLetters]


async def test_heartbeats_go_on_to_the_alerts_topic(arrival, log, metrics, drained):
    beat = Event(
        id="beat_1",
        source="attache/fetcher",
        subject="heartbeat",
        time=arrival(1).article.observed_at,
        data=Heartbeat(sent_at=arrival(1).article.observed_at, sequence=1),
    )
    await drained(encode(beat, key="heartbeat"))
    (record,) = await appended(log)
    assert decode(record, Heartbeat).data.sequence == 1
    assert value(metrics, "attache_heartbeat_last_seen_timestamp_seconds", stage="store") > 0


async def test_the_article_is_kept_byte_for_byte_with_fields_of_newer_versions(arrival, engine, drained):
    one = arrival(1)
    raw = bytes(one.tagged.article)[:-1] + b',"mood":"calm"}'
    newer = msgspec.structs.replace(one.tagged, article=msgspec.Raw(raw))
    await drained(message(one.__class__(one.article, newer)))
    async with engine.connect() as connection:
        assert (await connection.execute(select(article.c.raw))).scalar_one() == raw
