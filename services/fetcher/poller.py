"""One poll from end to end: ask, read, append, remember, tell. It also keeps what is known of hosts meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from services.fetcher import breaker as breakers
from services.fetcher import polling
from services.fetcher.breaker import Breaker
from services.fetcher.conclusion import conclude
from services.fetcher.dispatch import Due
from services.fetcher.hosts import Hosts, Leases
from services.fetcher.memory import Feed, Poll
from services.fetcher.novelty import News, sort_out
from services.fetcher.outcomes import OUTCOMES, SUCCESSES, Failure
from services.fetcher.parsing import ParserPool
from services.fetcher.politeness import Gate, host_of
from services.fetcher.results import Read, Result
from services.fetcher.schedule import Bounds
from services.fetcher.state import FeedState
from shared.clock import Clock
from shared.eventlog import EventLog
from shared.failpoints import passing
from shared.http import HttpClient
from shared.metrics import Metrics
from shared.topics import ARTICLES

log = structlog.get_logger()

NAME = "fetcher"
MESSAGES_AT_ONCE = 200
ITEM_OUTCOMES = ("new", "updated", "known", "backfill", "dropped")


@dataclass
class Summary:
    """What a round of polls came to: polls by outcome, and items by what was done with them."""

    outcomes: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)


class Poller:
    """Polls one feed at a time for whoever asks; `gates` and `breaker` are what it learns about hosts.

    `leases` says which hosts this process has: the end of the last poll that needs a host is the end of its lease.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, each by name
        self,
        *,
        state: FeedState,
        hosts: Hosts,
        http: HttpClient,
        parser: ParserPool,
        eventlog: EventLog,
        metrics: Metrics,
        bounds: Bounds,
        now: Clock,
        draw: Callable[[], float],
        token: Callable[[int], str],
    ) -> None:
        self._state = state
        self._hosts = hosts
        self._http = http
        self._parser = parser
        self._eventlog = eventlog
        self._metrics = metrics
        self._bounds = bounds
        self._now = now
        self._draw = draw
        self._token = token
        self.breaker = Breaker()
        self.gates: dict[str, Gate] = {}
        self.leases = Leases()
        for outcome in OUTCOMES:
            metrics.polls.labels(outcome)

    async def poll(self, due: Due, summary: Summary | None = None) -> None:
        """Poll a feed and remember it, unless this poll is out of date: the feed disabled, moved, or polled meanwhile.

        Raises Unavailable; then nothing is remembered.
        """
        feed = await self._state.feed(due.feed_id)
        if feed is None or not feed.enabled or feed.next_poll_at != due.since or feed.host != due.host:
            if (until := self.leases.done(due.host, due.feed_id)) is not None:
                await self._hosts.release(due.host, until)
            return
        clock = asyncio.get_running_loop().time
        began, now = clock(), self._now()
        result = await polling.ask(feed, self._http, self._parser, now)
        passing("fetcher.fetched")
        self._watch(feed, result)
        news = await self._send(feed, result, now) if isinstance(result, Read) else News(())
        took = timedelta(seconds=clock() - began)
        poll = conclude(
            feed,
            result,
            news,
            gate=self.gates.get(host_of(feed.url), Gate()),
            frozen=self.breaker.is_open,
            bounds=self._bounds,
            now=now,
            took=took,
            draw=self._draw(),
        )
        if not await self._state.remember(poll, lease_until=self.leases.done(due.host, due.feed_id)):
            log.warning("superseded", feed=feed.name, reason="another fetcher polled it meanwhile: the lease was lost")
        passing("fetcher.remembered")
        if poll.gate is not None:
            held = self.gates.get(poll.host, Gate())
            self.gates[poll.host] = replace(held, closed_until=poll.gate.closed_until, reason=poll.gate.reason)
        self._tell(feed, poll, news)
        self._count(poll, result, news, took, summary)

    async def _send(self, feed: Feed, result: Read, now: datetime) -> News:
        """Put what is new on the log; only after that may it be remembered."""
        found = result.harvest.found
        ids = list(dict.fromkeys(i for item in found for i in (item.article.id, *item.aliases)))
        memory = await self._state.memory(feed.id, ids)
        news = sort_out(found, memory, last_success_at=feed.last_success_at, now=now)
        messages = polling.messages_of(news.articles, feed, now=now, token=self._token)
        for start in range(0, len(messages), MESSAGES_AT_ONCE):
            await self._eventlog.append(ARTICLES.name, messages[start : start + MESSAGES_AT_ONCE])
            passing("fetcher.appended")
        for article, message in zip(news.articles, messages, strict=True):
            log.debug(
                "sent",
                article=article.id,
                revision=article.revision,
                feed=feed.name,
                trace_id=dict(message.headers)["traceparent"].decode().split("-")[1],
            )
        if polling.validators_lied(feed, result, news):
            log.warning("validators-lie", feed=feed.name, url=feed.url, hidden=len(news.articles))
        return news

    def _watch(self, feed: Feed, result: Result) -> None:
        """Tell the breaker what the host did, and log the two moments that matter."""
        before, now = self.breaker, self._now()
        silent = isinstance(result, Failure) and result.unreachable
        self.breaker = breakers.observe(before, host_of(feed.url), answered=not silent, now=now)
        if self.breaker.is_open and not before.is_open:
            log.warning(
                "network-down",
                silent_hosts=self.breaker.silent,
                of=len(self.breaker.hosts),
                last=result.detail if isinstance(result, Failure) else "",
                then="feeds are not blamed; single ones are tried until one answers",
            )
        elif before.open_since is not None and not self.breaker.is_open:
            log.info("network-back", after_seconds=round((now - before.open_since).total_seconds()))

    def _tell(self, feed: Feed, poll: Poll, news: News) -> None:
        """Write a line when something happened: news, another kind of failure, a recovery; else one for debugging."""
        outcome = poll.attempt.outcome
        failed = outcome not in SUCCESSES
        tell: Callable[..., Any] = log.debug
        if failed and outcome != feed.last_outcome and not self.breaker.is_open:
            tell = log.warning
        elif not failed and (news.articles or feed.last_outcome not in {None, *SUCCESSES}):
            tell = log.info
        counts = {name: count for name in ITEM_OUTCOMES if name != "known" and (count := getattr(news, name))}
        tell(
            "poll",
            outcome=outcome,
            feed=feed.name,
            **counts,
            **({"detail": poll.attempt.detail} if failed else {}),
            next=poll.values["next_poll_at"].isoformat(timespec="seconds"),
            why=poll.values["next_poll_reason"],
        )

    def _count(self, poll: Poll, result: Result, news: News, took: timedelta, summary: Summary | None) -> None:
        outcome = poll.attempt.outcome
        items = {name: getattr(news, name) for name in ITEM_OUTCOMES}
        if isinstance(result, Read):
            self._metrics.poll_bytes.inc(len(result.answer.body))
            items["dropped"] += sum(result.harvest.dropped.values())
        self._metrics.polls.labels(outcome).inc()
        self._metrics.poll_duration.observe(took.total_seconds())
        for name, count in items.items():
            self._metrics.items.labels(name).inc(count)
        if news.articles:
            self._metrics.stage_events.labels(NAME, "handled").inc(len(news.articles))
            self._metrics.stage_last_event.labels(NAME).set(self._now().timestamp())
        if summary is not None:
            summary.outcomes[outcome] += 1
            summary.items.update(items)
