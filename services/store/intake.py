"""A batch of tagged articles against what is already stored: what to write, and what to tell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.store.alerts import alerted, compose
from services.store.developments import (
    Nothing,
    Raise,
    absorb,
    change,
    open_development,
)
from services.store.instruments import Kinds
from services.store.joining import Ignored, Joined, Opened, join, pairs, related
from services.store.reports import Report, read_report
from services.store.state import Development
from shared.events import Alert, Article, TaggedArticle


class Outcome(StrEnum):
    """What became of an article: the metric's label."""

    NEW = "new"
    REVISED = "revised"
    REPEAT = "repeat"


@dataclass(frozen=True)
class Arrival:
    """A tagged article as it came, with the trace it belongs to."""

    article: Article
    tagged: TaggedArticle
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The trace's 32 hex digits."""
        return self.traceparent.split("-")[1] if self.traceparent else None


@dataclass(frozen=True)
class Known:
    """What is stored about a batch: revisions and developments of its articles, developments they might join."""

    revisions: Mapping[str, int] = field(default_factory=dict)
    memberships: Mapping[str, str] = field(default_factory=dict)
    developments: Mapping[str, Development] = field(default_factory=dict)


@dataclass(frozen=True)
class Membership:
    """An article joined a development, and why."""

    development_id: str
    article_id: str
    reason: str


@dataclass(frozen=True)
class Sent:
    """An alert to be sent, and the arrival that caused it."""

    alert: Alert
    arrival: Arrival


@dataclass(frozen=True)
class Verdict:
    """What became of one article, and in the decisions' words why it was or was not told."""

    article_id: str
    outcome: Outcome
    reason: str


@dataclass
class Intake:
    """What a batch comes to: rows by key, so that of several revisions in one batch only the last is written."""

    articles: dict[str, Arrival] = field(default_factory=dict)
    developments: dict[str, Development] = field(default_factory=dict)
    memberships: dict[str, Membership] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def take_in(arrivals: Iterable[Arrival], known: Known, kinds: Kinds, *, now: datetime) -> Intake:
    """Judge arrivals in order, each against what is stored and what came before it in the batch.

    A revision not above the stored one is a repeat and changes nothing. A revised article stays in its development
    unless its dyad no longer fits.
    """
    intake = Intake()
    revisions = dict(known.revisions)
    memberships = dict(known.memberships)
    developments = dict(known.developments)
    of_pair: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for development in developments.values():
        _index(of_pair, development)
    for arrival in arrivals:
        article = arrival.article
        stored = revisions.get(article.id)
        if stored is not None and stored >= article.revision:
            intake.verdicts.append(Verdict(article.id, Outcome.REPEAT, f"revision {stored} is stored"))
            continue
        revisions[article.id] = article.revision
        intake.articles[article.id] = arrival
        report = read_report(article, arrival.tagged, kinds)
        outcome = Outcome.NEW if stored is None else Outcome.REVISED
        own = developments.get(memberships.get(article.id, ""))
        if own is not None and related(report.dyad, own):
            found: Joined | Opened | Ignored = Joined(own.id, "revision")
        else:
            kin = set().union(*(of_pair.get(pair, ()) for pair in pairs(report.dyad)))
            found = join(report, [developments[one] for one in kin])
        if isinstance(found, Ignored):
            intake.verdicts.append(Verdict(article.id, outcome, f"ignored: {found.reason}"))
            continue
        before = developments[found.development_id] if isinstance(found, Joined) else None
        after, told = _advance(before, report, found, intake, arrival, now)
        _index(of_pair, after)
        developments[after.id] = intake.developments[after.id] = after
        if memberships.get(article.id) != after.id:
            memberships[article.id] = after.id
            intake.memberships[article.id] = Membership(after.id, article.id, _why(found))
        intake.verdicts.append(Verdict(article.id, outcome, told))
    return intake


def _index(of_pair: dict[tuple[str, ...], set[str]], development: Development) -> None:
    for pair in pairs((*development.dyad, *development.state.parties)):
        of_pair[pair].add(development.id)


def _advance(
    before: Development | None, report: Report, found: Joined | Opened, intake: Intake, arrival: Arrival, now: datetime
) -> tuple[Development, str]:
    verdict = change(before, report)
    if before is None:
        after = open_development(report)
    else:
        after = absorb(before, report, counts=not (isinstance(found, Joined) and found.reason == "revision"))
    if isinstance(verdict, Nothing):
        return after, f"{_why(found)}; nothing: {verdict.reason}"
    if isinstance(verdict, Raise):
        verdict = Raise(found.reason)
    alert = compose(after, verdict, report, now=now)
    intake.sent.append(Sent(alert, arrival))
    return alerted(after, alert), "; ".join(alert.changes)


def _why(found: Joined | Opened) -> str:
    return f"joined: {found.reason}" if isinstance(found, Joined) else f"opened: {found.reason}"
