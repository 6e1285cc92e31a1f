"""The words the pages use for the codes, and how they tell times. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.web.queries.feeds import Progress
from shared.vocabulary import Certainty, Severity, Status

STATUS_LOOKS: dict[Status, str] = {
    Status.PROPOSED: "talk",
    Status.UNDER_DISCUSSION: "talk",
    Status.AGREED_SIGNED: "done",
    Status.BEGUN: "done",
    Status.CONCLUDED: "done",
    Status.RESUMED: "done",
    Status.EXPANDED: "done",
    Status.SUSPENDED: "stopped",
    Status.CANCELLED_ENDED: "stopped",
    Status.DENIED: "against",
    Status.CRITICISED: "against",
    Status.STANDING: "standing",
}
"""How a status is drawn: icon, border and colour; the word is always there too."""
SEVERITY_WORDS: dict[Severity, str] = {
    Severity.P1: "change in footprint or instruments",
    Severity.P2: "change in practice or materiel",
    Severity.P3: "talk and denials",
    Severity.P4: "everything else",
}
CERTAINTY_WORDS: dict[Certainty, str] = {
    Certainty.CONFIRMED: "confirmed by both sides or officials",
    Certainty.CLAIMED: "claimed by one side",
    Certainty.REPORTED: "reported by the media",
    Certainty.INFERRED: "the writer's own reading",
    Certainty.RUMOURED: "rumoured",
}
FEED_STATE_WORDS: Mapping[str, str] = {
    "new": "not polled yet",
    "healthy": "healthy",
    "failing": "failing",
    "gone": "gone",
}
FEED_STATE_LOOKS: Mapping[str, str] = {"new": "standing", "healthy": "done", "failing": "stopped", "gone": "stopped"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def absolute(moment: datetime) -> str:
    """Write a moment for people: 4 Jun 2024, 09:10 UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def ago(moment: datetime, now: datetime) -> str:
    """Write how long ago a moment is: just now, 5 min ago, 3 h ago, 2 days ago; further back, its date."""
    age = now - moment
    if age < MINUTE:
        return "just now"
    if age < HOUR:
        return f"{age // MINUTE} min ago"
    if age < DAY:
        return f"{age // HOUR} h ago"
    days = age // DAY
    if days < 14:  # noqa: PLR2004 - from here on people count in dates
        return plural(days, "day") + " ago"
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y}"


def until(moment: datetime | None, now: datetime) -> str:
    """Write when something is due: now, in 40 s, in 2 min, in 3 h."""
    if moment is None:
        return "never"
    left = moment - now
    if left <= timedelta(0):
        return "now"
    if left < MINUTE:
        return f"in {max(1, left // timedelta(seconds=1))} s"
    if left < 2 * HOUR:
        return f"in {round(left / MINUTE)} min"
    if left < 2 * DAY:
        return f"in {round(left / HOUR)} h"
    return f"in {round(left / DAY)} days"


def plural(number: int, noun: str) -> str:
    """Write a number of things: 1 report, 2 reports, 1,234 reports."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def what_is_happening(progress: Progress, now: datetime) -> str:
    """Say in one or two sentences how far reading has come while there is no alert."""
    if progress.feeds == 0:
        return "No feed is switched on, so nothing is read. Add one with “attache feeds add URL”."
    due = f"Next poll {until(progress.next_poll_at, now)}."
    if progress.polled == 0:
        return f"None of {plural(progress.feeds, 'feed')} has been polled yet. {due}"
    polled = f"Polled {progress.polled:,} of {plural(progress.feeds, 'feed')}"
    if progress.unreachable >= progress.polled and progress.articles == 0:
        return f"{polled}; none of them could be read. {due}"
    reached = f"{progress.unreachable:,} unreachable" if progress.unreachable else "all reachable"
    verb = "tells" if progress.articles == 1 else "none tells"
    articles = (
        "no article read yet"
        if progress.articles == 0
        else f"1 article read, and it {verb} no change"
        if progress.articles == 1
        else f"{plural(progress.articles, 'article')} read, {verb} a change yet"
    )
    return f"{polled}, {reached}; {articles}. {due}"
