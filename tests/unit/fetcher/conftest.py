"""A feed server that does as it is told, and a fetcher on a real database that asks it."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from services.fetcher.service import open_fetcher
from services.fetcher.state import FeedState
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.eventlog import Unavailable
from shared.eventlog.memory import MemoryLog
from shared.events import Article, Heartbeat, decode
from shared.metrics import Metrics
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ARTICLES

START = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Hand:
    """A clock that is moved by hand, and by a millisecond whenever it is read."""

    def __init__(self):
        self.time = START

    def __call__(self):
        self.time += timedelta(milliseconds=1)
        return self.time

    def move(self, **length):
        self.time += timedelta(**length)


def rss(*titles, published=START, body="Text of {}."):
    items = "".join(
        f"<item><title>{escape(title)}</title><guid isPermaLink='false'>{escape(title)}</guid>"
        + (f"<pubDate>{format_datetime(published)}</pubDate>" if published else "")
        + f"<description>{escape(body.format(title))}</description></item>"
        for title in titles
    )
    return f"<rss version='2.0'><channel><title>Feed</title><language>en</language>{items}</channel></rss>".encode()


@dataclass
class FeedServer:
    """`answers` maps a path to an answer: a body, a response, or a function of the request; `requests` is what came."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    port: int = 0

    def url(self, path, host=1):
        return f"http://127.0.0.{host}:{self.port}{path}"

    async def handle(self, request):
        self.requests[request.path].append(dict(request.headers))
        answer = self.answers.get(request.path)
        if callable(answer):
            answer = answer(request)
            if asyncio.iscoroutine(answer):
                answer = await answer
        if answer is None:
            return web.Response(status=404)
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/rss+xml")
        status, headers = answer[:2]
        body = answer[2] if len(answer) > 2 else b""
        return web.Response(status=status, headers=headers, body=body)


@pytest.fixture
async def server():
    feeds = FeedServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", feeds.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()
    feeds.port = runner.addresses[0][1]
    yield feeds
    await runner.cleanup()


class BreakableLog(MemoryLog):
    """A log that can be made unavailable, or crash the process after it has taken a batch."""

    unavailable = False
    crash_after_append = False

    async def append(self, topic, messages):
        if self.unavailable:
            raise Unavailable("the log is away")
        await super().append(topic, messages)
        if self.crash_after_append:
            raise KilledError


class KilledError(Exception):
    """Stands for the process dying at this point."""


@dataclass
class Bench:
    """All around a fetcher; `opened` opens one on the same log and database, again and again if need be."""

    server: FeedServer
    engine: AsyncEngine
    clock: Hand
    settings: Settings
    folder: Path
    log: BreakableLog = field(default_factory=BreakableLog)
    rss = staticmethod(rss)
    killed = KilledError
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    health: Health = field(default_factory=Health)

    def feeds(self, *urls, **extra):
        """Write the feeds file."""
        rows = [
            f'[[feed]]\nname = "Feed {n}"\nurl = "{url}"\nkind = "wire"\ngrade = "B"\n' for n, url in enumerate(urls)
        ]
        path = self.folder / "feeds.toml"
        path.write_text("\n".join(rows))
        self.settings = replace(self.settings, feeds_file=path, **extra)

    @property
    def state(self):
        return FeedState(self.engine)

    @asynccontextmanager
    async def opened(self):
        async with open_fetcher(
            self.settings,
            eventlog=self.log,
            engine=self.engine,
            metrics=self.metrics,
            health=self.health,
            now=self.clock,
            draw=lambda: 0.5,
        ) as fetcher:
            yield fetcher

    async def poll(self):
        """Poll all due feeds once with a fetcher of its own, and let an hour go by."""
        async with self.opened() as fetcher:
            summary = await fetcher.poll_due_once()
        self.clock.move(hours=1)
        return summary

    async def feed(self, number=0):
        return next(feed for feed in await self.state.feeds() if feed.name == f"Feed {number}")

    async def events(self):
        return [decode(record, Article, Heartbeat) async for record in self.log.scan(ARTICLES.name)]

    async def articles(self):
        return [event.data for event in await self.events() if isinstance(event.data, Article)]

    def counted(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels) or 0


@pytest.fixture
async def bench(server, tmp_path):
    settings = Settings(
        allow_networks=(ip_network("127.0.0.0/8"),),
        allow_ports=(server.port,),
        poll_floor=timedelta(seconds=0.01),
        poll_ceiling=timedelta(minutes=30),
        heartbeat_every=timedelta(hours=1),
    )
    async with open_database(f"sqlite:///{tmp_path}/attache.db") as engine:
        await ensure_schema(engine)
        made = Bench(server, engine, Hand(), settings, tmp_path)
        made.feeds(server.url("/feed"))
        yield made
