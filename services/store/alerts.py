"""Composing an alert from a development, the report that caused it, and what changed."""

from datetime import datetime

import msgspec

from services.store.developments import Change, ChangeKind, Raise, Update
from services.store.reports import Report
from services.store.state import Development, MatterState
from shared.events import Alert, Matter
from shared.identity import stable_id
from shared.vocabulary import STATUS_WORDS, TOPIC_TITLES, AlertKind

SEPARATOR = " · "
DASH = "\u2013"


def compose(development: Development, verdict: Raise | Update, report: Report, *, now: datetime) -> Alert:
    """Write the alert `verdict` calls for; `development` already holds the report. The id depends on content only.

    Updates refer to the development's first alert, and their line and matters lead with what changed.
    """
    changes = verdict.changes if isinstance(verdict, Update) else ()
    matters = _matters(development, report, changes)
    line = led_by(changes, report.line, report.dyad)
    alert_id = stable_id(
        "alert",
        development.id,
        str(development.alerts),
        line,
        *(f"{matter.topic} {matter.status} {' '.join(matter.parties)}" for matter in matters),
    )
    return Alert(
        id=alert_id,
        development_id=development.id,
        kind=AlertKind.UPDATED if changes else AlertKind.RAISED,
        sequence=development.alerts,
        references=development.state.first_alert,
        severity=development.severity,
        dyad=development.dyad,
        parties=development.state.parties,
        matters=matters,
        line=line,
        changes=tuple(one.reason for one in changes) if isinstance(verdict, Update) else (f"raised: {verdict.reason}",),
        evidence=development.state.evidence,
        languages=development.state.languages,
        reports=development.reports,
        published=report.published,
        raised_at=now,
        rules_version=report.rules_version,
    )


def alerted(development: Development, alert: Alert) -> Development:
    """Return the development after `alert` was written."""
    first = development.state.first_alert or alert.id
    return msgspec.structs.replace(
        development,
        alerts=development.alerts + 1,
        state=msgspec.structs.replace(development.state, first_alert=first),
    )


def led_by(changes: tuple[Change, ...], line: str, dyad: tuple[str, ...]) -> str:
    """Put the changes between the dyad and the rest of the line; a rise in severity only where nothing else changed."""
    told = [change for change in changes if change.kind is not ChangeKind.SEVERITY] or list(changes)
    if not told:
        return line
    label, rest = DASH.join(dyad), line
    if line.startswith(label + SEPARATOR):
        rest = line[len(label + SEPARATOR) :]
    return SEPARATOR.join([*([label] if label else []), *(_phrase(change) for change in told), rest])


def _phrase(change: Change) -> str:
    if change.kind is ChangeKind.PARTY:
        return f"with {change.after}"
    if change.kind is ChangeKind.SEVERITY:
        return f"severity {change.before} → {change.after}"
    title = TOPIC_TITLES[change.topic] if change.topic else ""
    before = f"{in_words(change.before)} → " if change.before else ""
    return f"{title}: {before}{in_words(change.after)}"


def in_words(status: str) -> str:
    """Write a status as people say it."""
    return STATUS_WORDS.get(status, status)


def _matters(development: Development, report: Report, changes: tuple[Change, ...]) -> tuple[Matter, ...]:
    """Order matters: changed ones, then as the report has them, then what else the development has told."""
    changed = [change.topic for change in changes if change.topic]
    denied = {change.topic for change in changes if change.kind is ChangeKind.DENIAL}
    order = {topic: place for place, topic in reversed(list(enumerate((*changed, *report.topics))))}
    states = sorted(development.state.matters, key=lambda matter: order.get(matter.topic, len(order) + 100))
    stances = [matter for matter in report.matters if matter.topic in denied]
    return (*stances, *(_matter(state) for state in states if not _is_stance(state, stances)))


def _is_stance(state: MatterState, stances: list[Matter]) -> bool:
    return any(state.topic is stance.topic and state.status is stance.status for stance in stances)


def _matter(state: MatterState) -> Matter:
    return Matter(topic=state.topic, status=state.status, aim=state.aim, parties=state.parties)
