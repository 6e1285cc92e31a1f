"""What has become of the matter: status and aim, by the words that govern the topic's words in their clause."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.tagger.matching import Hit, Marked, Matcher
from services.tagger.rules import Cue
from services.tagger.text import Span, Text
from shared.vocabulary import Aim, Status

RIGHT_REACH = 60
"""How many characters after the topic's words a verb may still govern them ("the drills … were suspended")."""


@dataclass(frozen=True)
class CueSpan:
    """A cue where it stands."""

    cue: Cue
    span: Span
    words: str


@dataclass(frozen=True)
class Reading:
    """Status and aim, with the words that said so."""

    status: Status
    aim: Aim | None
    reason: str


def find_cues(matcher: Matcher, marked: Marked, text: Text) -> list[CueSpan]:
    """Find every cue in a sentence, in order."""
    candidates = {
        id(pattern): (cue, pattern) for anchor in marked.fired for cue, pattern in matcher.cues.get(anchor, ())
    }
    found = [
        CueSpan(cue, span, text.low[span.start : span.end])
        for cue, pattern in candidates.values()
        for span in marked.find_all(pattern)
    ]
    found.sort(key=lambda c: (c.span.start, -c.span.end, c.cue.id))
    return found


def read_status(hit: Hit, text: Text, sentence: Span, cues: Sequence[CueSpan]) -> Reading:
    """Read the status of `hit`: a denial or objection first, then the weakest attitude, then a change, then the rule's."""
    rule = hit.rule
    if rule.fixed:
        return Reading(rule.status, rule.aim, f"rule {rule.id}")
    clause = text.clause(sentence, hit.span)
    left = [c for c in cues if c.span.start >= clause.start and c.span.end <= hit.span.end and c.cue.side != "right"]
    right = [
        c
        for c in cues
        if c.span.start >= hit.span.end
        and c.span.end <= min(clause.end, hit.span.end + RIGHT_REACH)
        and c.cue.side != "left"
    ]
    left = [c for c in left if c.cue.id not in rule.ignore]
    right = [c for c in right if c.cue.id not in rule.ignore]
    changes = _changes(left, right, hit)
    change = changes[-1] if changes else None
    aim = _as_aim(change.cue.status if change else None)
    blocked = _first(left, "attitude", "open")
    denial = _first(left, "denial") or _first(right[:1], "denial")
    if blocked and denial:
        return Reading(Status.UNDER_DISCUSSION, aim or Aim.BEGUN, blocked.words)
    if denial:
        return Reading(Status.DENIED, aim or denial.cue.aim, denial.words)
    stance = _first(left, "stance") or _first(right[:2], "stance")
    if stance:
        return Reading(Status.CRITICISED, None, stance.words)
    attitude = _weakest(left) or _weakest(right[:1])
    if attitude:
        return Reading(attitude.cue.status or rule.status, aim or _default_aim(attitude.cue, rule.aim), attitude.words)
    future = _first(left, "future")
    if future:
        return Reading(Status.AGREED_SIGNED, aim or Aim.BEGUN, future.words)
    modal = _first(left, "modal")
    if modal:
        return Reading(Status.PROPOSED, aim or Aim.BEGUN, modal.words)
    announced = _first(left, "announce")
    if announced and aim in {None, Aim.EXPANDED, Aim.BEGUN}:
        return Reading(Status.AGREED_SIGNED, aim or rule.aim, announced.words)
    if change and change.cue.status:
        if _is_infinitive(text, change.span) and aim:
            return Reading(Status.AGREED_SIGNED, aim, f"to {change.words}")
        if change.cue.status is Status.RESUMED and _is_progressive(text, change):
            return Reading(Status.BEGUN, Aim.RESUMED, change.words)
        return Reading(change.cue.status, None, change.words)
    return Reading(rule.status, rule.aim, f"rule {rule.id}")


def _first(cues: Sequence[CueSpan], kind: str, identity: str | None = None) -> CueSpan | None:
    return next((c for c in cues if c.cue.kind == kind and (identity is None or c.cue.id == identity)), None)


_RANK = {Status.UNDER_DISCUSSION: 0, Status.PROPOSED: 1, Status.AGREED_SIGNED: 2}


def _weakest(cues: Sequence[CueSpan]) -> CueSpan | None:
    attitudes = [c for c in cues if c.cue.kind == "attitude" and c.cue.status]
    tentative = [c for c in attitudes if c.cue.status is not Status.AGREED_SIGNED]
    if tentative:
        return tentative[0]
    return attitudes[-1] if attitudes else None


def _changes(left: Sequence[CueSpan], right: Sequence[CueSpan], hit: Hit) -> list[CueSpan]:
    """Order changes so that the last governs: on the left the nearest to the noun; beginning is the weakest."""
    del hit
    changes = [c for c in left if c.cue.kind == "change"] or [c for c in right if c.cue.kind == "change"][:1]
    strong = [c for c in changes if c.cue.id not in {"begin", "conclude"}]
    return strong or changes


def _as_aim(status: Status | None) -> Aim | None:
    if status in {Status.RESUMED, Status.EXPANDED, Status.SUSPENDED, Status.CANCELLED_ENDED, Status.BEGUN}:
        return Aim(str(status))
    return None


def _default_aim(cue: Cue, aim: Aim | None) -> Aim | None:
    return aim if aim is not None and cue.aim is not None else cue.aim


def _is_infinitive(text: Text, span: Span) -> bool:
    return text.low[max(span.start - 3, 0) : span.start] == "to "


def _is_progressive(text: Text, change: CueSpan) -> bool:
    before = text.low[max(change.span.start - 30, 0) : change.span.start].split()
    return change.words.split()[0].endswith("ing") and any(w in {"is", "are", "were", "was"} for w in before[-2:])
