"""What has become of the matter: status and aim, by the words that govern the topic's words in their clause."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.tagger.marked import Marked
from services.tagger.matching import Hit, Matcher
from services.tagger.rules import Cue, Rule
from services.tagger.text import Span, Text
from shared.vocabulary import AIM_BEARING, Aim, Status

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
    """Status and aim, with the words that said so; `loose`: the aim is only the usual one, no word says it."""

    status: Status
    aim: Aim | None
    reason: str
    loose: bool = False


ACT_REACH = 15
"""How many characters before the topic's words an act may end that is about them."""
_STOPPED = frozenset({Status.SUSPENDED, Status.CANCELLED_ENDED})
_AFTER_PREPOSITION = re.compile(
    r"\b(?:to|in|into|from|with|of|for|against|on|by|between|near|around)\s(?:the\s|\w+ern\s|\w+'s\s)*$"
)
"""Before a country: then "to help" says what for, and announces nothing ("sends missiles to Oman to help")."""


def find_cues(matcher: Matcher, marked: Marked, text: Text) -> list[CueSpan]:
    """Find every cue in a sentence, in order."""
    candidates = {
        id(pattern): (cue, pattern) for anchor in marked.fired for cue, pattern in matcher.cues.get(anchor, ())
    }
    found = [
        CueSpan(cue, span, text.low[span.start : span.end])
        for cue, pattern in candidates.values()
        for span in marked.find_all(pattern)
        if not (cue.kind == "future" and _AFTER_PREPOSITION.search(text.low, max(span.start - 25, 0), span.start))
    ]
    found.sort(key=lambda c: (c.span.start, -c.span.end, c.cue.id))
    return [c for c in found if not any(_overrides(other, c) for other in found)]


def _overrides(longer: CueSpan, cue: CueSpan) -> bool:
    """Tell whether `cue` is only a piece of `longer`, which governs on the same side."""
    return longer.span != cue.span and longer.span.covers(cue.span) and longer.cue.side in {"both", cue.cue.side}


def read_status(hit: Hit, text: Text, sentence: Span, cues: Sequence[CueSpan]) -> Reading:
    """Read the status of `hit`: denial or objection, then the weakest attitude, then a change, then the rule's own."""
    rule = hit.rule
    if rule.fixed:
        return Reading(rule.status, rule.aim, f"rule {rule.id}")
    clause = text.clause(sentence, hit.span)
    cues = [c for c in cues if c.cue.id not in rule.ignore]
    left = [c for c in cues if clause.start <= c.span.start < hit.span.end and c.cue.side != "right"]
    reach = min(clause.end, hit.span.end + RIGHT_REACH)
    right = [c for c in cues if c.span.start >= hit.span.end and c.span.end <= reach and c.cue.side != "left"]
    change = _change(left, right, text, hit.span)
    aim = _as_aim(change.cue.status if change else None)
    led = _change(left, [], text, hit.span)
    ahead = _as_aim(led.cue.status if led else None)
    governed = (
        _opposed(left, right, text, ahead)
        or _done(left, right, text, hit.span)
        or _under_attitude(left, right, ahead, rule)
    )
    if governed:
        return governed
    announced = _first(left, "announce")
    if announced and change and _is_done(text, change, announced):
        announced = None
    if announced and aim in {None, Aim.EXPANDED, Aim.BEGUN}:
        return Reading(Status.AGREED_SIGNED, aim or rule.aim, announced.words, loose=aim is None)
    if change and change.cue.status:
        return _of_change(change, change.cue.status, aim, text)
    return Reading(rule.status, rule.aim if rule.status in AIM_BEARING else None, f"rule {rule.id}")


_PERFECT = re.compile(r"\b(?:has|have|had|is|are|was|were)\s(?:been\s|now\s|already\s)?$")
_HAS_BEEN = re.compile(r"\b(?:(?:has|have|had)\s(?:now\s)?been|was|were)\s$")


def _is_done(text: Text, change: CueSpan, announced: CueSpan) -> bool:
    """Tell whether what is announced is already so ("announced that it has completed", "is halting")."""
    before = text.low[max(change.span.start - 20, 0) : change.span.start]
    return change.span.start > announced.span.end and _PERFECT.search(before) is not None


_BEGUN_TO = re.compile(r"\b(?:begins?|began|begun|starts?|started|continues?|continued)\sto\s$")


def _of_change(change: CueSpan, status: Status, aim: Aim | None, text: Text) -> Reading:
    """Read a change nobody has an attitude to; "to resume" is announced, "are mending" has only begun."""
    before = text.low[max(change.span.start - 20, 0) : change.span.start]
    if aim and before.endswith(" to ") and not _BEGUN_TO.search(before):
        return Reading(Status.AGREED_SIGNED, aim, f"to {change.words}")
    if status is Status.RESUMED and _is_progressive(text, change):
        return Reading(Status.BEGUN, Aim.RESUMED, change.words)
    return Reading(status, None, change.words)


