"""Who acts and who is acted on: mentions to party codes, without sources, mere places and adversaries."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.tagger.matching import Hit
from services.tagger.mentions import Mention, between
from services.tagger.text import Span, Text
from shared.gazetteer import Form, Kind

NAMED = frozenset({Kind.BASE, Kind.EXERCISE, Kind.AGREEMENT, Kind.MISSION})
MAX_SENTENCE_PARTIES = 3
THE_TWO_REACH = 20

_SOURCE_LEFT = re.compile(
    r"(?:according to|citing|cited by|per|reported by|quoted by|quoting|, say|, says|, said|-)\s(?:an? |the |several |two |some |senior |former |top |unnamed )*$"
)
_MEDIA_RIGHT = re.compile(
    r"^(?:'s?)?\s(?:state |state-run |state-controlled |official |local |central )*(?:media|news agenc\w+|newspapers?|broadcaster|television|tv|times|post|radio|press|report(?:er|s)?\b)"
)
_PLACE_LEFT = re.compile(
    r"\b(?:in|at|near|off|outside|around|inside|across|via|through|throughout|within|toward|towards|from|over|into|to)\s(?:the |\w+ern |north|south|east|west|central |capital |port of |city of |coast of )*$"
)
_PLACE_WEAK = re.compile(
    r"\b(?:in|at|near|off|outside|around|inside|across|via|through|throughout|within|from)\s(?:the |\w+ern |central |capital |port of |city of |coast of )*$"
)
_ADVERSARY_LEFT = re.compile(
    r"\b(?:against|fight(?:ing)?|deter(?:ring|s)?|counter(?:ing|s)?|repel(?:ling)?|resist(?:ing)?|invasion by|threats? (?:from|of)|war (?:with|against)|tensions with"
    r"|rivalry with|fears? (?:of|over)|defeat(?:ing)?|confront(?:ing)?|attack(?:s|ed)? (?:by|from)|amid|worried about|concern(?:s|ed)? (?:over|about)|rise of|growing|contain|pressure from|warning to"
    r"|despite|response to|retake .* from|anger(?:s|ing)?|strike inside)\s(?:an? |the |possible |potential |future |further |any |new )*$"
)
_ADVERSARY_RIGHT = re.compile(
    r"^(?:'s?)?[\s-](?:ongoing |full-scale |brutal |illegal |unprovoked |current |growing |rising |increasing |military |nuclear |missile |further |potential |possible |renewed |\w+ )?"
    r"(?:invasion|aggression|attacks?|offensive|threats?|missile attacks|airstrikes|strikes|onslaught|assault|influence|assertiveness|pressure|bombardment|occupation|war\b|invaders|forces in the|advance|annexation|ambitions|counteroffensive against)"
)
_SPEAKER_RIGHT = re.compile(
    r"^(?:'s?)?(?:\s[\w-]+){0,4}\s(?:says?|said|claims?|claimed|reports?|reported|reveals?|accuses?|accused|alleges?|alleged|estimates?|believes?|warns?|warned|thinks?|fears?)\b(?:\sthat|\sthe|\son \w+|\stoday)*\s"
)


_ENVOY_LEFT = re.compile(
    r"\b(?:representatives?|officials?|delegat\w+|ministers?|leaders?|diplomats?|officers?|generals?)\s(?:from|of)\s(?:the\s)?$"
)
_EPITHET_RIGHT = re.compile(r"^'s\s(?:[\w-]+\s){0,4}(?:ally|partner|neighbou?r|rival|patron|backer|friend)\b")
_DRIVER_LEFT = re.compile(
    r"\b(?:proximity|closeness|tilt|drift|pivot|turn|lean|lurch)(?:ing|ed|s)?\s(?:to|towards?)\s(?:the\s)?$"
)
_COUNTERPART_LEFT = re.compile(r"\b(?:his|her|their|its)\s(?:\w+\s){0,1}$|\bcounterparts?,?\s(?:\w+\.?\s){0,3}$")
_COUNTERPART_RIGHT = re.compile(r"^(?:\s\w+){0,2}\scounterparts?\b")
_THE_TWO = re.compile(
    r"\b(?:the\s(?:two|neighbou?ring)\s(?:countries|nations|states|sides|neighbou?rs|militaries|governments)|both\s(?:countries|nations|sides))\b"
)


class Part(StrEnum):
    """What a mention does in its sentence."""

    ACTOR = "actor"
    PLACE = "place"
    SOURCE = "source"
    ADVERSARY = "adversary"
    EPITHET = "epithet"
    DRIVER = "driver"
    COUNTERPART = "counterpart"


@dataclass(frozen=True)
class Resolved:
    """The parties of a claim, and who was left out and why."""

    codes: tuple[str, ...]
    left_out: tuple[tuple[str, Part], ...] = ()


def part_of(mention: Mention, text: Text, sentence: Span, mentions: Sequence[Mention]) -> Part:
    """Tell what `mention` does in `sentence`."""
    left = text.low[max(sentence.start, mention.span.start - 60) : mention.span.start]
    right = text.low[mention.span.end : min(sentence.end, mention.span.end + 70)]
    if _MEDIA_RIGHT.match(right) or _SOURCE_LEFT.search(left):
        return Part.SOURCE
    spoken = _SPEAKER_RIGHT.match(right)
    if spoken:
        at = mention.span.end + spoken.end()
        follower = next((m for m in mentions if m.is_actor and m.span.start >= at), None)
        if follower and follower.span.start - at <= 12 and not set(follower.codes) & set(mention.codes):  # noqa: PLR2004
            return Part.SOURCE
    if _EPITHET_RIGHT.match(right):
        return Part.EPITHET
    if _DRIVER_LEFT.search(left):
        return Part.DRIVER
    if _COUNTERPART_RIGHT.match(right) or (mention.kind is Kind.PERSON and _COUNTERPART_LEFT.search(left)):
        return Part.COUNTERPART
    if _ADVERSARY_LEFT.search(left) or _ADVERSARY_RIGHT.match(right):
        return Part.ADVERSARY
    if mention.kind is Kind.COUNTRY and not _ENVOY_LEFT.search(left) and not right.startswith("'s"):
        if _PLACE_WEAK.search(left):
            return Part.PLACE
        if mention.name.form in {Form.CITY, Form.TERRITORY} and _PLACE_LEFT.search(left):
            return Part.PLACE
    return Part.ACTOR


def resolve(
    hit: Hit,
    text: Text,
    sentence: Span,
    mentions: Sequence[Mention],
    around: Sequence[Sequence[Mention]],
    dyad: tuple[str, ...] = (),
) -> Resolved:
    """Resolve the parties of `hit` from its sentence; where too few act, from `around` (lead or headline), in order.

    `dyad` is the article's own pair, which "the two countries" means in the body even where a sentence has just
    named another pair ("the ties between A and B strained things between the two countries").
    """
    rule = hit.rule
    clause = text.clause(sentence, hit.span)
    inside = between(mentions, sentence)
    parts = [(m, part_of(m, text, sentence, inside)) for m in inside]
    skipped = {Part.SOURCE, Part.EPITHET, Part.DRIVER}
    if not rule.places:
        skipped.add(Part.PLACE)
    if not rule.adversaries:
        skipped.add(Part.ADVERSARY)
    if not rule.counterparts:
        skipped.add(Part.COUNTERPART)
    actors = [(m, p) for m, p in parts if p not in skipped and m.is_actor]
    codes = _codes(m for m, _ in actors)
    near = _codes(m for m, _ in actors if clause.covers(m.span) or hit.span.covers(m.span))
    the_two = _THE_TWO.search(text.low, hit.span.start, min(clause.end, hit.span.end + THE_TWO_REACH))
    if the_two and dyad and set(dyad) & codes:
        return Resolved(dyad, ())
    if (len(codes) > MAX_SENTENCE_PARTIES and len(near) >= max(rule.parties, 2)) or (rule.narrow and near):
        codes = near
    if len(codes) < 2 and not rule.narrow:  # noqa: PLR2004 - a matter of defence diplomacy has two sides
        extra = _codes(m for m, _ in parts if m.kind in NAMED and hit.span.start <= m.span.end)
        if extra and len(codes | extra) <= MAX_SENTENCE_PARTIES:
            codes |= extra
    if len(codes) < rule.parties:
        codes |= _codes(m for m, p in parts if p is Part.PLACE and m.is_actor)
    wanted = rule.parties if rule.narrow else max(rule.parties, 2)
    for other in around:
        if len(codes) >= wanted:
            break
        wider = _codes(m for m in other if m.is_actor)
        if len(wider | codes) <= MAX_SENTENCE_PARTIES:
            codes |= wider
    codes |= set(rule.add)
    left_out = tuple((text.quote(m.span), p) for m, p in parts if m.codes and not set(m.codes) & codes)
    return Resolved(tuple(sorted(codes)), left_out)


def _codes(mentions: Iterable[Mention]) -> set[str]:
    return {code for mention in mentions for code in mention.codes}
