"""Claims in the making, and how the same claim told twice becomes one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.tagger.text import Span
from services.tagger.zones import Zone
from shared.vocabulary import Aim, Certainty, Place, Status, Topic

TOLD_AGAIN = 0.7 / 0.6
"""What stands only in the body alerts only when it is told at least twice."""


@dataclass(frozen=True)
class Quoted:
    """Evidence: a span of a field."""

    field: str
    span: Span


@dataclass(frozen=True)
class Draft:
    """A claim before it has an id. `sides` are the parties that said it; `loose`: the aim is only the usual one."""

    topic: Topic
    status: Status
    aim: Aim | None
    parties: tuple[str, ...]
    place: Place
    certainty: Certainty
    zone: Zone
    rule: str
    score: float
    evidence: tuple[Quoted, ...]
    said_by: str | None = None
    sides: frozenset[str] = frozenset()
    year: int | None = None
    loose: bool = False
    dateline: bool = False
    reasons: tuple[str, ...] = ()


def merge(drafts: Sequence[Draft]) -> list[Draft]:
    """Merge claims of one topic, status and aim whose parties are the same or contained in another's.

    An aim that no word says gives way to one that is said; a rumour never merges with more than a rumour; what two
    sides say is confirmed.
    """
    merged: list[Draft] = []
    for draft in drafts:
        for index, kept in enumerate(merged):
            if _same(kept, draft):
                merged[index] = _join(kept, draft)
                break
        else:
            merged.append(draft)
    return merged


def _same(one: Draft, other: Draft) -> bool:
    alike = (one.topic, one.status, one.place) == (other.topic, other.status, other.place)
    aims = one.aim == other.aim or (one.loose or other.loose)
    rumours = (one.certainty is Certainty.RUMOURED) == (other.certainty is Certainty.RUMOURED)
    first, second = set(one.parties), set(other.parties)
    return (
        alike
        and aims
        and rumours
        and (first == second or (one.rule == other.rule and (first < second or second < first)))
    )


def _join(one: Draft, other: Draft) -> Draft:
    best, rest = (one, other) if one.score >= other.score else (other, one)
    sides = one.sides | other.sides
    said = [d.certainty for d in (one, other)]
    if Certainty.CONFIRMED in said or (len(sides) > 1 and one.sides != other.sides and one.sides and other.sides):
        certainty = Certainty.CONFIRMED
    else:
        certainty = min(said, key=_CERTAINTY_ORDER.index)
    again = best.zone is Zone.BODY and len(one.evidence) + len(other.evidence) == 2  # noqa: PLR2004 - for the first time
    return replace(
        best,
        score=round(best.score * TOLD_AGAIN, 3) if again else best.score,
        aim=best.aim if not best.loose else rest.aim or best.aim,
        loose=one.loose and other.loose,
        parties=max(one.parties, other.parties, key=len),
        certainty=certainty,
        said_by=best.said_by or rest.said_by,
        sides=sides,
        dateline=one.dateline and other.dateline,
        evidence=best.evidence + tuple(e for e in rest.evidence if e not in best.evidence),
    )


_CERTAINTY_ORDER = [
    Certainty.CONFIRMED,
    Certainty.CLAIMED,
    Certainty.REPORTED,
    Certainty.INFERRED,
    Certainty.RUMOURED,
]
