import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from services.tagger.service import open_tagger
from shared.eventlog import EventLog, Message, Record
from shared.eventlog.open import open_log
from shared.events import HEARTBEAT, TAGGED, Article, Event, Heartbeat, Source, TaggedArticle, decode, encode
from shared.metrics import Metrics
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ARTICLES, TAGGED_ARTICLES, dead_letters_of

NOW = datetime(2024, 6, 4, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def article(number: int, text: str, language: str | None = None) -> Event[Article]:
    return Event(
        id=f"art_{number}:0",
        source="/attache/fetcher",
        subject=f"art_{number}",
        time=NOW,
        data=Article(
            id=f"art_{number}",
            revision=0,
            source=Source(feed_id="feed", name="Outlet"),
            url="https://news.example/1",
            title="",
            summary=text,
            language=language,
            published=NOW,
            observed_at=NOW,
        ),
        traceparent=TRACE,
        unknown={"mood": b'"calm"'},
    )


@asynccontextmanager
async def running(metrics: Metrics) -> AsyncIterator[EventLog]:
    stop = asyncio.Event()
    async with (
        open_log("memory:") as log,
        open_tagger(Settings(), eventlog=log, metrics=metrics, health=Health(), now=lambda: NOW) as run,
    ):
        task = asyncio.create_task(run(stop))
        try:
            yield log
        finally:
            stop.set()
            await task


async def wait_for(log: EventLog, topic: str, count: int) -> list[Record]:
    async with asyncio.timeout(20):
        while True:
            found = [record async for record in log.scan(topic)]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


async def test_an_article_is_tagged_keyed_by_its_pair_and_kept_byte_for_byte(metrics: Metrics) -> None:
    event = article(1, "Chile and Peru begin joint naval drills.")
    async with running(metrics) as log:
        sent = encode(event, key="art_1")
        await log.append(ARTICLES.name, [sent])
        (record,) = await wait_for(log, TAGGED_ARTICLES.name, 1)
    tagged = decode(record, TaggedArticle)
    assert record.key == "CHL-PER"
    assert bytes(tagged.data.article) == sent.value
    assert msgspec.json.decode(tagged.data.article)["mood"] == "calm"
    assert tagged.traceparent == TRACE
    assert tagged.data.decision.alert
    assert tagged.data.claims[0].evidence[0].quote == "joint naval drills"
    assert tagged.data.rules_version


async def test_an_article_without_a_pair_is_keyed_by_its_id_and_counted(metrics: Metrics) -> None:
    async with running(metrics) as log:
        await log.append(ARTICLES.name, [encode(article(2, "A cat sat on a mat."), key="art_2")])
        (record,) = await wait_for(log, TAGGED_ARTICLES.name, 1)
    assert record.key == "art_2"
    sample = metrics.registry.get_sample_value("attache_tagger_articles_total", {"decision": "no-claims"})
    assert sample == 1


async def test_text_in_another_language_passes_through_with_a_reason(metrics: Metrics) -> None:
    async with running(metrics) as log:
        await log.append(ARTICLES.name, [encode(article(3, "Chile y Perú", language="es-CL"), key="art_3")])
        (record,) = await wait_for(log, TAGGED_ARTICLES.name, 1)
    assert decode(record, TaggedArticle).data.decision.reasons == ("language-not-supported",)


async def test_an_article_tagged_twice_has_one_id(metrics: Metrics) -> None:
    message = encode(article(4, "Chile and Peru begin joint naval drills."), key="art_4")
    async with running(metrics) as log:
        await log.append(ARTICLES.name, [message, message])
        records = await wait_for(log, TAGGED_ARTICLES.name, 2)
    assert len({record.header("ce_id") for record in records}) == 1
    assert records[0].value == records[1].value


async def test_a_heartbeat_goes_on_and_a_broken_record_harms_no_neighbour(metrics: Metrics) -> None:
    beat: Event[Heartbeat] = Event(
        id="hb_1", source="/attache/fetcher", subject="heartbeat", time=NOW, data=Heartbeat(sent_at=NOW, sequence=1)
    )
    good = encode(article(5, "Chile and Peru begin joint naval drills."), key="art_5")
    broken = Message(good.key, good.value[:-20], good.headers)
    async with running(metrics) as log:
        await log.append(ARTICLES.name, [broken, good, encode(beat, key="heartbeat")])
        records = await wait_for(log, TAGGED_ARTICLES.name, 2)
        dead = await wait_for(log, dead_letters_of(ARTICLES.name), 1)
    assert {record.header("ce_type") for record in records} == {TAGGED.name.encode(), HEARTBEAT.name.encode()}
    assert dead[0].value == broken.value
