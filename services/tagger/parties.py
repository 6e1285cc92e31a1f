"""Who acts and who is acted on: mentions to party codes, without sources, mere places and adversaries."""

import re
from collections.abc import Iterable, Mapping, Sequence

from services.tagger.matching import Hit
from services.tagger.mentions import Mention
from services.tagger.roles import Part
from services.tagger.rules import Rule
from services.tagger.text import Span, Text
from shared.gazetteer import Form, Gazetteer, Kind

NAMED = frozenset({Kind.BASE, Kind.EXERCISE, Kind.AGREEMENT, Kind.MISSION})
MAX_SENTENCE_PARTIES = 3
THE_TWO_REACH = 20

_THE_TWO = re.compile(
    r"\b(?:the\s(?:two|neighbou?ring)\s(?:countries|nations|states|sides|neighbou?rs|militaries|governments)"
    r"|both\s(?:countries|nations|sides))\b"
)


Parts = Sequence[tuple[Mention, Part]]
"""The mentions of a sentence, in order, and what each does in it."""


def resolve(
    hit: Hit,
    text: Text,
    clause: Span,
    parts: Parts,
    around: Iterable[Sequence[Mention]],
    dyad: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Resolve the parties of `hit` from its sentence's `parts`; where too few act, from `around`, in order.

    `dyad` is the article's own pair, which "the two countries" means in the body even where a sentence has just
    named another pair ("the ties between A and B strained things between the two countries").
    """
    rule = hit.rule
    skipped = _skipped(rule)
    actors = [m for m, part in parts if part not in skipped and m.is_actor]
    codes = _codes(actors)
    if dyad and set(dyad) & codes and _THE_TWO.search(text.low, hit.span.start, hit.span.end + THE_TWO_REACH):
        return dyad
    near = _codes(m for m in actors if clause.covers(m.span) or hit.span.covers(m.span))
    if (len(codes) > MAX_SENTENCE_PARTIES and len(near) >= max(rule.parties, 2)) or (rule.narrow and near):
        codes = near
    return tuple(sorted(_complete(codes, rule, hit.span, parts, around) | set(rule.add)))


def _skipped(rule: Rule) -> frozenset[Part]:
    skipped = {Part.SOURCE, Part.EPITHET, Part.DRIVER}
    optional = (
        (rule.places, Part.PLACE),
        (rule.adversaries, Part.ADVERSARY),
        (rule.adversaries, Part.SPEAKER),
        (rule.counterparts, Part.COUNTERPART),
    )
    skipped.update(part for wanted, part in optional if not wanted)
    return frozenset(skipped)


def _complete(
    codes: set[str],
    rule: Rule,
    span: Span,
    parts: Parts,
    around: Iterable[Sequence[Mention]],
) -> set[str]:
    """Add parties where too few act: those of a named base or exercise, the place, then the words around."""
    enough = rule.parties if rule.narrow else max(rule.parties, 2)
    if len(codes) < enough and not rule.narrow:
        named = _codes(m for m, _ in parts if m.kind in NAMED and span.start <= m.span.end)
        if len(codes | named) <= MAX_SENTENCE_PARTIES:
            codes = codes | named
    if len(codes) < rule.parties:
        codes = codes | _codes(m for m, part in parts if part is Part.PLACE and m.is_actor)
    if len(codes) < enough:
        for other in around:
            wider = _codes(m for m in other if m.is_actor)
            if len(wider | codes) <= MAX_SENTENCE_PARTIES:
                codes = codes | wider
            if len(codes) >= enough:
                break
    return codes


def _codes(mentions: Iterable[Mention]) -> set[str]:
    return {code for mention in mentions for code in mention.codes}


def adjectives_of(gazetteer: Gazetteer) -> Mapping[str, str]:
    """Return the first adjective of each party by its code (US for USA), its name where it has none."""
    adjectives = dict(gazetteer.parties)
    for name in reversed(gazetteer.mentions):
        if name.kind is Kind.COUNTRY and name.form is Form.ADJECTIVE and len(name.codes) == 1:
            adjectives[name.codes[0]] = name.surface
    return {**adjectives, "USA": "US"}
