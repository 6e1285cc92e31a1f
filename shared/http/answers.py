"""What the outbound HTTP client gives back: an answer or a failure, both plain values."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

PERMANENT = frozenset({301, 308})
TEMPORARY = frozenset({302, 303, 307})
MAX_DETAIL_CHARS = 500


class FailureKind(StrEnum):
    """Why a request failed, in words that logs, metrics and the database share."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    REFUSED_ADDRESS = "refused-address"
    BAD_URL = "bad-url"
    REDIRECT = "redirect"
    HTTP_4XX = "http-4xx"
    GONE = "gone"
    RATE_LIMITED = "rate-limited"
    HTTP_5XX = "http-5xx"
    CHALLENGE = "challenge"
    PROTOCOL = "protocol"


UNREACHABLE = frozenset({FailureKind.DNS, FailureKind.CONNECT, FailureKind.TLS, FailureKind.TIMEOUT})
"""Kinds that may as well be our own network's fault."""


@dataclass(frozen=True)
class Redirect:
    """One hop: the status that sent us on, and where to."""

    status: int
    url: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What every answer has. `url` is where it came from in the end; `fresh_for` as `shared.http_headers` reads it."""

    url: str
    status: int
    etag: str | None = None
    last_modified: str | None = None
    fresh_for: timedelta | None = None
    redirects: tuple[Redirect, ...] = ()

    @property
    def moved_to(self) -> str | None:
        """Where the resource lives now, if every hop on the way there was permanent (301, 308)."""
        if self.redirects and all(hop.status in PERMANENT for hop in self.redirects):
            return self.redirects[-1].url
        return None


@dataclass(frozen=True, kw_only=True)
class Fetched(Answer):
    """A 2xx answer: the body inflated, `received_bytes` as it came over the wire, validators exactly as sent."""

    body: bytes
    received_bytes: int
    content_type: str | None = None
    content_location: str | None = None
    content_language: str | None = None


@dataclass(frozen=True, kw_only=True)
class NotModified(Answer):
    """A 304 answer: validators and freshness may be new."""


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A 2xx answer to a POST, with the beginning of what it said."""

    status: int
    excerpt: str = ""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """No usable answer: `kind` for machines, `detail` for people, and the server's own wish when to come back."""

    kind: FailureKind
    detail: str
    status: int | None = None
    retry_after: timedelta | None = None
    redirects: tuple[Redirect, ...] = ()

    @property
    def reason(self) -> str:
        """Kind and detail in one line."""
        return f"{self.kind}: {self.detail}"


class Stopped(Exception):  # noqa: N818 - carries a failure up within the client, never out of it
    """A request that ends here; `failed` says why."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


def stop(kind: FailureKind, detail: str, status: int | None = None, retry_after: timedelta | None = None) -> Stopped:
    """Make the exception that ends a request with a failure."""
    return Stopped(Failed(kind=kind, detail=detail[:MAX_DETAIL_CHARS], status=status, retry_after=retry_after))
