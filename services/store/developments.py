"""Whether what a report adds to its development is worth an alert, and what the development is afterwards.

A development is one matter between one dyad, told by any number of reports. It raises one alert; it sends an update
when a matter's status moves on, a stance is taken for the first time, a principal party joins, or severity rises.
A retelling adds evidence and nothing else.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec

from services.store.arcs import LEVEL, STATE_CHANGES, Move, move
from services.store.joining import alikeness
from services.store.reports import Report
from services.store.state import Development, MatterState, State
from services.store.wording import ALIKE
from shared.events import AlertEvidence, Matter
from shared.identity import stable_id
from shared.vocabulary import Status, Topic

FIRST_WORDINGS, LAST_WORDINGS = 4, 8
"""Whose wording a development remembers: the first reports, which name the matter, and the latest, which follow it."""

UNHEARD = frozenset({Move.OLDER, Move.BACKWARD, Move.ENDED, "climate"})
"""Verdicts that leave a status untold, so that it is news when it comes in its turn."""

MEETINGS = frozenset({Topic.SENIOR_MEETING, Topic.DIALOGUE_FORUM})
SAME_MEETING = "same meeting"
ONE_MEETING = timedelta(hours=12)
"""Within half a day outlets tell of one meeting as coming, going on and held; that is not its status moving on."""

MOST_EVIDENCE = 12
EVIDENCE_PER_REPORT = 6
UNSURE_BEFORE = "unsure"


class ChangeKind(StrEnum):
    """What about a development changed."""

    STATUS = "status"
    DENIAL = "denial"
    MATTER = "matter"
    PARTY = "party"
    SEVERITY = "severity"


@dataclass(frozen=True)
class Change:
    """One change; `reason` are the words of logs and of `Alert.changes`."""

    kind: ChangeKind
    after: str
    before: str = ""
    topic: Topic | None = None

    @property
    def reason(self) -> str:
        """Say it in one line, such as "status: joint-exercise under-discussion→agreed-signed"."""
        about = f"{self.topic} " if self.topic else ""
        return f"{self.kind}: {about}{self.before + '→' if self.before else ''}{self.after}"


@dataclass(frozen=True)
class Raise:
    """The first alert of a development."""

    reason: str


@dataclass(frozen=True)
class Update:
    """A later alert of a development."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Nothing:
    """Subscribers are told nothing, and why."""

    reason: str


def change(development: Development | None, report: Report) -> Raise | Update | Nothing:
    """Say what `report` is worth to subscribers; None is the development it opens.

    Talk in other words, minor topics added, stages already told, reports older than a stop, and the same article
    again are worth nothing. A rumour or the writer's framing moves no status. What the report leads with counts even
    if the topic is new to the development, when it changes a state and is no retelling.
    """
    if development is None:
        return Raise("first report")
    if not report.speaks:
        return Nothing("no alert")
    changes: list[Change] = []
    judged: list[str] = []
    for matter in report.matters:
        verdict = _judge(development, report, matter)
        if isinstance(verdict, Change):
            changes.append(verdict)
        else:
            judged.append(f"{matter.topic} {verdict}")
    changes.extend(
        Change(ChangeKind.PARTY, party) for party in report.parties if party not in development.state.parties
    )
    if report.severity < development.severity:
        changes.append(Change(ChangeKind.SEVERITY, str(report.severity), before=str(development.severity)))
    return Update(tuple(changes)) if changes else Nothing("; ".join(judged) or "no matters")


