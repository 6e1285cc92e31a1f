"""Each stage alone over the real SQLite log and database, then all of them from a feed server to the alerts.

A stage's input is put on the log with a heartbeat behind it; the stage is done when it has seen the heartbeat.
Preparing the input is not timed.
"""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar

import msgspec
from prometheus_client import CollectorRegistry
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.drain import drain
from services.cli.embedded import open_embedded
from services.fetcher.feed.articles import articles_of
from services.fetcher.parsing import ParserPool
from services.notifier.service import open_notifier
from services.store.service import open_store
from services.tagger.decide import load_tagger, tag
from services.tagger.service import open_tagger
from shared import outbox
from shared.asgi import listen, serve
from shared.clock import utc_now
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.eventlog import EventLog, Message
from shared.eventlog.open import open_log
from shared.events import (
    Alert,
    AlertEvidence,
    Article,
    Event,
    Heartbeat,
    Matter,
    Source,
    TaggedArticle,
    encode,
)
from shared.identity import stable_id
from shared.metrics import Metrics
from shared.process import Service, run_until_stopped
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ALERTS, ARTICLES, TAGGED_ARTICLES
from shared.vocabulary import AlertKind, Certainty, Severity, Status, Topic
from tests.bench.feeds import FeedServer, write_feeds

BATCH = 200
FEEDS = 20
Articles = Sequence[Article]
P = TypeVar("P", Article, TaggedArticle, Alert)


