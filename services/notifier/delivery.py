"""What follows from an attempt to deliver. Pure: the outcome, `now` and the random draw come in, a reason goes out.

Schedule and meaning of answers: Standard Webhooks 1.0. The same schedule serves e-mail, whose answers are RFC 5321.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events import Alert
from shared.identity import stable_id
from shared.subscriptions import Channel, Email, Subscription

SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""The wait before each attempt, counted from the one before: ten attempts over 75 hours."""
JITTER = 0.1
"""A wait is longer by up to this share, so that what failed together does not return together."""
RETRY_AFTER_CAP = timedelta(hours=24)
ATTEMPT_DEADLINE = timedelta(seconds=20)
"""Standard Webhooks: give a receiver 15 to 30 seconds."""

OK = range(200, 300)
GONE = 410
THROTTLING = frozenset({429, 502, 504})
SMTP_TRANSIENT = range(400, 500)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One alert for one receiver. `id` comes from both, so it is the same on every attempt and after every crash."""

    id: str
    alert: Alert
    subscription_id: str
    subscription_name: str
    channel: Channel
    matched: str
    attempts: int = 0
    created_at: datetime
    trace_id: str | None = None
    test: bool = False


@dataclass(frozen=True)
class Accepted:
    """The receiver took it."""

    reason: str


@dataclass(frozen=True)
class TryLater:
    """It did not work now. `retry_after` is the receiver's own wish, where it named one."""

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class Refused:
    """It will never work in this form."""

    reason: str


@dataclass(frozen=True)
class Gone:
    """The receiver wants nothing more from us."""

    reason: str


Outcome = Accepted | TryLater | Refused | Gone


@dataclass(frozen=True)
class Delivered:
    """Done."""

    reason: str


@dataclass(frozen=True)
class RetryAt:
    """Try again at `when`."""

    when: datetime
    reason: str


@dataclass(frozen=True)
class GaveUp:
    """Not delivered, and never will be."""

    reason: str


@dataclass(frozen=True)
class DisableEndpoint:
    """Not delivered, and nothing more goes to this subscription until its owner saves it again."""

    reason: str


Decision = Delivered | RetryAt | GaveUp | DisableEndpoint

LABELS: dict[type[Decision], str] = {
    Delivered: "delivered",
    RetryAt: "retry",
    GaveUp: "failed",
    DisableEndpoint: "disabled",
}
"""What metrics, logs and the database call each decision."""


def decide(outcome: Outcome, *, attempts: int, now: datetime, draw: float, answered_since: bool = True) -> Decision:
    """Decide what follows from the attempt that made them `attempts` in number (so at least 1).

    `draw` is from 0 to 1. `answered_since` tells whether the subscription's receiver took anything since this
    delivery was created: one that took nothing through the whole schedule is disabled, not only given up on.
    """
    match outcome:
        case Accepted(reason):
            return Delivered(reason)
        case Gone(reason):
            return DisableEndpoint(reason)
        case Refused(reason):
            return GaveUp(reason)
        case TryLater(reason, retry_after):
            if attempts < len(SCHEDULE):
                wait = SCHEDULE[attempts] * (1 + JITTER * draw)
                if retry_after is not None:
                    wait = max(wait, min(retry_after, RETRY_AFTER_CAP))
                return RetryAt(now + wait, reason)
            tried = f"{reason}; {attempts} attempts are all the schedule has"
            return GaveUp(tried) if answered_since else DisableEndpoint(f"{tried}, and nothing else got through")


def channel_now(delivery: Delivery, subscription: Subscription | None) -> Channel | None:
    """Say where a delivery goes by what its subscription says now; None if that is gone, off, or names it no more."""
    if subscription is None or not subscription.enabled:
        return None
    now = subscription.channel
    if isinstance(delivery.channel, Email) and isinstance(now, Email):
        return delivery.channel if set(delivery.channel.to) <= set(now.to) else None
    return now


def of_http(status: int, retry_after: timedelta | None = None) -> Outcome:
    """Read an HTTP status as Standard Webhooks does: only 2xx is success, a redirect is a failure, 410 means stop."""
    if status in OK:
        return Accepted(f"http-{status}")
    if status == GONE:
        return Gone(f"http-{status}")
    word = "throttled" if status in THROTTLING else "http"
    return TryLater(f"{word}-{status}", retry_after)


def of_smtp(code: int) -> Outcome:
    """Read an SMTP reply that is not success (RFC 5321 4.2.1): 4yz may work later (greylisting), 5yz never."""
    return TryLater(f"smtp-{code}") if code in SMTP_TRANSIENT else Refused(f"smtp-{code}")


def deliveries_of(
    alert: Alert,
    subscription: Subscription,
    *,
    matched: str,
    now: datetime,
    trace_id: str | None,
    test: bool = False,
) -> Iterator[Delivery]:
    """Yield one delivery for each receiver: every address of an e-mail apart, since each accepts or refuses alone."""
    channels: list[tuple[tuple[str, ...], Channel]] = [((), subscription.channel)]
    if isinstance(subscription.channel, Email):
        channels = [((address,), Email(to=(address,))) for address in subscription.channel.to]
    for receiver, channel in channels:
        yield Delivery(
            id=stable_id("dlv", alert.id, subscription.id, *receiver),
            alert=alert,
            subscription_id=subscription.id,
            subscription_name=subscription.name,
            channel=channel,
            matched=matched,
            created_at=now,
            trace_id=trace_id,
            test=test,
        )
