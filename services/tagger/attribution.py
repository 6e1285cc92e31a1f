"""Who says so: the speaker of a sentence, and how sure the text itself is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.tagger.mentions import Mention
from services.tagger.text import Span, Text
from shared.gazetteer import Kind
from shared.vocabulary import Certainty, Status, Topic

_ACCORDING = re.compile(
    r"\baccording\s+to\s+(?:(?:an?|the)\s+(?:\w+\s+)?(?:statement|readout|report|post|release)\s+(?:from|by|of)\s+)?(?P<who>[^,;]{2,90})",
    re.IGNORECASE,
)
_OWN_POST = re.compile(
    r"'s\s+(?:telegram|facebook|twitter|x|weibo|social\s+media|instagram)\s+(?:post|account|page|channel|statement)",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"^(?P<who>[A-Z][^,;:]{1,70}?)\s+(?:says?|said|claims?|claimed|announced|announces|told|denied|denies|deny|confirmed|confirms|states|stated)\b"
)
_SAYS_AT_END = re.compile(r",\s+(?P<who>[^,;]{2,70}?)\s+(?:says?|said|told\s+\w+)[^,;]{0,40}$")
_RUMOUR = re.compile(
    r"\b(?:rumou?r\w*|reportedly|allegedly|alleged|purported\w*|unconfirmed|speculat\w+|anonymous|unnamed|leaked|sources?\s+(?:say|said|familiar|close)|people\s+familiar)\b",
    re.IGNORECASE,
)
_OUTLET = re.compile(
    r"\b(?:news|times|post|media|agency|reuters|associated\s+press|afp|bbc|cnn|bloomberg|journal|tass|xinhua|tv|daily|report)\b",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"\b(?:joint\s+(?:statement|communiqu\w|declaration)|both\s+(?:sides|countries|governments)\s+(?:said|confirmed))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Attribution:
    """The speaker as written (None: the writer), the parties the speaker stands for, and the certainty."""

    said_by: str | None
    side: frozenset[str]
    certainty: Certainty


def attribute(
    topic: Topic, status: Status, text: Text, sentence: Span, clause: Span, mentions: Sequence[Mention]
) -> Attribution:
    """Read the attribution of one claim. A state of relations nobody is quoted on is the writer's inference."""
    words = text.norm[sentence.start : sentence.end]
    who = _speaker(sentence, words, mentions)
    side: frozenset[str] = frozenset()
    said_by = None
    if who is not None:
        said_by = text.quote(who)
        side = frozenset(c for m in mentions if who.covers(m.span) or m.span.covers(who) for c in m.codes)
    if status is not Status.DENIED and _RUMOUR.search(text.norm, clause.start, clause.end):
        return Attribution(said_by, side, Certainty.RUMOURED)
    if _BOTH.search(words):
        return Attribution(said_by, side, Certainty.CONFIRMED)
    if side or status is Status.DENIED:
        return Attribution(said_by, side, Certainty.CLAIMED)
    if topic is Topic.RELATIONS_SHIFT:
        return Attribution(said_by, side, Certainty.INFERRED)
    return Attribution(said_by, side, Certainty.REPORTED)


def _speaker(sentence: Span, words: str, mentions: Sequence[Mention]) -> Span | None:
    own = _OWN_POST.search(words)
    if own:
        at = sentence.start + own.start()
        poster = next((m for m in mentions if m.kind is Kind.PERSON and m.span.end == at), None)
        if poster:
            return poster.span
    for expression in (_ACCORDING, _SAYS, _SAYS_AT_END):
        match = expression.search(words)
        if match and not _OUTLET.search(match.group("who")):
            return Span(sentence.start + match.start("who"), sentence.start + match.end("who"))
    return None
