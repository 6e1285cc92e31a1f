"""What a response's status and headers say: failure or not, when to come back, how long it stays fresh. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from shared.http.answers import FailureKind

FORBIDDEN, GONE, TOO_MANY_REQUESTS = 403, 410, 429
SUCCESS = 2
MAX_VALIDATOR_CHARS = 2_000

LONGEST = timedelta(days=366)
"""Longer wishes are read as this: nobody means them, and arithmetic with them overflows."""

_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*"?([^",\s]*)"?)?', re.IGNORECASE)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the server asks to be left alone: seconds, or a date counted from its own Date (RFC 9110)."""
    written = headers.get("Retry-After", "").strip()
    if written.isascii() and written.isdecimal():
        return _seconds(written)
    moment = http_date(written)
    if moment is None:
        return None
    return min(max(moment - (http_date(headers.get("Date", "")) or now), timedelta(0)), LONGEST)


def fresh_for(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the answer stays fresh: max-age, else Expires, less the Age it had in a cache (RFC 9111, 4.2).

    None where the server does not say, or says that it must always be asked.
    """
    control = {name.lower(): value for name, value in _DIRECTIVE.findall(headers.get("Cache-Control", ""))}
    if "no-cache" in control or "no-store" in control:
        return None
    if control.get("max-age", "").isdecimal():
        lifetime = _seconds(control["max-age"])
    else:
        expires = http_date(headers.get("Expires", ""))
        if expires is None:
            return None
        lifetime = min(expires - (http_date(headers.get("Date", "")) or now), LONGEST)
    age = headers.get("Age", "").strip()
    fresh = lifetime - (_seconds(age) if age.isascii() and age.isdecimal() else timedelta(0))
    return fresh if fresh > timedelta(0) else None


def http_date(written: str) -> datetime | None:
    """Read an HTTP date in any of its three forms; a date without a zone is UTC. None for anything else."""
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def served_at(headers: Mapping[str, str]) -> datetime | None:
    """Return the sender's present moment: Date, plus the Age the answer had in a cache."""
    moment = http_date(headers.get("Date", ""))
    age = headers.get("Age", "").strip()
    return moment + _seconds(age) if moment and age.isascii() and age.isdecimal() else moment


def _seconds(digits: str) -> timedelta:
    return timedelta(seconds=min(int(digits[:12]), LONGEST.total_seconds()))


def status_failure(status: int, headers: Mapping[str, str]) -> FailureKind | None:
    """Return what kind of failure a status is, or None for a success. A bot wall's page is never a success."""
    if headers.get("cf-mitigated", "").lower() == "challenge" or "x-amzn-waf-action" in headers:
        return FailureKind.CHALLENGE
    if status == FORBIDDEN and "x-datadome" in headers:
        return FailureKind.CHALLENGE
    named = {GONE: FailureKind.GONE, TOO_MANY_REQUESTS: FailureKind.RATE_LIMITED}
    by_class = {3: FailureKind.REDIRECT, 4: FailureKind.HTTP_4XX, 5: FailureKind.HTTP_5XX}
    if status // 100 == SUCCESS:
        return None
    return named.get(status) or by_class.get(status // 100, FailureKind.PROTOCOL)


def validator(value: str | None) -> str | None:
    """Keep an ETag or Last-Modified exactly as sent, unless it could not be stored and sent back."""
    if not value or len(value) > MAX_VALIDATOR_CHARS:
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return value
