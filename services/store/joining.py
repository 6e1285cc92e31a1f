"""Which development a report belongs to, if any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

from services.store.instruments import contradict
from services.store.reports import Report
from services.store.state import Development
from services.store.wording import ALIKE, likeness

WINDOW = timedelta(hours=72)
"""How far a report may lie from a development's reports and still be of it."""

LIFE = timedelta(days=7)
"""How long a development may go on. Daily news of one dyad would otherwise stay one matter for ever, and a second
agreement in it would be no news, the first having been told."""

PARTIES_IN_COMMON = 2
NAMES_FOR_ANOTHER_DYAD = 2


@dataclass(frozen=True)
class Joined:
    """The report is of this development."""

    development_id: str
    reason: str


@dataclass(frozen=True)
class Opened:
    """The report begins a development; the reason says why it is of no other."""

    reason: str


@dataclass(frozen=True)
class Ignored:
    """The article is stored and belongs to no development."""

    reason: str


def join(report: Report, candidates: Sequence[Development]) -> Joined | Opened | Ignored:
    """Find the development of a report among `candidates`, or say that it opens one, or that it may not.

    It must be of the same dyad, lie within 72 h of the development's reports and a week of its first, share a topic,
    and share a name or be worded alike; both of these make up for a topic read differently. Outlets leave out a third
    party or add one, so a dyad that contains the other counts as the same if they are worded alike or share an
    instrument or two names. Where both name an exercise, or a base, or an agreement, and have none in common, they are
    different matters however alike. Of several the best by dyad, common instrument, names, wording, then the older.
    Backfill and articles that did not alert open nothing; they join as further evidence.
    """
    refusals: list[str] = []
    kin: list[tuple[_Kinship, Development]] = []
    for development in sorted(candidates, key=lambda one: (one.opened_at, one.id)):
        found = _kinship(report, development)
        if isinstance(found, str):
            refusals.append(found)
        else:
            kin.append((found, development))
    if kin:
        closest, development = max(kin, key=lambda one: one[0].rank)
        return Joined(development.id, closest.reason)
    if not report.speaks:
        return Ignored("no alert")
    return Opened(max(refusals, key=_REFUSALS.index) if refusals else "first report")


@dataclass(frozen=True)
class _Kinship:
    rank: tuple[bool, int, int, float]
    reason: str


_REFUSALS = (
    "other dyad",
    "more than 72 h apart",
    "a week old",
    "other instrument",
    "other topic",
    "other names and wording",
)


def related(dyad: tuple[str, ...], development: Development) -> bool:
    """Whether a dyad is the development's, lies within its parties, or adds to it; two parties must be common."""
    if dyad == development.dyad:
        return True
    known, added = {*development.dyad, *development.state.parties}, set(dyad)
    return (added <= known or set(development.dyad) <= added) and len(added & known) >= PARTIES_IN_COMMON


def pairs(parties: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return what related dyads have in common: every two of the parties, or all of them where there are not two."""
    distinct = sorted(set(parties))
    return tuple(combinations(distinct, PARTIES_IN_COMMON)) or (tuple(distinct),)


def _kinship(  # noqa: PLR0911 - a list of conditions, one return each
    report: Report, development: Development
) -> _Kinship | str:
    """Say how a report is of a development, or in one of _REFUSALS why it is not."""
    if not related(report.dyad, development):
        return "other dyad"
    if not development.opened_at - WINDOW <= report.at <= development.last_report_at + WINDOW:
        return "more than 72 h apart"
    if report.at > development.opened_at + LIFE:
        return "a week old"
    theirs = frozenset(development.state.instruments)
    if contradict(report.instruments, theirs):
        return "other instrument"
    names, used = report.names & frozenset(development.state.names), report.instruments & theirs
    same_dyad = report.dyad == development.dyad
    alike = alikeness(report, development)
    by_names, by_wording = bool(names), alike >= ALIKE
    if not same_dyad and not (by_wording or used or len(names) >= NAMES_FOR_ANOTHER_DYAD):
        return "other dyad"
    same_topic = any(development.matter(topic) for topic in report.topics)
    if not same_topic and not (by_names and by_wording):
        return "other topic"
    if not (by_names or by_wording):
        return "other names and wording"
    reasons = [f"names: {', '.join(sorted(names))}"] * by_names + [f"wording: {alike:.2f}"] * by_wording
    return _Kinship((same_dyad, len(used), len(names), alike), "; ".join(reasons))


def alikeness(report: Report, development: Development) -> float:
    """Return how alike the report is worded to the report of the development it is most like, 0 to 1."""
    return max((likeness(report.terms, frozenset(told)) for told in development.state.wording), default=0.0)