def _opposed(left: Sequence[CueSpan], right: Sequence[CueSpan], text: Text, aim: Aim | None) -> Reading | None:
    """Read what denials and objections make of the matter."""
    denial = _first(left, "denial") or next(
        (c for c in right[:1] if c.cue.kind == "denial" and _is_passive(text, c)), None
    )
    opened = _first(left, "attitude", "open")
    if opened and denial:
        return Reading(Status.UNDER_DISCUSSION, aim or Aim.BEGUN, opened.words, loose=aim is None)
    if denial:
        usual = Aim.BEGUN if _future(left, right) or denial.cue.aim else None
        return Reading(Status.DENIED, aim or usual, denial.words, loose=aim is None)
    stance = _first(left, "stance") or _first(right[:2], "stance")
    return Reading(Status.CRITICISED, None, stance.words) if stance else None


def _done(left: Sequence[CueSpan], right: Sequence[CueSpan], text: Text, span: Span) -> Reading | None:
    """Read what is done by being said, and what plans came to ("plans for drills have been suspended")."""
    acts = [c for c in left if c.cue.kind == "act" and c.span.end + ACT_REACH >= span.start]
    act = acts[0] if acts else next((c for c in right if _has_been_stopped(text, c)), None)
    return Reading(act.cue.status, None, act.words) if act and act.cue.status else None


def _under_attitude(left: Sequence[CueSpan], right: Sequence[CueSpan], aim: Aim | None, rule: Rule) -> Reading | None:
    """Read what attitudes, announced futures and possibilities make of the matter."""
    attitude = _weakest(left) or _weakest(right[:1])
    if attitude and attitude.cue.status:
        usual = rule.aim if rule.aim is not None and attitude.cue.aim is not None else attitude.cue.aim
        return Reading(attitude.cue.status, aim or usual, attitude.words, loose=aim is None)
    future = _future(left, right)
    if future and future.cue.status:
        return Reading(future.cue.status, aim or Aim.BEGUN, future.words, loose=aim is None)
    return None


def _future(left: Sequence[CueSpan], right: Sequence[CueSpan]) -> CueSpan | None:
    return _first(left, "future") or _first(left, "modal") or _first(right[:1], "future")


def _has_been_stopped(text: Text, cue: CueSpan) -> bool:
    before = text.low[max(cue.span.start - 20, 0) : cue.span.start]
    return cue.cue.status in _STOPPED and _HAS_BEEN.search(before) is not None


def _first(cues: Sequence[CueSpan], kind: str, identity: str | None = None) -> CueSpan | None:
    return next((c for c in cues if c.cue.kind == kind and (identity is None or c.cue.id == identity)), None)


def _weakest(cues: Sequence[CueSpan]) -> CueSpan | None:
    attitudes = [c for c in cues if c.cue.kind == "attitude"]
    tentative = [c for c in attitudes if c.cue.status is not Status.AGREED_SIGNED]
    if tentative:
        return tentative[0]
    return attitudes[-1] if attitudes else None


def _change(left: Sequence[CueSpan], right: Sequence[CueSpan], text: Text, span: Span) -> CueSpan | None:
    """Find the change that governs: on the left the nearest one of the same list item; beginning is the weakest.

    A change before "such as" says what the whole list is for: only taking something up again passes on to each.
    """
    start = left[0].span.start if left else span.start
    item = _item_start(text, span, start)
    head = text.low.find(" such as ", start, span.start)
    changes = [
        c
        for c in left
        if c.cue.kind == "change" and (c.span.start >= item or (c.cue.status is Status.RESUMED and c.span.end <= head))
    ]
    changes = changes or [c for c in right if c.cue.kind == "change"][:1]
    strong = [c for c in changes if c.cue.id not in {"begin", "conclude"}]
    own = [c for c in strong if c.span.start >= item]
    found = own or strong or changes
    return found[-1] if found else None


_ITEM = re.compile(r",\s(?:and\s|or\s)?(?=\w+ing\b)|\ssuch\sas\s(?:by\s)?|\sand\s(?=\w+ing\b)")


def _item_start(text: Text, span: Span, start: int) -> int:
    ends = [m.end() for m in _ITEM.finditer(text.low, start, span.start + 1)]
    return ends[-1] if ends else start


def _as_aim(status: Status | None) -> Aim | None:
    if status in {Status.RESUMED, Status.EXPANDED, Status.SUSPENDED, Status.CANCELLED_ENDED, Status.BEGUN}:
        return Aim(str(status))
    return None


def _is_passive(text: Text, cue: CueSpan) -> bool:
    before = text.low[max(cue.span.start - 12, 0) : cue.span.start].split()
    return bool(before) and before[-1] in {"is", "are", "was", "were", "been", "be", "being"}


def _is_progressive(text: Text, change: CueSpan) -> bool:
    before = text.low[max(change.span.start - 30, 0) : change.span.start].split()
    return change.words.split()[0].endswith("ing") and any(w in {"is", "are", "were", "was"} for w in before[-2:])
