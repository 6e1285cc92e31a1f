"""Who and what a text names, with spans: gazetteer spellings found as whole words, the longest at a place."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from ahocorasick_rs import AhoCorasick, MatchKind

from services.tagger.text import Span, Text
from shared.gazetteer import Form, Kind
from shared.gazetteer import Mention as Name

ACTORS = frozenset({Kind.COUNTRY, Kind.BODY, Kind.PERSON})
_FULL_FORMS = frozenset({Form.NAME, Form.TITLED})


@dataclass(frozen=True)
class Mention:
    """A name where it stands; `name.codes` are the parties it may stand for."""

    span: Span
    name: Name

    @property
    def kind(self) -> Kind:
        """The kind of thing named."""
        return self.name.kind

    @property
    def codes(self) -> tuple[str, ...]:
        """The parties it may stand for."""
        return self.name.codes

    @property
    def is_actor(self) -> bool:
        """Whether it can act: a state, a body, a person."""
        return self.name.kind in ACTORS and bool(self.name.codes)


@dataclass(frozen=True)
class NameIndex:
    """All spellings in one automaton; `readings[i]` are those of one spelling, in order of preference."""

    readings: tuple[tuple[Name, ...], ...]
    automaton: AhoCorasick = field(compare=False)

    def find(self, texts: Sequence[Text], on: date | None = None) -> tuple[tuple[Mention, ...], ...]:
        """Return the mentions in each of an item's texts, in order, never overlapping.

        `on` picks dated readings. A surname many bear counts only where the full name stands in one of the texts,
        and a name that needs company only where a word of it does.
        """
        found = [self._find(text, on) for text in texts]
        full = {
            m.name.name for mentions in found for m in mentions if m.kind is Kind.PERSON and m.name.form in _FULL_FORMS
        }
        words: set[str] | None = None
        kept: list[tuple[Mention, ...]] = []
        for mentions in found:
            keep: list[Mention] = []
            for mention in mentions:
                name = mention.name
                if name.needs_full_name and name.name not in full:
                    continue
                if name.company:
                    if words is None:
                        words = {word for text in texts for word in _words(text.low)}
                    if not name.company & words:
                        continue
                if name.kind is not Kind.SHIELD:
                    keep.append(mention)
            kept.append(tuple(keep))
        return tuple(kept)

    def _find(self, text: Text, on: date | None) -> list[Mention]:
        low, norm = text.low, text.norm
        found: list[Mention] = []
        end_of_last = 0
        for index, start, end in self._whole_words(low):
            if start < end_of_last:
                continue
            for name in self.readings[index]:
                if name.admits(norm[start:end]) and name.holds(on):
                    found.append(Mention(Span(start, end), name))
                    end_of_last = end
                    break
        return found

    def _whole_words(self, low: str) -> list[tuple[int, int, int]]:
        length = len(low)
        matches = [
            (index, start, end)
            for index, start, end in self.automaton.find_matches_as_indexes(low, overlapping=True)
            if not (start and _is_word(low[start - 1])) and not (end < length and _is_word(low[end]))
        ]
        matches.sort(key=lambda match: (match[1], -match[2]))
        return matches


def index_names(names: Iterable[Name]) -> NameIndex:
    """Compile `names`, spelled as folded text is (US, plain quotes); of dated readings the latest comes first."""
    readings: dict[str, list[Name]] = {}
    for name in names:
        surface = name.surface.replace("\u2019", "'")
        if all(len(part) == 1 for part in surface.split(".")[:-1]) and surface.count(".") > 1:
            surface = surface.replace(".", "")
        elif "." in surface:
            surface = _undot(surface)
        readings.setdefault(surface.lower(), []).append(replace(name, surface=surface))
    for dated in readings.values():
        dated.sort(key=lambda name: name.since.toordinal() if name.since else 0, reverse=True)
    keys = list(readings)
    return NameIndex(
        readings=tuple(tuple(readings[key]) for key in keys),
        automaton=AhoCorasick(keys, matchkind=MatchKind.Standard),
    )


def _undot(surface: str) -> str:
    return " ".join(
        word.replace(".", "") if word.count(".") > 1 and len(word.replace(".", "")) * 2 == len(word) else word
        for word in surface.split(" ")
    )


def between(mentions: Sequence[Mention], span: Span) -> Sequence[Mention]:
    """Return the mentions that begin inside `span`."""
    low = bisect_left(mentions, span.start, key=lambda m: m.span.start)
    return mentions[low : bisect_left(mentions, span.end, key=lambda m: m.span.start)]


def _is_word(char: str) -> bool:
    return char.isalnum() or char in "_$"


def _words(low: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in low).split()