async def parse(_folder: Path, articles: Articles) -> float:
    """Bytes to articles: feeds of 100 items through the parser pool."""
    bodies = write_feeds(articles, len(articles) // 100)
    source = Source(feed_id="bench", name="Bench", language="en")
    async with ParserPool() as pool:
        await pool.parse(bodies[0], content_type="application/rss+xml", url="https://example.org/feed")
        started = time.perf_counter()
        for body in bodies:
            feed = await pool.parse(body, content_type="application/rss+xml", url="https://example.org/feed")
            articles_of(feed, source, utc_now())
        return time.perf_counter() - started


async def log_alone(folder: Path, articles: Articles) -> float:
    """Append in batches of 200, then read and commit in batches of 200."""
    messages = [article_message(article) for article in articles]
    async with open_log(f"sqlite:///{folder}/log.db") as log:
        started = time.perf_counter()
        for start in range(0, len(messages), BATCH):
            await log.append(ARTICLES.name, messages[start : start + BATCH])
        async with log.reader(ARTICLES.name, "bench") as reader:
            read = 0
            while read < len(messages):
                read += len(await reader.read(BATCH, timedelta(seconds=1)))
                await reader.commit()
        return time.perf_counter() - started


async def tag_alone(_folder: Path, articles: Articles) -> float:
    """Tag in this process, with nothing around it."""
    tagger = load_tagger()
    started = time.perf_counter()
    for article in articles:
        tag(article.title, article.text, published=article.observed_at.date(), tagger=tagger)
    return time.perf_counter() - started


async def tagger(folder: Path, articles: Articles) -> float:
    """Run the tagger service: articles from the log, tagged articles onto it."""
    messages = [article_message(article) for article in articles]
    async with _rig(folder) as (settings, log, _engine, metrics):
        opened = open_tagger(settings, eventlog=log, metrics=metrics, health=Health())
        return await _through(opened, log, metrics, "tagger", ARTICLES.name, messages)


async def store(folder: Path, articles: Articles) -> float:
    """Run the store service: tagged articles into SQL, alerts out through the outbox."""
    messages = [tagged_message(article) for article in articles]
    async with _rig(folder) as (settings, log, engine, metrics):
        opened = open_store(settings, eventlog=log, engine=engine, metrics=metrics, health=Health())

        async def relayed() -> bool:
            return await outbox.pending(engine) == 0

        return await _through(opened, log, metrics, "store", TAGGED_ARTICLES.name, messages, then=relayed)


async def notifier(folder: Path, articles: Articles) -> float:
    """Run the notifier service: an alert per item against twenty subscriptions of which one wants it."""
    messages = [_alert_message(number) for number in range(len(articles))]
    path = folder / "subscriptions.toml"
    path.write_text("".join(_subscription(topic) for topic in list(Topic)[:20]))
    async with _rig(folder) as (settings, log, engine, metrics):
        opened = open_notifier(
            replace(settings, subscriptions_file=path),
            eventlog=log,
            engine=engine,
            metrics=metrics,
            health=Health(),
            console=Console(file=io.StringIO()),
        )
        return await _through(opened, log, metrics, "notifier", ALERTS.name, messages)


STAGES: dict[str, Callable[[Path, Articles], Awaitable[float]]] = {
    "fetcher: bytes to articles": parse,
    "event log: append, read, commit": log_alone,
    "tagger: the pure core": tag_alone,
    "tagger: log to log": tagger,
    "store: log to SQL and outbox": store,
    "notifier: alerts to deliveries": notifier,
}


async def embedded(folder: Path, articles: Articles) -> float:
    """Poll a local feed server once and drain: everything from bytes on a socket to stored alerts."""
    sock = listen("0.0.0.0", 0, setting="none")
    server = FeedServer(write_feeds(articles, FEEDS))
    port = sock.getsockname()[1]
    settings = replace(
        _settings(folder),
        feeds_file=server.write_sources(folder / "sources.toml", port),
        allow_networks=(ip_network("127.0.0.0/8"),),
        allow_ports=(port,),
        web_port=0,
        ops_port=0,
    )
    async with open_embedded(settings, polling=False) as attache:
        seconds: list[float] = []

        async def script(_stop: asyncio.Event) -> None:
            started = time.perf_counter()
            await attache.fetcher.poll_due_once()
            await drain(attache.eventlog, attache.engine, attache.metrics, now=utc_now)
            seconds.append(time.perf_counter() - started)

        await run_until_stopped(*attache.services, serve(server.app(), sock), script, grace=settings.grace)
    return seconds[0]


def _settings(folder: Path) -> Settings:
    return Settings.from_env({"DATA_DIR": str(folder)})


@asynccontextmanager
async def _rig(folder: Path) -> AsyncIterator[tuple[Settings, EventLog, AsyncEngine, Metrics]]:
    settings = _settings(folder)
    async with open_log(settings.log_url) as log, open_database(settings.db_url) as engine:
        await ensure_schema(engine)
        yield settings, log, engine, Metrics(CollectorRegistry())


async def _through(
    opened: AbstractAsyncContextManager[Service],
    log: EventLog,
    metrics: Metrics,
    stage: str,
    topic: str,
    messages: Sequence[Message],
    *,
    then: Callable[[], Awaitable[bool]] | None = None,
) -> float:
    sent_at = datetime.now(UTC)
    beat = Event(id="bench", source="bench", subject="bench", time=sent_at, data=Heartbeat(sent_at=sent_at, sequence=0))
    await log.append(topic, [*messages, encode(beat, key="heartbeat")])
    async with opened as service:
        stop = asyncio.Event()
        started = time.perf_counter()
        running = asyncio.ensure_future(service(stop))
        labels = {"stage": stage}
        while not running.done() and not metrics.registry.get_sample_value(
            "attache_heartbeat_last_seen_timestamp_seconds", labels
        ):
            await asyncio.sleep(0.005)
        while then is not None and not await then():
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - started
        stop.set()
        await running
    return seconds


def _event(data: P, id_: str, at: datetime) -> Event[P]:
    return Event(id=id_, source="bench", subject=id_, time=at, data=data)


def article_message(article: Article) -> Message:
    return encode(_event(article, article.id, article.observed_at), key=article.id)


def tagged_message(article: Article) -> Message:
    tagger_ = load_tagger()
    tagging = tag(article.title, article.text, published=article.observed_at.date(), tagger=tagger_)
    tagged = TaggedArticle(
        article=msgspec.Raw(msgspec.json.encode(article)),
        claims=tagging.claims,
        decision=tagging.decision,
        rules_version=tagger_.version,
    )
    key = "-".join(tagging.decision.dyad) or article.id
    return encode(_event(tagged, article.id, article.observed_at), key=key)


def _alert_message(number: int) -> Message:
    topic = list(Topic)[number % 20]
    parties = ("JPN", "PHL")
    alert = Alert(
        id=stable_id("alr", str(number)),
        development_id=stable_id("dev", str(number)),
        kind=AlertKind.RAISED,
        sequence=0,
        severity=Severity.P2,
        dyad=parties,
        parties=parties,
        matters=(Matter(topic=topic, status=Status.BEGUN, parties=parties),),
        line=f"Japan–Philippines · {topic} · {number}",
        changes=("raised",),
        evidence=(
            AlertEvidence(
                article_id=stable_id("art", str(number)),
                outlet="Bench",
                url=None,
                title="Bench",
                topic=topic,
                status=Status.BEGUN,
                parties=parties,
                certainty=Certainty.CONFIRMED,
                field="title",
                start=0,
                end=5,
                quote="Bench",
                rule="bench",
            ),
        ),
        raised_at=datetime.now(UTC),
    )
    return encode(_event(alert, alert.id, alert.raised_at), key=alert.development_id)


def _subscription(topic: Topic) -> str:
    return (
        f'[[subscription]]\nid = "{topic}"\nname = "{topic}"\ntopics = ["{topic}"]\nparties = ["JPN"]\n'
        "channel = { terminal = true }\n\n"
    )
