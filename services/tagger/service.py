"""The tagger: consumes articles, appends each with its claims and decision."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import structlog

from services.tagger.decide import Tagger, Tagging, load_tagger, tag
from services.tagger.genre import genre_of
from shared.clock import Clock, utc_now
from shared.consume import Batch, Stage, consume
from shared.eventlog import EventLog, Message
from shared.events import Article, Event, TaggedArticle, encode
from shared.failpoints import passing
from shared.identity import stable_id
from shared.metrics import Metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ARTICLES, TAGGED_ARTICLES

log = structlog.get_logger()

NAME = "tagger"
SOURCE = "/attache/tagger"
DECISIONS = ("alert", "no-alert", "no-claims")


@asynccontextmanager
async def open_tagger(
    settings: Settings,
    *,
    eventlog: EventLog,
    metrics: Metrics,
    health: Health,
    now: Clock = utc_now,
) -> AsyncIterator[Service]:
    """Open the tagger; yields its run function, which tags articles until stopped.

    Raises RulesError or GazetteerError, with file and line, before anything is consumed.
    """
    del settings
    tagger = await asyncio.to_thread(load_tagger)  # takes seconds, in which the ops port must answer
    service = _Service(tagger, eventlog, metrics, health, now)
    for decision in DECISIONS:
        metrics.tagged.labels(decision)
    yield service.run


@dataclass(frozen=True)
class _Service:
    tagger: Tagger
    eventlog: EventLog
    metrics: Metrics
    health: Health
    now: Clock

    async def run(self, stop: asyncio.Event) -> None:
        stage = Stage(
            name=NAME,
            topic=ARTICLES,
            group=NAME,
            expects=(Article,),
            handle=self.tag_all,
            heartbeat_to=TAGGED_ARTICLES,
        )
        await consume(self.eventlog, stage, stop=stop, metrics=self.metrics, now=self.now, health=self.health)

    async def tag_all(self, batch: Batch) -> None:
        """Tag a batch and append it in order; in a thread, so that the loop stays free."""
        messages = await asyncio.to_thread(lambda: [self._tag(event) for event in batch])
        await self.eventlog.append(TAGGED_ARTICLES.name, messages)
        passing("tagger.appended")
        for event in batch:
            age = (self.now() - event.data.observed_at).total_seconds()
            self.metrics.event_age.labels(NAME).observe(max(age, 0.0))

    def _tag(self, event: Event[Article]) -> Message:
        article = event.data
        started = time.perf_counter()
        tagging = tag(
            article.title,
            article.text,
            published=article.published.date() if article.published else None,
            tagger=self.tagger,
            language=article.language or article.source.language,
            genre=genre_of(article.title, article.url, article.categories),
            article_id=article.id,
        )
        self.metrics.tag_duration.observe(time.perf_counter() - started)
        self.metrics.tagged.labels(_outcome(tagging)).inc()
        log.debug(
            "tagged",
            article=article.id,
            alert=tagging.decision.alert,
            claims=len(tagging.claims),
            reason="; ".join(tagging.decision.reasons),
            trace_id=event.trace_id,
        )
        key = "-".join(tagging.decision.dyad) or article.id
        return encode(_tagged(event, tagging, self.tagger.version), key=key)


def _outcome(tagging: Tagging) -> str:
    if tagging.decision.alert:
        return "alert"
    return "no-alert" if tagging.claims else "no-claims"


def _tagged(event: Event[Article], tagging: Tagging, version: str) -> Event[TaggedArticle]:
    """Wrap the article's bytes, fields unknown here included, with what was found in it."""
    article = event.data
    raw = event.raw or encode(event, key=article.id).value
    return Event(
        id=stable_id("tag", article.id, str(article.revision), version),
        source=SOURCE,
        subject=article.id,
        time=event.time,
        data=TaggedArticle(
            article=msgspec.Raw(raw), claims=tagging.claims, decision=tagging.decision, rules_version=version
        ),
        traceparent=event.traceparent,
    )
