"""Is it them or us? When most hosts fail to answer at the same time, it is our own network. Pure.

Then no feed is blamed, one line is logged instead of one per feed, and only single feeds are tried until one answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=10)
MIN_HOSTS = 5
SHARE = 0.8
PROBE_FIRST = timedelta(seconds=20)
PROBE_CEILING = timedelta(minutes=5)


@dataclass(frozen=True)
class Seen:
    """The last thing a host did: when, and whether it answered at all (any status counts as an answer)."""

    at: datetime
    answered: bool


@dataclass(frozen=True)
class Breaker:
    """What hosts did lately; `open_since` is set while our network is the suspect, `probes` counts tries since."""

    hosts: Mapping[str, Seen] = field(default_factory=dict)
    open_since: datetime | None = None
    probes: int = 0
    next_probe: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether our own network is the suspect."""
        return self.open_since is not None

    @property
    def silent(self) -> int:
        """How many of the hosts asked lately did not answer."""
        return sum(not seen.answered for seen in self.hosts.values())


def observe(breaker: Breaker, host: str, *, answered: bool, now: datetime) -> Breaker:
    """Take in what a host did: opens when most of at least MIN_HOSTS were silent.

    Closes as soon as one of the silent answers, or when most hosts no longer are silent. A host that answered all
    along (a feed in our own network) proves nothing.
    """
    since = breaker.open_since or now
    hosts = {name: seen for name, seen in breaker.hosts.items() if seen.at >= min(since, now) - WINDOW}
    was_silent = host in hosts and not hosts[host].answered
    hosts[host] = Seen(now, answered)
    observed = replace(breaker, hosts=hosts)
    mostly_silent = observed.silent >= SHARE * len(hosts)
    if breaker.is_open:
        back = answered and (was_silent or not mostly_silent)
        return Breaker({name: seen for name, seen in hosts.items() if seen.answered}) if back else observed
    if len(hosts) >= MIN_HOSTS and mostly_silent:
        return replace(observed, open_since=now, next_probe=now + PROBE_FIRST)
    return observed


def probed(breaker: Breaker, now: datetime) -> Breaker:
    """Count a probe that begins, and say when the next may: ever later, up to PROBE_CEILING."""
    wait = min(PROBE_FIRST * float(2 ** min(breaker.probes, 8)), PROBE_CEILING)
    return replace(breaker, probes=breaker.probes + 1, next_probe=now + wait)
