"""Hits to claims: status, parties, place and score of each, the same claim told twice merged into one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from services.tagger.matching import Hit, Marked, Matcher
from services.tagger.mentions import Mention
from services.tagger.parties import Resolved, resolve
from services.tagger.status import CueSpan, Reading, find_cues, read_status
from services.tagger.text import Span, Text
from services.tagger.zones import SILENT, Placed, Zone, is_long_ago, past_year
from shared.vocabulary import Aim, Certainty, Place, Status, Topic

PLACE_WEIGHT = {Zone.HEADLINE: 1.0, Zone.LEAD: 1.0, Zone.BODY: 0.7, Zone.BACKGROUND: 0.4}
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
RUMOUR_WEIGHT = 0.5
TWO_WEAK = 0.8


@dataclass(frozen=True)
class Read:
    """One field of an item, read: its text, mentions, placed and marked sentences."""

    name: str
    text: Text
    mentions: tuple[Mention, ...]
    placed: tuple[Placed, ...]
    marked: dict[int, Marked] = field(default_factory=dict)


@dataclass(frozen=True)
class Quoted:
    """Evidence: a span of a field."""

    field: str
    span: Span


@dataclass(frozen=True)
class Draft:
    """A claim before it has an id."""

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
    year: int | None = None
    reasons: tuple[str, ...] = ()


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
    cue_cache: dict[tuple[str, int], list[CueSpan]] = {}
    topics: dict[tuple[str, int], set[str]] = {}
    for hit in ordered:
        topics.setdefault((hit.field, hit.sentence), set()).add(str(hit.rule.topic))
    for (where, number, _topic), grouped in groupby(ordered, key=lambda h: (h.field, h.sentence, h.rule.topic)):
        read = reads[where]
        group = [hit for hit in grouped if not hit.rule.yields & topics[where, number]]
        if not group:
            continue
        chosen, strength = _choose(group)
        if strength < TWO_WEAK:
            dropped.append(Dropped(chosen, "weak words alone"))
            continue
        placed = read.placed[number]
        if placed.zone in SILENT:
            dropped.append(Dropped(chosen, f"stands in {placed.zone}"))
            continue
        if (where, number) not in cue_cache:
            cue_cache[where, number] = find_cues(matcher, read.marked[number], read.text)
        reading = read_status(chosen, read.text, placed.sentence, cue_cache[where, number])
        parties = resolve(chosen, read.text, placed.sentence, read.mentions, _around(reads, where, number))
        if len(parties.codes) < chosen.rule.parties:
            dropped.append(Dropped(chosen, f"names {len(parties.codes)} of {chosen.rule.parties} parties"))
            continue
        drafts.append(_draft(chosen, strength, reading, parties, read, placed, year_now))
    return merge(drafts), dropped


def _choose(hits: list[Hit]) -> tuple[Hit, float]:
    strong = [h for h in hits if h.rule.strength >= TWO_WEAK]
    if strong:
        return strong[0], 1.0
    return hits[0], (TWO_WEAK if len({h.rule.id for h in hits}) > 1 else hits[0].rule.strength)


def _around(reads: dict[str, Read], where: str, number: int) -> list[Sequence[Mention]]:
    """Where to look for a missing party: the sentence before, the headline, the lead."""
    found: list[Sequence[Mention]] = []
    read = reads[where]
    for other in (number - 1, number + 1 if where == "title" else -1):
        if 0 <= other < len(read.placed) and read.placed[other].zone not in SILENT:
            found.append(_mentions_of(read, other))
    title, text = reads.get("title"), reads.get("text")
    if where == "text" and title:
        found.append(title.mentions)
    if text and text.placed:
        found.extend(_mentions_of(text, i) for i in range(min(2, len(text.placed))) if where == "title" or i != number)
    return found


def _mentions_of(read: Read, number: int) -> Sequence[Mention]:
    sentence = read.placed[number].sentence
    return [m for m in read.mentions if sentence.covers(m.span)]


def _draft(
    hit: Hit, strength: float, reading: Reading, parties: Resolved, read: Read, placed: Placed, year_now: int | None
) -> Draft:
    clause = read.text.clause(placed.sentence, hit.span)
    words = read.text.norm[clause.start : clause.end]
    year = past_year(words, year_now)
    ago = is_long_ago(words)
    place = Place.BACKGROUND if year is not None or (ago and placed.zone is not Zone.HEADLINE) else Place.NEWS
    reasons = [f"rule {hit.rule.id}", f"status from {reading.reason!r}", f"place {placed.zone}"]
    if year is not None:
        reasons.append(f"about {year}")
    weight = BACKGROUND_WEIGHT if place is Place.BACKGROUND else PLACE_WEIGHT[placed.zone]
    return Draft(
        topic=hit.rule.topic,
        status=reading.status,
        aim=reading.aim,
        parties=parties.codes,
        place=place,
        certainty=Certainty.REPORTED,
        zone=placed.zone,
        rule=hit.rule.id,
        score=round(strength * weight * STATUS_WEIGHT[reading.status], 3),
        evidence=(Quoted(read.name, hit.span),),
        said_by=parties.said_by,
        year=year,
        reasons=tuple(reasons),
    )


def merge(drafts: Sequence[Draft]) -> list[Draft]:
    """Merge claims of one topic, status and aim whose parties are the same or contained in another's."""
    merged: list[Draft] = []
    for draft in drafts:
        for index, kept in enumerate(merged):
            same = (kept.topic, kept.status, kept.aim, kept.place) == (
                draft.topic,
                draft.status,
                draft.aim,
                draft.place,
            )
            if same and (set(draft.parties) <= set(kept.parties) or set(kept.parties) < set(draft.parties)):
                best, other = (kept, draft) if kept.score >= draft.score else (draft, kept)
                merged[index] = replace(
                    best,
                    parties=max(kept.parties, draft.parties, key=len),
                    evidence=best.evidence + tuple(e for e in other.evidence if e not in best.evidence),
                )
                break
        else:
            merged.append(draft)
    return merged
