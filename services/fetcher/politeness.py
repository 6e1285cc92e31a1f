"""May this host be asked now, and why not. Pure: gates are values, `now` comes in.

A host is the name in the URL without "www.". Few requests at a time, some space between their starts, and silence
after it said so (429, or 503 with Retry-After): then for all its feeds, since a host counts them together.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

CONCURRENT = 2
SPACING = timedelta(seconds=1)
SPACING_SHARE = 0.1
"""The space between two requests is at most this share of the shortest interval the operator allows per feed."""
CLOSE_DEFAULT = timedelta(minutes=15)
CLOSE_CEILING = timedelta(days=1)


@dataclass(frozen=True)
class Gate:
    """What is known of one host: requests under way, the last start, and until when it wants silence."""

    active: int = 0
    last_start: datetime | None = None
    closed_until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Wait:
    """Not now: `until` is when to look again, None when one of the host's own requests must end first."""

    until: datetime | None
    reason: str


def host_of(url: str) -> str:
    """Name the host whose patience a request to `url` costs."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        host = ""
    return host.removeprefix("www.")


def spacing(floor: timedelta) -> timedelta:
    """Return the space between two requests to one host, given the operator's shortest interval per feed."""
    return min(SPACING, floor * SPACING_SHARE)


def may_ask(gate: Gate, now: datetime, space: timedelta) -> Wait | None:
    """Return None if the host may be asked at `now`, else why not and until when."""
    if gate.closed_until is not None and now < gate.closed_until:
        return Wait(gate.closed_until, gate.reason)
    if gate.active >= CONCURRENT:
        return Wait(None, f"{gate.active} requests are under way")
    if gate.last_start is not None and gate.last_start <= now < gate.last_start + space:
        return Wait(gate.last_start + space, "the last request has just begun")
    return None


def started(gate: Gate, now: datetime) -> Gate:
    """Count a request that begins."""
    return replace(gate, active=gate.active + 1, last_start=now)


def heard(gate: Gate, other: Gate) -> Gate:
    """Take in what another fetcher knows of the host: its last request, and a silence asked for that is longer."""
    last_start = max(filter(None, (gate.last_start, other.last_start)), default=None)
    told = max((gate, other), key=lambda one: one.closed_until.timestamp() if one.closed_until else 0.0)
    return replace(gate, last_start=last_start, closed_until=told.closed_until, reason=told.reason)


def ended(gate: Gate) -> Gate:
    """Count a request that has ended."""
    return replace(gate, active=gate.active - 1)


def closed(gate: Gate, retry_after: timedelta | None, reason: str, now: datetime) -> Gate:
    """Close the gate for as long as the server asked, or a default; a longer silence already asked for stands."""
    until = now + min(retry_after if retry_after is not None else CLOSE_DEFAULT, CLOSE_CEILING)
    if gate.closed_until is not None and gate.closed_until >= until:
        return gate
    return replace(gate, closed_until=until, reason=reason)


def closes_host(kind: str, status: int | None, retry_after: timedelta | None) -> bool:
    """Tell whether a failure speaks for the whole host: 429, or 503 with Retry-After. A 404 or 502 is one feed's."""
    return kind == "rate-limited" or (status == 503 and retry_after is not None)  # noqa: PLR2004 - the status named
