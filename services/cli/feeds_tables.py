"""How `attache feeds` lays feeds and their polls out for reading."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from services.fetcher.memory import Attempt, Feed
from shared.telemetry import printable

STATE_STYLE = {"healthy": "green", "failing": "yellow", "gone": "red", "new": "dim"}
NUMBERS = {
    "status": "http_status",
    "bytes": "bytes",
    "ms": "duration_ms",
    "new": "items_new",
    "edited": "items_updated",
    "known": "items_known",
}


def feeds_table(found: Sequence[Feed], now: datetime) -> Table:
    """Lay out feeds: how each does, when it is asked next, and why."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=True)
    table.add_column("state", no_wrap=True)
    table.add_column("feed", ratio=3, overflow="ellipsis", no_wrap=True)
    table.add_column("last success", no_wrap=True, justify="right")
    table.add_column("next poll, and why", ratio=4, overflow="fold")
    for feed in found:
        table.add_row(_state(feed), _named(feed), _ago(feed.last_success_at, now), _next(feed, now))
    return table


def _state(feed: Feed) -> Text:
    return Text(feed.state, STATE_STYLE[feed.state]) if feed.enabled else Text("disabled", "dim")


def _named(feed: Feed) -> Text:
    return Text.assemble(feed.name, "\n", (feed.url, "dim"))


def _next(feed: Feed, now: datetime) -> Text:
    told = Text()
    if feed.state in {"failing", "gone"}:
        told.append(f"{feed.last_outcome}: {_plain(feed.last_detail)}\n", STATE_STYLE[feed.state])
    if not feed.enabled:
        return told.append(feed.next_poll_reason)
    when = "now" if feed.next_poll_at <= now else f"in {_length(feed.next_poll_at - now)}"
    return told.append(f"{when}: {feed.next_poll_reason}")


def card(feed: Feed, now: datetime) -> Table:
    """Lay out what is known of one feed."""
    about = ", ".join(filter(None, (feed.kind, feed.country, feed.language, f"grade {feed.grade}", f"({feed.origin})")))
    told = Table.grid(padding=(0, 2))
    for label, value in (
        ("feed", Text(feed.name, "bold")),
        ("id", feed.id),
        ("url", Text(feed.url)),
        ("site", Text(feed.site or "-")),
        ("about", about),
        ("state", _state(feed)),
        ("polls", f"{feed.polls}, last success {_ago(feed.last_success_at, now)}"),
        ("next", _next(feed, now)),
        ("validators", Text(", ".join(filter(None, (feed.etag, feed.last_modified))) or "none")),
        ("item ids by", feed.identity_policy),
    ):
        told.add_row(Text(label, "dim"), value)
    return told


def history(attempts: Sequence[Attempt]) -> Table:
    """Lay out a feed's polls; a column of numbers that says nothing is left out."""
    told = {heading: name for heading, name in NUMBERS.items() if any(getattr(one, name) for one in attempts)}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=True)
    for heading in ("polled (UTC)", "outcome"):
        table.add_column(heading, no_wrap=True)
    for heading in told:
        table.add_column(heading, no_wrap=True, justify="right")
    table.add_column("detail", ratio=1, min_width=20, overflow="fold")
    for one in attempts:
        cells = [_number(heading, getattr(one, name)) for heading, name in told.items()]
        table.add_row(f"{one.at:%m-%d %H:%M:%S}", one.outcome, *cells, Text(_plain(one.detail)))
    return table


def _number(heading: str, number: int | None) -> str:
    if not number:
        return ""
    return str(number) if heading == "status" else f"{number:,}"


def _plain(text: str | None) -> str:
    return printable(text or "")


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_length(now - moment)} ago" if moment else "never"


def _length(length: timedelta) -> str:
    seconds = max(round(length.total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} s"
