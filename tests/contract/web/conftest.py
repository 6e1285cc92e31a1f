"""A real web service on a free port over a real SQLite database, and ways to put things into it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services.web.service import open_web
from shared.apikeys import RANDOM_BYTES, generate
from shared.asgi import listen
from shared.database.tables.fetcher import feed
from shared.database.tables.store import (
    alert,
    alert_matter,
    alert_party,
    article,
    claim,
    development,
    development_article,
)
from shared.database.tables.web import api_key
from shared.events import Alert, AlertEvidence, Claim, Decision, Evidence, Matter
from shared.metrics import Metrics
from shared.settings import Settings
from shared.telemetry import Health
from shared.vocabulary import Aim, AlertKind, Certainty, Place, Severity, Status, Topic

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT = (
    "Ministers of both countries met on Monday. They discussed resuming the Blue Heron exercise, said Gen. Ann Lee of "
    "the staff. Nothing was signed."
)
QUOTE = "discussed resuming the Blue Heron exercise"


@dataclass(frozen=True)
class Story:
    """What one article tells, with everything that follows from it; `of` is the story whose development it updates."""

    number: int
    at: datetime | None = None
    dyad: tuple[str, ...] = ("KHM", "USA")
    others: tuple[str, ...] = ()
    topic: Topic = Topic.JOINT_EXERCISE
    status: Status = Status.UNDER_DISCUSSION
    aim: Aim | None = Aim.RESUMED
    severity: Severity = Severity.P3
    kind: AlertKind = AlertKind.RAISED
    sequence: int = 0
    of: int | None = None
    line: str | None = None
    title: str = "Ministers weigh a return to drills"
    text: str = TEXT
    quote: str = QUOTE
    url: str | None = "https://news.example/drills"
    outlet: str = "Example Courier"
    language: str = "en"

    @property
    def article_id(self) -> str:
        return f"art_{self.number}"

    @property
    def place(self) -> dict[str, Any]:
        start = self.text.index(self.quote)
        return {"field": "text", "start": start, "end": start + len(self.quote), "quote": self.quote}

    def alert(self) -> Alert:
        evidence = AlertEvidence(
            article_id=self.article_id,
            outlet=self.outlet,
            url=self.url,
            title=self.title,
            topic=self.topic,
            status=self.status,
            aim=self.aim,
            parties=self.dyad,
            certainty=Certainty.CLAIMED,
            rule="blue-heron/talk",
            **self.place,
        )
        return Alert(
            id=f"alert_{self.number}",
            development_id=f"dev_{self.number if self.of is None else self.of}",
            kind=self.kind,
            sequence=self.sequence,
            severity=self.severity,
            dyad=self.dyad,
            parties=tuple(sorted((*self.dyad, *self.others))),
            matters=(Matter(topic=self.topic, status=self.status, aim=self.aim, parties=self.dyad),),
            line=self.line or f"{'-'.join(self.dyad)} · story {self.number}",
            changes=("new development",),
            evidence=(evidence,),
            languages=(self.language,),
            raised_at=self.at or NOW - timedelta(minutes=self.number),
            rules_version="7",
        )

    def claim(self) -> Claim:
        return Claim(
            id=f"claim_{self.number}",
            topic=self.topic,
            status=self.status,
            aim=self.aim,
            parties=self.dyad,
            place=Place.NEWS,
            certainty=Certainty.CLAIMED,
            evidence=(Evidence(**self.place),),
            score=0.75,
            rule="blue-heron/talk",
            reasons=("a verb of talk",),
        )

    def decision(self) -> Decision:
        return Decision(
            alert=True, score=2.5, dyad=self.dyad, severity=self.severity, reasons=("news of two ministries",)
        )


@dataclass
class Web:
    """The running service, a client of it, and its database."""

    engine: AsyncEngine
    client: aiohttp.ClientSession
    metrics: Metrics
    health: Health
    now: datetime = NOW
    made: int = 0

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        """GET JSON and check the status."""
        async with self.client.get(path, headers=headers) as response:
            body = await response.read()
            assert response.status == status, body[:500]
            return msgspec.json.decode(body)

    async def text(self, path: str, status: int = 200, **headers: str) -> str:
        """GET text and check the status."""
        async with self.client.get(path, headers=headers) as response:
            body = await response.text()
            assert response.status == status, body[:500]
            return body

    async def page(self, path: str, status: int = 200) -> str:
        """GET a page as a browser asks for it."""
        return await self.text(path, status, accept="text/html,application/xhtml+xml,*/*;q=0.8")

    async def add_alert(self, number: int = 1, **changes: Any) -> str:
        """Store an alert with its article, claim and development as the store does; return its id."""
        story = Story(number, **changes)
        body, shown = story.alert(), story.claim()
        async with self.engine.begin() as connection:
            if story.of in (None, number):
                await connection.execute(
                    insert(development).values(
                        id=body.development_id,
                        dyad="-".join(story.dyad),
                        opened_at=body.raised_at,
                        last_report_at=body.raised_at,
                        severity=story.severity,
                        state='{"names":["blue-heron"]}',
                        reports=1,
                        alerts=1,
                    )
                )
            await connection.execute(
                insert(article).values(
                    id=story.article_id,
                    revision=0,
                    feed_id="feed_1",
                    outlet=story.outlet,
                    outlet_country="SGP",
                    grade="B",
                    url=story.url,
                    title=story.title,
                    text=story.text,
                    language=story.language,
                    published=body.raised_at,
                    observed_at=body.raised_at,
                    stored_at=body.raised_at,
                    backfill=False,
                    alerting=True,
                    decision=msgspec.json.encode(story.decision()).decode(),
                    rules_version="7",
                    raw=b"{}",
                )
            )
            await connection.execute(
                insert(claim).values(
                    article_id=story.article_id,
                    id=shown.id,
                    topic=story.topic,
                    status=story.status,
                    aim=story.aim,
                    parties=" ".join(story.dyad),
                    place="news",
                    certainty="claimed",
                    score=shown.score,
                    rule=shown.rule,
                    evidence=msgspec.json.encode(shown.evidence).decode(),
                    body=msgspec.json.encode(shown).decode(),
                )
            )
            await connection.execute(
                insert(development_article).values(
                    development_id=body.development_id,
                    article_id=story.article_id,
                    joined_at=body.raised_at,
                    reason="shares Blue Heron",
                )
            )
            await connection.execute(
                insert(alert).values(
                    id=body.id,
                    development_id=body.development_id,
                    sequence=story.sequence,
                    kind=story.kind,
                    severity=story.severity,
                    dyad="-".join(story.dyad),
                    line=body.line,
                    raised_at=body.raised_at,
                    body=msgspec.json.encode(body).decode(),
                )
            )
            for party in body.parties:
                await connection.execute(insert(alert_party).values(alert_id=body.id, party=party))
            await connection.execute(
                insert(alert_matter).values(alert_id=body.id, topic=story.topic, status=story.status)
            )
        return body.id

    async def add_feed(
        self, number: int, *, state: str = "healthy", polled: bool = True, enabled: bool = True, **more: Any
    ) -> None:
        """Store a feed as the fetcher does."""
        row: dict[str, Any] = {
            "id": f"feed_{number}",
            "url": f"https://feeds.example/{number}",
            "host": "feeds.example",
            "name": f"Feed {number}",
            "kind": "media",
            "grade": "B",
            "origin": "starter",
            "enabled": enabled,
            "added_at": NOW,
            "identity_policy": "guid",
            "state": state,
            "failures": 1.0 if state == "failing" else 0.0,
            "next_poll_at": NOW + timedelta(minutes=2),
            "next_poll_reason": "its usual interval",
            "polls": int(polled),
            "last_polled_at": NOW - timedelta(minutes=3) if polled else None,
            "last_outcome": "unreachable" if state == "failing" else "ok",
        }
        async with self.engine.begin() as connection:
            await connection.execute(insert(feed).values(**(row | more)))

    async def add_key(self, *, revoked: bool = False) -> str:
        """Store an API key and return it as its owner holds it."""
        self.made += 1
        key = generate(bytes([self.made]) * RANDOM_BYTES)
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(api_key).values(
                    id=key.id,
                    name="test",
                    secret_sha256=key.digest,
                    created_at=NOW,
                    revoked_at=NOW if revoked else None,
                )
            )
        return key.text


@asynccontextmanager
async def serving(engine: AsyncEngine) -> AsyncIterator[Web]:
    """Serve the database on a free port for a while."""
    metrics, health, stop = Metrics(CollectorRegistry()), Health(), asyncio.Event()
    with listen("127.0.0.1", 0, setting="WEB_PORT") as sock:
        base = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with (
            open_web(Settings(), engine=engine, metrics=metrics, health=health, now=lambda: NOW, sock=sock) as run,
            aiohttp.ClientSession(base) as client,
        ):
            running = asyncio.create_task(run(stop))
            yield Web(engine, client, metrics, health)
            stop.set()
            await running


@pytest.fixture
async def web(engine) -> AsyncIterator[Web]:
    async with serving(engine) as running:
        yield running
