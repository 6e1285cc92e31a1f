"""Which of the feeds that are due may begin now: fair across hosts, within each host's patience. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.fetcher.politeness import Gate, host_of, may_ask, started

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    """A feed whose time has come; `polled` is whether it ever was."""

    feed_id: str
    url: str
    since: datetime
    polled: bool

    @property
    def host(self) -> str:
        """The host whose patience its poll costs."""
        return host_of(self.url)


@dataclass(frozen=True)
class Choice:
    """What to begin now, and when a host that must wait may be asked next (None: not a matter of time)."""

    begin: tuple[Due, ...]
    look_again: datetime | None


def choose(due: Sequence[Due], gates: Mapping[str, Gate], *, now: datetime, space: timedelta, room: int) -> Choice:
    """Choose up to `room` feeds: hosts take turns, the one asked longest ago first, each with its most overdue feed.

    So five hundred due feeds of one host delay another host by one place at most.
    """
    queues: dict[str, list[Due]] = {}
    for each in sorted(due, key=lambda d: d.since, reverse=True):
        queues.setdefault(each.host, []).append(each)
    standing = {host: gates.get(host, Gate()) for host in queues}
    turn = sorted(queues, key=lambda host: (standing[host].last_start or _NEVER, queues[host][-1].since))
    begin: list[Due] = []
    waits: list[datetime] = []
    while turn and len(begin) < room:
        again = []
        for host in turn:
            wait = may_ask(standing[host], now, space)
            if wait is not None:
                waits += [wait.until] if wait.until else []
            elif len(begin) < room:
                begin.append(queues[host].pop())
                standing[host] = started(standing[host], now)
                if queues[host]:
                    again.append(host)
        turn = again
    return Choice(tuple(begin), min(waits, default=None))
