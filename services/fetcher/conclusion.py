"""What follows from a poll: the feed's new memory, its next poll and why, and whether its host is left alone. Pure."""

from datetime import datetime, timedelta
from typing import Any

from services.fetcher import politeness
from services.fetcher.memory import FAILING, GONE, HEALTHY, Attempt, Feed, Poll
from services.fetcher.novelty import News
from services.fetcher.outcomes import FETCHED, NOT_MODIFIED, Failure
from services.fetcher.outcomes import GONE as GONE_OUTCOME
from services.fetcher.politeness import Gate, closes_host, host_of
from services.fetcher.results import Read, Result, Unchanged
from services.fetcher.schedule import Bounds, Counts, Next, after_failure, after_success

MAX_DETAIL_CHARS = 1_000


def conclude(  # noqa: PLR0913 - all that a decision about a poll depends on, by name
    feed: Feed,
    result: Result,
    news: News,
    *,
    gate: Gate,
    frozen: bool,
    bounds: Bounds,
    now: datetime,
    took: timedelta,
    draw: float,
) -> Poll:
    """Draw the conclusions of a poll that began at `now`. `frozen`: our own network is the suspect."""
    if isinstance(result, Failure):
        plan = after_failure(
            result, interval=feed.interval, failures=feed.failures, frozen=frozen, bounds=bounds, now=now, draw=draw
        )
        state = GONE if result.kind == GONE_OUTCOME else FAILING
        outcome, detail, status, size = result.kind, result.detail, result.status, 0
        learnt: dict[str, Any] = {"state": state}
    else:
        counts = Counts(news.new + news.backfill, news.updated, news.known)
        first = feed.last_success_at is None
        plan = after_success(
            counts, result.wishes, interval=feed.interval, first=first, bounds=bounds, now=now, draw=draw
        )
        outcome = FETCHED if isinstance(result, Read) else NOT_MODIFIED
        detail, status = result.about, result.answer.status
        size = result.answer.received_bytes if isinstance(result, Read) else 0
        learnt = {"state": HEALTHY, "last_success_at": now, **_learnt(feed, result, now)}
    attempt = Attempt(
        at=now,
        outcome=outcome,
        detail=detail[:MAX_DETAIL_CHARS],
        http_status=status,
        bytes=size,
        duration_ms=round(took.total_seconds() * 1000),
        items_new=news.new + news.backfill,
        items_updated=news.updated,
        items_known=news.known,
    )
    return Poll(
        feed_id=feed.id,
        polls_before=feed.polls,
        attempt=attempt,
        values={**learnt, **_planned(feed, plan, attempt)},
        sightings=news.sightings,
        host=host_of(feed.url),
        gate=_gate(gate, result, now),
    )


def _learnt(feed: Feed, result: Read | Unchanged, now: datetime) -> dict[str, Any]:
    """Keep validators on 304 unless it brings new ones; after a 200 take what it had, also nothing."""
    answer = result.answer
    if isinstance(result, Unchanged):
        return {"etag": answer.etag or feed.etag, "last_modified": answer.last_modified or feed.last_modified}
    unconditional = result.audit or not (feed.etag or feed.last_modified)
    return {
        "etag": answer.etag,
        "last_modified": answer.last_modified,
        "identity_policy": result.harvest.policy,
        "last_full_at": now if unconditional else feed.last_full_at,
    }


def _planned(feed: Feed, plan: Next, attempt: Attempt) -> dict[str, Any]:
    return {
        "failures": plan.failures,
        "interval_s": max(1, round(plan.interval.total_seconds())),
        "next_poll_at": plan.at,
        "next_poll_reason": plan.reason,
        "polls": feed.polls + 1,
        "last_polled_at": attempt.at,
        "last_outcome": attempt.outcome,
        "last_detail": attempt.detail,
    }


def _gate(gate: Gate, result: Result, now: datetime) -> Gate | None:
    if isinstance(result, Failure) and closes_host(result.kind, result.status, result.retry_after):
        return politeness.closed(gate, result.retry_after, f"{result.kind}: {result.detail}", now)
    return None
