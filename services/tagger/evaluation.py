"""How well the tagger does on labelled items: one definition of every figure. Pure.

A row has labels of annotator `a`, and of `b` where two read it; with `a` alone, `a` counts as both. Only claims whose
place is news count, on either side. The cases of each measure are counted as right (R), false (F) and missed (M);
precision is R / (R + F), recall R / (R + M), F1 their harmonic mean 2R / (2R + F + M); with no case it is undefined.
Weighted figures count every case of a row `weight` times (1 where the row has none).

relevant  One case per row. The row is relevant to an annotator who claims any topic but coercion-incident, and the same
          for the prediction. Firm (both say so): R if predicted, else M. Neither: F if predicted. One of them:
          tolerated, no case.
topic     One case per row and topic, for all topics: firm if both claim it, tolerated if one does; counted likewise.
status    One case per row and topic that is predicted and claimed by at least one annotator: R if one of the predicted
          statuses is among either annotator's, else both F and M. So precision equals recall: the share that is right.
parties   Over the same rows and topics, one case per party. Wanted: what all annotators who claim the topic name.
          Allowed: what any of them names. A predicted party is R if wanted, no case if merely allowed, else F; a wanted
          party not predicted is M. Several claims of one topic in a row pool their parties.
by topic  The cases of topic, status and parties, kept apart by topic.

Scored this way, annotator b against a alone agrees as the labels' own notes say: .99 / .96 / .96 / .99 on `dev`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from shared.vocabulary import Aim, Place, Status, Topic


class BadRow(ValueError):  # noqa: N818 - the house names data that cannot be used Bad…
    """A row that is no labelled or tagged item; the message says what is wrong with it."""


class Claimed(Protocol):
    """What scoring asks of a claim, be it an annotator's or the tagger's."""

    @property
    def topic(self) -> Topic:
        """What it is about."""

    @property
    def status(self) -> Status:
        """What has happened."""

    @property
    def parties(self) -> tuple[str, ...]:
        """Who takes part, as codes."""

    @property
    def place(self) -> Place:
        """News or background."""


class LabelledClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as a row of a file has it; `evidence` is a substring of title or text."""

    topic: Topic
    status: Status
    parties: tuple[str, ...] = ()
    place: Place = Place.NEWS
    aim: Aim | None = None
    evidence: str = ""


class LabelledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled item. `date` is YYYY-MM-DD; unknown fields are ignored.

    A row of a file about clusters has `story` (null: not ours) in place of claims: only its relevance is scored.
    """

    id: str
    text: str
    a: tuple[LabelledClaim, ...] | msgspec.UnsetType = msgspec.UNSET
    story: str | msgspec.UnsetType | None = msgspec.UNSET
    b: tuple[LabelledClaim, ...] | None = None
    title: str = ""
    date: str | None = None
    weight: float = 1.0

    @property
    def annotators(self) -> tuple[tuple[LabelledClaim, ...], ...]:
        """The labels of each annotator."""
        first = self.a or ()
        return (first,) if self.b is None else (first, self.b)


class TaggedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tagged item, as `attache tag --jsonl` writes it."""

    id: str
    claims: tuple[LabelledClaim, ...]


def read_labelled(line: bytes) -> LabelledRow:
    """Read one line; raises BadRow."""
    try:
        row = msgspec.json.decode(line, type=LabelledRow)
    except msgspec.MsgspecError as error:
        raise BadRow(str(error)) from error
    if row.a is msgspec.UNSET and row.story is msgspec.UNSET:
        raise BadRow("has neither claims (`a`) nor `story`")
    if row.weight <= 0:
        raise BadRow(f"weight is {row.weight}, not above 0")
    return row


def read_tagged(line: bytes) -> TaggedRow:
    """Read one line; raises BadRow."""
    try:
        return msgspec.json.decode(line, type=TaggedRow)
    except msgspec.MsgspecError as error:
        raise BadRow(str(error)) from error


@dataclass
class Counts:
    """Cases that are right, false and missed; `precision`, `recall`, `f1` are None where they are undefined."""

    right: float = 0.0
    false: float = 0.0
    missed: float = 0.0

    @property
    def precision(self) -> float | None:
        """Share of what was predicted that is right."""
        return _share(self.right, self.right + self.false)

    @property
    def recall(self) -> float | None:
        """Share of what was wanted that was found."""
        return _share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.right, 2 * self.right + self.false + self.missed)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