def _judge(  # noqa: PLR0911 - a table of rules, one return each
    development: Development, report: Report, matter: Matter
) -> Change | str:
    topic, after = matter.topic, matter.status
    if topic not in report.sure:
        return "not sure"
    state = development.matter(topic)
    if state is None:
        if topic is not report.topics[0] or after not in STATE_CHANGES:
            return "minor topic"
        if alikeness(report, development) >= ALIKE:
            return "retelling"
        return Change(ChangeKind.MATTER, str(after), topic=topic)
    if topic is Topic.RELATIONS_SHIFT and topic is not report.topics[0]:
        return "climate"  # how relations stand is the writer's summary of the other matters
    firm = state.sure or LEVEL.get(state.status, 2) < LEVEL[Status.AGREED_SIGNED]
    before = state.status if firm else Status.UNDER_DISCUSSION
    verdict = move(before, after, told=state.told if firm else (), older=report.at < state.since)
    if verdict is Move.FORWARD:
        held = topic in MEETINGS and after is Status.CONCLUDED and before is not Status.SUSPENDED
        if held and abs(report.at - state.since) < ONE_MEETING:
            return SAME_MEETING
        return Change(ChangeKind.STATUS, str(after), before=str(state.status) if firm else UNSURE_BEFORE, topic=topic)
    if verdict is Move.DENIAL:
        return Change(ChangeKind.DENIAL, str(after), topic=topic)
    return str(verdict)


def open_development(report: Report) -> Development:
    """Begin a development with its first report; the id comes from dyad, leading topic and article."""
    leading = str(report.topics[0]) if report.topics else ""
    empty = Development(
        id=stable_id("dev", "-".join(report.dyad), leading, report.article_id),
        dyad=report.dyad,
        opened_at=report.at,
        last_report_at=report.at,
        severity=report.severity,
        reports=0,
        alerts=0,
        state=State(),
    )
    return absorb(empty, report, counts=True)


def absorb(development: Development, report: Report, *, counts: bool) -> Development:
    """Return the development after the report; `counts` is False for a further revision of a report it has.

    A report that may not speak adds evidence and its language; it moves nothing, so that what it says is still news
    when a report that may speak says it.
    """
    old = development.state
    state = msgspec.structs.replace(
        old,
        languages=tuple(sorted({*old.languages, *([report.language] if report.language else [])})),
        evidence=_evidence(old.evidence, report),
    )
    if report.speaks:
        state = msgspec.structs.replace(
            state,
            matters=_matters(development, report),
            parties=tuple(sorted({*old.parties, *report.parties})),
            names=tuple(sorted({*old.names, *report.names})),
            instruments=tuple(sorted({*old.instruments, *report.instruments})),
            wording=_wording(old.wording, tuple(sorted(report.terms))),
        )
    return msgspec.structs.replace(
        development,
        opened_at=min(development.opened_at, report.at) if report.speaks else development.opened_at,
        last_report_at=max(development.last_report_at, report.at) if report.speaks else development.last_report_at,
        severity=min(development.severity, report.severity) if report.speaks else development.severity,
        reports=development.reports + counts,
        state=state,
    )


def _matters(development: Development, report: Report) -> tuple[MatterState, ...]:
    matters = {matter.topic: matter for matter in development.state.matters}
    for matter in report.matters:
        sure = matter.topic in report.sure
        state = matters.get(matter.topic)
        if state is None:
            matters[matter.topic] = MatterState(
                matter.topic, matter.status, matter.aim, matter.parties, (matter.status,), report.at, sure
            )
            continue
        verdict = _judge(development, report, matter)
        if not sure or verdict in UNHEARD:
            continue
        told = tuple(dict.fromkeys((*(state.told if state.sure else ()), matter.status)))
        if verdict == SAME_MEETING or (isinstance(verdict, Change) and verdict.kind is ChangeKind.STATUS):
            matters[matter.topic] = MatterState(
                matter.topic, matter.status, matter.aim, matter.parties, told, max(report.at, state.since)
            )
        else:
            matters[matter.topic] = msgspec.structs.replace(state, told=told)
    return tuple(matters.values())


def _wording(told: tuple[tuple[str, ...], ...], new: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    if new in told:
        return told
    grown = (*told, new)
    return grown if len(grown) <= FIRST_WORDINGS + LAST_WORDINGS else grown[:FIRST_WORDINGS] + grown[-LAST_WORDINGS:]


def _evidence(old: tuple[AlertEvidence, ...], report: Report) -> tuple[AlertEvidence, ...]:
    """Put the newest report's spans first; of the older ones as many as fit, the earliest report's first."""
    others = tuple(span for span in old if span.article_id != report.article_id)
    return (report.evidence[:EVIDENCE_PER_REPORT] + others)[:MOST_EVIDENCE]
