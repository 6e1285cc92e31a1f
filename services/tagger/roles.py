"""What a mention does in its sentence: acts, is the place, the source, the adversary, an epithet, a counterpart.

The words just before and just after a mention decide; the first line of each table that fits counts.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from services.tagger.mentions import Mention
from services.tagger.text import Span, Text
from shared.gazetteer import Form, Kind

BEFORE_CHARS = 60
AFTER_CHARS = 70
SPEECH_GAP = 12
"""How near the next actor must stand after "X said" for X to be only the source of what that actor does."""


class Part(StrEnum):
    """What a mention does in its sentence."""

    ACTOR = "actor"
    PLACE = "place"
    SOURCE = "source"
    SPEAKER = "speaker"
    ADVERSARY = "adversary"
    EPITHET = "epithet"
    DRIVER = "driver"
    COUNTERPART = "counterpart"


def _before(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})$", re.VERBOSE)


def _after(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:{pattern})", re.VERBOSE)


_BEFORE: tuple[tuple[Part, re.Pattern[str]], ...] = (
    (
        Part.SOURCE,
        _before(
            r"""(?:according\ to|citing|cited\ by|per|reported\ by|quoted\ by|quoting|,\ says?|,\ said|-)\s
            (?:an?\ |the\ |several\ |two\ |some\ |senior\ |former\ |top\ |unnamed\ )*"""
        ),
    ),
    (
        Part.DRIVER,
        _before(
            r"\b(?:proximity|closeness|tilt|drift|pivot|turn|lean|lurch)(?:ing|ed|s)?\s(?:to|towards?)\s(?:the\s)?"
        ),
    ),
)
_AFTER: tuple[tuple[Part, re.Pattern[str]], ...] = (
    (
        Part.SOURCE,
        _after(
            r"""(?:'s?)?\s(?:state\ |state-run\ |state-controlled\ |official\ |local\ |central\ )*
            (?:media|news\ agenc\w+|newspapers?|broadcaster|television|tv|times|post|radio|press|report(?:er|s)?\b)"""
        ),
    ),
    (Part.EPITHET, _after(r"'s\s(?:[\w-]+\s){0,4}(?:ally|partner|neighbou?r|rival|patron|backer|friend)\b")),
    (Part.COUNTERPART, _after(r"(?:\s\w+){0,2}\scounterparts?\b")),
    (
        Part.ADVERSARY,
        _after(
            r"""(?:'s?)?[\s-]
            (?:ongoing\ |full-scale\ |growing\ |rising\ |increasing\ |military\ |nuclear\ |missile\ |\w+\ )?
            (?:invasion|aggression|attacks?|offensive|threats?|missile\ attacks|airstrikes|strikes|onslaught|assault
            |influence|assertiveness|pressure|bombardment|occupation|war\b|invaders|forces\ in\ the|advance|annexation
            |ambitions)"""
        ),
    ),
)
_COUNTERPART_PERSON = _before(r"\b(?:his|her|their|its)\s(?:\w+\s)?|\bcounterparts?,?\s(?:\w+\.?\s){0,3}")
_ADVERSARY = _before(
    r"""\b(?:against|fight(?:ing)?|deter(?:ring|s)?|counter(?:ing|s)?|repel(?:ling)?|resist(?:ing)?|invasion\ by
    |threats?\ (?:from|of)|war\ (?:with|against)|tensions\ with|rivalry\ with|fears?\ (?:of|over)|defeat(?:ing)?
    |confront(?:ing)?|attack(?:s|ed)?\ (?:by|from)|amid|worried\ about|concern(?:s|ed)?\ (?:over|about)|rise\ of|growing
    |contain|pressure\ from|warning\ to|despite|response\ to|anger(?:s|ing)?|strike\ inside)\s
    (?:an?\ |the\ |possible\ |potential\ |future\ |further\ |any\ |new\ )*"""
)
_PLACE = _before(
    r"""\b(?:in|at|near|off|outside|around|inside|across|via|through|throughout|within|from)\s
    (?:the\ |\w+ern\ |central\ |capital\ |port\ of\ |city\ of\ |coast\ of\ )*"""
)
_PLACE_OF_CITY = _before(r"\b(?:to|into|over|towards?)\s(?:the\ |capital\ |port\ of\ |city\ of\ )*")
_ENVOY = _before(
    r"\b(?:representatives?|officials?|delegat\w+|ministers?|leaders?|diplomats?|officers?|generals?)\s(?:from|of)\s(?:the\s)?"
)
_SPEAKS = _after(
    r"""(?:'s?)?(?:\s[\w-]+){0,4}\s
    (?:says?|said|claims?|claimed|reports?|reported|reveals?|accuses?|accused|alleges?|alleged|estimates?|believes?
    |warns?|warned|thinks?|fears?)\b(?:\sthat|\sthe|\son\ \w+|\stoday)*\s"""
)


def part_of(mention: Mention, text: Text, sentence: Span, mentions: Sequence[Mention]) -> Part:
    """Tell what `mention` does in `sentence`; `mentions` are all of the sentence, in order."""
    left = text.low[max(sentence.start, mention.span.start - BEFORE_CHARS) : mention.span.start]
    right = text.low[mention.span.end : min(sentence.end, mention.span.end + AFTER_CHARS)]
    for table, words in ((_BEFORE, left), (_AFTER[:1], right)):
        for part, expression in table:
            if expression.search(words):
                return part
    if _only_speaks(mention, right, mentions):
        return Part.SPEAKER
    for part, expression in _AFTER[1:]:
        if expression.search(right):
            return part
    if mention.kind is Kind.PERSON and _COUNTERPART_PERSON.search(left):
        return Part.COUNTERPART
    if _ADVERSARY.search(left):
        return Part.ADVERSARY
    return Part.PLACE if _is_place(mention, left, right) else Part.ACTOR


def _only_speaks(mention: Mention, right: str, mentions: Sequence[Mention]) -> bool:
    """Tell whether another actor follows right after "X said (that)": then X only tells of it."""
    spoken = _SPEAKS.match(right)
    if spoken is None:
        return False
    at = mention.span.end + spoken.end()
    other = next((m for m in mentions if m.is_actor and m.span.start >= at), None)
    return other is not None and other.span.start - at <= SPEECH_GAP and not set(other.codes) & set(mention.codes)


def _is_place(mention: Mention, left: str, right: str) -> bool:
    if mention.kind is not Kind.COUNTRY or right.startswith("'s") or _ENVOY.search(left):
        return False
    if _PLACE.search(left):
        return True
    return mention.name.form in {Form.CITY, Form.TERRITORY} and _PLACE_OF_CITY.search(left) is not None