@dataclass
class Measure:
    """One measure: every case once, and every case by its row's weight."""

    plain: Counts = field(default_factory=Counts)
    weighted: Counts = field(default_factory=Counts)

    def add(self, weight: float, *, right: int = 0, false: int = 0, missed: int = 0) -> None:
        """Count cases of a row of this weight."""
        for counts, factor in ((self.plain, 1.0), (self.weighted, weight)):
            counts.right += right * factor
            counts.false += false * factor
            counts.missed += missed * factor


@dataclass
class Measures:
    """The measures of all rows, or of one topic (where `relevant` has no cases)."""

    relevant: Measure = field(default_factory=Measure)
    topic: Measure = field(default_factory=Measure)
    status: Measure = field(default_factory=Measure)
    parties: Measure = field(default_factory=Measure)


class Fault(StrEnum):
    """What may be wrong with a topic of a row."""

    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    WRONG_STATUS = "wrong status"
    WRONG_PARTIES = "wrong parties"


@dataclass(frozen=True)
class Mistake:
    """One fault: in which row, of what weight; `predicted` and `wanted` say status and parties, where there are any."""

    fault: Fault
    topic: Topic
    row: LabelledRow
    predicted: str
    wanted: str


@dataclass(frozen=True)
class Evaluation:
    """All figures of a file, and every mistake in its order."""

    rows: int
    total: Measures
    by_topic: Mapping[Topic, Measures]
    mistakes: tuple[Mistake, ...]


def evaluate_rows(pairs: Iterable[tuple[LabelledRow, Sequence[Claimed]]]) -> Evaluation:
    """Score predicted claims against labels, row by row, as the module's docstring defines."""
    total = Measures()
    by_topic: dict[Topic, Measures] = {topic: Measures() for topic in Topic}
    mistakes: list[Mistake] = []
    rows = 0
    for row, claims in pairs:
        rows += 1
        predicted = _by_topic(claims)
        if row.a is msgspec.UNSET:
            _count(total.relevant, row.weight, _relevant(predicted), [row.story is not None])
            continue
        read = [_by_topic(labels) for labels in row.annotators]
        _count(total.relevant, row.weight, _relevant(predicted), [_relevant(labels) for labels in read])
        for topic in Topic:
            _score_topic(row, topic, predicted, read, (total, by_topic[topic]), mistakes)
    return Evaluation(rows, total, by_topic, tuple(mistakes))


_Topics = Mapping[Topic, list[Claimed]]


def _by_topic(claims: Iterable[Claimed]) -> _Topics:
    found: dict[Topic, list[Claimed]] = {}
    for claim in claims:
        if claim.place is Place.NEWS:
            found.setdefault(claim.topic, []).append(claim)
    return found


def _relevant(claims: _Topics) -> bool:
    return any(topic is not Topic.COERCION_INCIDENT for topic in claims)


def _count(measure: Measure, weight: float, predicted: bool, read: Sequence[bool]) -> Fault | None:  # noqa: FBT001 - a truth to compare
    if all(read):
        measure.add(weight, right=predicted, missed=not predicted)
        return None if predicted else Fault.MISSED
    if not any(read) and predicted:
        measure.add(weight, false=1)
        return Fault.FALSE_ALARM
    return None


def _score_topic(
    row: LabelledRow,
    topic: Topic,
    predicted: _Topics,
    read: Sequence[_Topics],
    measures: Sequence[Measures],
    mistakes: list[Mistake],
) -> None:
    mine = predicted.get(topic, [])
    theirs = [labels[topic] for labels in read if topic in labels]
    faults = {_count(m.topic, row.weight, bool(mine), [topic in labels for labels in read]) for m in measures}
    if mine and theirs:
        statuses = {claim.status for labels in theirs for claim in labels}
        right = any(claim.status in statuses for claim in mine)
        named = [{party for claim in labels for party in claim.parties} for labels in theirs]
        wanted, allowed = set.intersection(*named), set.union(*named)
        parties = {party for claim in mine for party in claim.parties}
        for measure in measures:
            measure.status.add(row.weight, right=right, false=not right, missed=not right)
            measure.parties.add(
                row.weight,
                right=len(parties & wanted),
                false=len(parties - allowed),
                missed=len(wanted - parties),
            )
        if not right:
            faults.add(Fault.WRONG_STATUS)
        if parties - allowed or wanted - parties:
            faults.add(Fault.WRONG_PARTIES)
    mistakes.extend(
        Mistake(fault, topic, row, _words(mine), _words([claim for labels in theirs for claim in labels]))
        for fault in Fault
        if fault in faults
    )


def _words(claims: Iterable[Claimed]) -> str:
    return "; ".join(dict.fromkeys(f"{claim.status} {'-'.join(claim.parties)}".strip() for claim in claims))
