"""How a poll can end, in the words that the database, the logs and the metrics share. Pure."""

from dataclasses import dataclass
from datetime import timedelta

FETCHED = "fetched"
NOT_MODIFIED = "not-modified"
NOT_A_FEED = "not-a-feed"
GONE = "gone"

SUCCESSES = frozenset({FETCHED, NOT_MODIFIED})
UNREACHABLE = frozenset({"dns", "connect", "tls", "timeout"})
"""No host answered: either it is down, or our own network is."""

WEIGHTS = {
    "dns": 0.5,
    "connect": 0.5,
    "tls": 1.0,
    "timeout": 0.5,
    "too-large": 1.0,
    "refused-address": 2.0,
    "bad-url": 2.0,
    "redirect": 1.0,
    "http-4xx": 1.0,
    GONE: 1.0,
    "rate-limited": 0.25,
    "http-5xx": 0.5,
    "challenge": 1.0,
    "protocol": 0.5,
    NOT_A_FEED: 1.0,
}
"""How much each kind of failure says that the next try will fail too: what mends itself weighs less."""

OUTCOMES = (FETCHED, NOT_MODIFIED, *WEIGHTS)


@dataclass(frozen=True)
class Failure:
    """A failed poll: `kind` is a key of WEIGHTS, `detail` is for people, `retry_after` the server's own wish."""

    kind: str
    detail: str
    status: int | None = None
    retry_after: timedelta | None = None

    @property
    def unreachable(self) -> bool:
        """Whether no host answered at all."""
        return self.kind in UNREACHABLE
