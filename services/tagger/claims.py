"""Hits to claims: status, parties, place and score of each, the same claim told twice merged into one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from services.tagger.attribution import attribute
from services.tagger.drafts import Draft, Quoted, merge
from services.tagger.marked import Marked
from services.tagger.matching import Hit, Matcher
from services.tagger.mentions import Mention, between
from services.tagger.parties import resolve
from services.tagger.roles import Part, part_of
from services.tagger.rules.model import LOOSE
from services.tagger.status import CueSpan, Reading, find_cues, read_status
from services.tagger.text import Span, Text
from services.tagger.zones import SILENT, Placed, Zone, is_dateline, is_long_ago, is_relative_past, past_year
from shared.vocabulary import Certainty, Place, Status

PLACE_WEIGHT = {Zone.HEADLINE: 1.0, Zone.LEAD: 1.0, Zone.BODY: 0.6}
STATUS_WEIGHT = {
    Status.AGREED_SIGNED: 1.0,
    Status.BEGUN: 1.0,
    Status.RESUMED: 1.0,
    Status.EXPANDED: 1.0,
    Status.SUSPENDED: 1.0,
    Status.CANCELLED_ENDED: 1.0,
    Status.DENIED: 0.9,
    Status.PROPOSED: 0.8,
    Status.UNDER_DISCUSSION: 0.8,
    Status.CONCLUDED: 0.7,
    Status.STANDING: 0.4,
    Status.CRITICISED: 0.3,
}
"""Weights of the first rules version, to be tuned on labelled history."""
BACKGROUND_WEIGHT = 0.4
DATELINE_WEIGHT = 0.5
CERTAINTY_WEIGHT = {Certainty.RUMOURED: 0.5, Certainty.INFERRED: 0.8}
YIELD_SLACK = 12
OPENING_CHARS = 20
_COMMA = re.compile(r",\s(?!\d{4}\b)")


@dataclass(frozen=True)
class Read:
    """One field of an item, read: its text, mentions, placed and marked sentences."""

    name: str
    text: Text
    mentions: tuple[Mention, ...]
    placed: tuple[Placed, ...]
    marked: dict[int, Marked] = field(default_factory=dict)
    _parts: dict[int, list[tuple[Mention, Part]]] = field(default_factory=dict)

    def inside(self, number: int) -> Sequence[Mention]:
        """Return the mentions in a sentence."""
        return between(self.mentions, self.placed[number].sentence)

    def parts(self, number: int) -> Sequence[tuple[Mention, Part]]:
        """Return the mentions in a sentence, and what each does in it."""
        if number not in self._parts:
            inside, sentence = self.inside(number), self.placed[number].sentence
            self._parts[number] = [(m, part_of(m, self.text, sentence, inside)) for m in inside]
        return self._parts[number]


@dataclass(frozen=True)
class Dropped:
    """Something that matched and is no claim, with the reason."""

    hit: Hit
    reason: str


def build_claims(
    hits: Sequence[Hit], reads: dict[str, Read], matcher: Matcher, year_now: int | None
) -> tuple[list[Draft], list[Dropped]]:
    """Turn hits into claims, one for each topic and sentence, then merge."""
    drafts: list[Draft] = []
    dropped: list[Dropped] = []
    ordered = sorted(hits, key=lambda h: (h.field != "title", h.sentence, h.rule.topic))
    cues: dict[tuple[str, int], list[CueSpan]] = {}
    dyad: tuple[str, ...] = ()
    for (where, number, _topic), grouped in groupby(ordered, key=lambda h: (h.field, h.sentence, h.rule.topic)):
        read = reads[where]
        group = [hit for hit in grouped if not _yields(hit, ordered)]
        if not group:
            continue
        chosen, strength = _choose(group)
        placed = read.placed[number]
        if strength < LOOSE:
            dropped.append(Dropped(chosen, "weak words alone"))
            continue
        if placed.zone in SILENT:
            dropped.append(Dropped(chosen, f"stands in {placed.zone}"))
            continue
        if strength <= LOOSE and placed.zone is Zone.BODY:
            dropped.append(Dropped(chosen, "loose words, and only in the body"))
            continue
        if (where, number) not in cues:
            cues[where, number] = find_cues(matcher, read.marked[number], read.text)
        reading = read_status(chosen, read.text, placed.sentence, cues[where, number])
        clause = read.text.clause(placed.sentence, chosen.span)
        parties = resolve(chosen, read.text, clause, read.parts(number), _around(reads, where, number), dyad)
        if len(parties) < chosen.rule.parties:
            dropped.append(Dropped(chosen, f"names {len(parties)} of {chosen.rule.parties} parties"))
            continue
        drafts.append(_draft(chosen, strength, reading, parties, read, year_now))
        if len(parties) == 2:  # noqa: PLR2004 - a dyad
            dyad = dyad or parties
    return merge(drafts), dropped


def _yields(hit: Hit, others: Sequence[Hit]) -> bool:
    """Tell whether the words of `hit` belong to another topic that the rule gives way to."""
    if not hit.rule.yields:
        return False
    return any(
        other.field == hit.field
        and other.sentence == hit.sentence
        and str(other.rule.topic) in hit.rule.yields
        and other.span.start < hit.span.end + YIELD_SLACK
        and hit.span.start < other.span.end + YIELD_SLACK
        for other in others
    )


def _choose(hits: list[Hit]) -> tuple[Hit, float]:
    best = max(hits, key=lambda h: h.rule.strength)
    if best.rule.strength < LOOSE and len({h.rule.id for h in hits}) > 1:
        return best, LOOSE
    return best, best.rule.strength


def _around(reads: dict[str, Read], where: str, number: int) -> Iterator[Sequence[Mention]]:
    """Where to look for a missing party: the sentence before, the headline, the lead."""
    read = reads[where]
    beside = (number - 1, number + 1 if where == "title" else -1)
    for other in beside:
        if 0 <= other < len(read.placed) and read.placed[other].zone not in SILENT:
            yield _acting(read, other)
    title, text = reads.get("title"), reads.get("text")
    if where == "text" and title:
        for other in range(len(title.placed)):
            yield _acting(title, other)
    if text:
        for other in range(min(2, len(text.placed))):
            if where == "title" or other != number:
                yield _acting(text, other)


def _acting(read: Read, number: int) -> Sequence[Mention]:
    return [m for m, part in read.parts(number) if part in {Part.ACTOR, Part.COUNTERPART}]


def _draft(
    hit: Hit, strength: float, reading: Reading, parties: tuple[str, ...], read: Read, year_now: int | None
) -> Draft:
    placed = read.placed[hit.sentence]
    text, sentence = read.text, placed.sentence
    clause = text.clause(sentence, hit.span)
    words = text.norm[clause.start : clause.end]
    year = past_year(_time_words(text, sentence, clause, hit.span), year_now)
    old = (
        year is not None
        or is_relative_past(words, text.norm[hit.span.start : hit.span.end])
        or (is_long_ago(words) and placed.zone is not Zone.HEADLINE)
    )
    dateline = is_dateline(text.norm[sentence.start : sentence.end])
    said = attribute(hit.rule.topic, reading.status, text, sentence, clause, read.inside(hit.sentence))
    reasons = [f"rule {hit.rule.id}", f"status from {reading.reason!r}", f"stands in {placed.zone}"]
    if year is not None:
        reasons.append(f"about {year}")
    elif old:
        reasons.append("told as past")
    if dateline:
        reasons.append("dateline")
    weight = BACKGROUND_WEIGHT if old else DATELINE_WEIGHT if dateline else PLACE_WEIGHT[placed.zone]
    weight *= CERTAINTY_WEIGHT.get(said.certainty, 1.0)
    return Draft(
        topic=hit.rule.topic,
        status=reading.status,
        aim=reading.aim,
        parties=parties,
        place=Place.BACKGROUND if old else Place.NEWS,
        certainty=said.certainty,
        zone=placed.zone,
        rule=hit.rule.id,
        score=round(strength * weight * STATUS_WEIGHT[reading.status], 3),
        evidence=(Quoted(read.name, hit.span),),
        said_by=said.said_by,
        sides=said.side,
        year=year,
        loose=reading.loose,
        dateline=dateline,
        reasons=tuple(reasons),
    )


def _time_words(text: Text, sentence: Span, clause: Span, span: Span) -> str:
    """Return the words that can date a hit: those between the commas around it, and how the sentence opens."""
    commas = [m.start() for m in _COMMA.finditer(text.norm, sentence.start, sentence.end)]
    start = max((at for at in commas if clause.start <= at < span.start), default=clause.start)
    end = min((at for at in commas if span.end <= at < clause.end), default=clause.end)
    opening = text.norm[sentence.start : commas[0]] if commas else ""
    near = text.norm[start:end]
    return f"{opening}, {near}" if opening[:1].isupper() and len(opening) <= OPENING_CHARS else near
