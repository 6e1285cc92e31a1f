"""When to ask a feed again, and why. Pure: the outcome, `now` and the random draw come in, a reason goes out.

The interval follows what polls find: shorter when items were new, longer when none were, halved when so few were
already known that some may have been missed. Left alone it settles at about half the mean gap between items. The
publisher's hints may stretch it up to HINT_CEILING: a day's max-age must not make a ministry's news a day late. The
operator's floor and ceiling bind everything except a server that said when to come back.

A failing feed is asked ever more rarely, never not at all; one that is gone (410) is tried again monthly.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.fetcher.outcomes import GONE, WEIGHTS, Failure

FIRST_INTERVAL = timedelta(minutes=15)
ADAPTIVE_CEILING = timedelta(hours=2)
HINT_CEILING = timedelta(hours=4)
FAILURE_CEILING = timedelta(hours=6)
RETRY_AFTER_CEILING = timedelta(days=1)
GONE_REPROBE = timedelta(days=30)
AUDIT_EVERY = timedelta(days=8)
"""Servers exist whose validators never change (YouTube's once did): so often we ask without them."""
SHORTER, LONGER, MISSED = 0.75, 1.25, 0.5
ENOUGH_KNOWN = 1 / 3
"""Below this share of known items on a page, some may have scrolled off it unseen."""
JITTER = 0.1
MAX_DOUBLINGS = 16
HOURS, DAYS = 24, 7


@dataclass(frozen=True)
class Bounds:
    """The operator's limits on the interval between two polls of one feed."""

    floor: timedelta
    ceiling: timedelta

    def clamp(self, length: timedelta) -> timedelta:
        """Return the length, brought within the limits."""
        return min(max(length, self.floor), self.ceiling)


@dataclass(frozen=True)
class Counts:
    """What a poll found: items never seen, changed, and known before."""

    new: int = 0
    updated: int = 0
    known: int = 0


@dataclass(frozen=True)
class Wishes:
    """The publisher's hints: freshness of the answer, RSS ttl or sy:update*, hours (UTC) and weekdays to skip."""

    fresh_for: timedelta | None = None
    ttl: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Next:
    """The next poll: when, why, the interval the schedule has settled on, and the weighted failures so far."""

    at: datetime
    reason: str
    interval: timedelta
    failures: float


def after_success(
    counts: Counts,
    wishes: Wishes,
    *,
    interval: timedelta | None,
    first: bool,
    bounds: Bounds,
    now: datetime,
    draw: float,
) -> Next:
    """Plan the poll after one that succeeded (304 included, as a poll that found nothing new)."""
    settled, why = _adapt(counts, interval, first=first, bounds=bounds)
    hinted = max((wish for wish in (wishes.fresh_for, wishes.ttl) if wish), default=timedelta(0))
    wait = settled
    if hinted > wait:
        wait = min(hinted, max(HINT_CEILING, settled))
        why = "the publisher's freshness hint"
        if wait < hinted:
            why += f", limited to {_words(wait)}"
    wait = bounds.clamp(wait)
    at = now + _jittered(wait, draw)
    allowed = _outside_skips(at, wishes)
    if allowed != at and allowed <= now + max(bounds.ceiling, wait):
        return Next(allowed, "the publisher's hours or days to skip", settled, 0.0)
    return Next(at, f"{why}; every {_words(wait)}", settled, 0.0)


def after_failure(
    failure: Failure,
    *,
    interval: timedelta | None,
    failures: float,
    frozen: bool,
    bounds: Bounds,
    now: datetime,
    draw: float,
) -> Next:
    """Plan the poll after one that failed. `frozen`: our own network is the suspect, so the feed is not blamed."""
    settled = bounds.clamp(interval or FIRST_INTERVAL)
    if failure.kind == GONE:
        return Next(now + _jittered(GONE_REPROBE, draw), "gone (410); tried again monthly", settled, failures + 1)
    counted = failures if frozen else failures + WEIGHTS[failure.kind]
    step = bounds.floor * float(2 ** min(counted, MAX_DOUBLINGS))
    wait = bounds.clamp(min(max(step, bounds.floor), FAILURE_CEILING))
    why = f"{failure.kind}; backing off {_words(wait)}"
    if frozen:
        why = f"{failure.kind}, as on most hosts: our network is the suspect; again in {_words(wait)}"
    at = now + max(bounds.floor, wait * (0.5 + 0.5 * draw))
    if failure.retry_after is not None:
        asked = min(failure.retry_after, RETRY_AFTER_CEILING)
        if now + asked > at:
            at, why = now + _jittered(asked, draw), f"{failure.kind}; the server asked for {_words(asked)}"
    return Next(at, why, settled, counted)


def audit_due(last_full_at: datetime | None, now: datetime) -> bool:
    """Tell whether the next fetch must be unconditional, in case the server's validators lie."""
    return last_full_at is None or now - last_full_at >= AUDIT_EVERY


def _adapt(counts: Counts, interval: timedelta | None, *, first: bool, bounds: Bounds) -> tuple[timedelta, str]:
    current = interval or FIRST_INTERVAL
    shown = counts.new + counts.updated + counts.known
    if first:
        factor, why = 1.0, "first poll"
    elif counts.new and counts.new > (1 - ENOUGH_KNOWN) * shown:
        factor, why = MISSED, "nearly all items were new, so some may have been missed"
    elif counts.new or counts.updated:
        factor, why = SHORTER, "there was news"
    else:
        factor, why = LONGER, "nothing new"
    ceiling = max(min(ADAPTIVE_CEILING, bounds.ceiling), bounds.floor)
    return min(max(current * factor, bounds.floor), ceiling), why


def _outside_skips(at: datetime, wishes: Wishes) -> datetime:
    """Move a moment to the next full hour that is not to be skipped; as it is if every hour is."""
    moved = at
    for _ in range(HOURS * DAYS + 1):
        if moved.hour not in wishes.skip_hours and moved.weekday() not in wishes.skip_days:
            return moved
        moved = moved.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return at


def _jittered(wait: timedelta, draw: float) -> timedelta:
    """Return the wait, up to JITTER longer, so that feeds polled together drift apart."""
    return wait * (1 + JITTER * draw)


def _words(length: timedelta) -> str:
    seconds = round(length.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{length.total_seconds():.3g} s"
