"""Who and what a text names, with spans: gazetteer spellings found as whole words, the longest at a place.

Only where a word of the text begins a spelling are spellings tried, so the cost does not grow with the gazetteer.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from services.tagger.text import Span, Text
from shared.gazetteer import Form, Kind
from shared.gazetteer import Mention as Name

ACTORS = frozenset({Kind.COUNTRY, Kind.BODY, Kind.PERSON})
_HEAD = re.compile(r"\w+")
_FULL_FORMS = frozenset({Form.NAME, Form.TITLED})


class Mention(NamedTuple):
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
    """All spellings, in lower case: the `readings` of each, in order of preference.

    `heads`: how long those spellings are that begin with a word, longest first.
    """

    readings: Mapping[str, tuple[Name, ...]]
    heads: Mapping[str, tuple[int, ...]]

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
                        words = {part for text in texts for word in text.words for part in word.split("_")}
                    if not name.company & words:
                        continue
                if name.kind is not Kind.SHIELD:
                    keep.append(mention)
            kept.append(tuple(keep))
        return tuple(kept)

    def _find(self, text: Text, on: date | None) -> list[Mention]:
        low, norm = text.low, text.norm
        words, starts = text.words, text.word_starts
        heads, readings, length = self.heads, self.readings, len(low)
        found: list[Mention] = []
        end_of_last = 0
        for number in [number for number, word in enumerate(words) if word in heads]:
            start = starts[number]
            if start < end_of_last or (start and low[start - 1] == "$"):
                continue
            for size in heads[words[number]]:
                end = start + size
                names = readings.get(low[start:end])
                if names is None or end > length or (end < length and _is_word(low[end])):
                    continue
                written = norm[start:end]
                name = next((name for name in names if name.admits(written) and name.holds(on)), None)
                if name is not None:
                    found.append(Mention(Span(start, end), name))
                    end_of_last = end
                    break
        return found


def index_names(names: Iterable[Name]) -> NameIndex:
    """Compile `names`, spelled as folded text is (US, plain quotes); of dated readings the latest comes first."""
    readings: dict[str, list[Name]] = {}
    for name in names:
        surface = name.surface.replace("\u2019", "'")
        if all(len(part) == 1 for part in surface.split(".")[:-1]) and surface.count(".") > 1:
            surface = surface.replace(".", "")
        elif "." in surface:
            surface = _undot(surface)
        readings.setdefault(surface.lower(), []).append(
            name if surface == name.surface else replace(name, surface=surface)
        )
    for dated in readings.values():
        dated.sort(key=lambda name: name.since.toordinal() if name.since else 0, reverse=True)
    heads: dict[str, set[int]] = {}
    for key in readings:
        head = _HEAD.match(key)
        if head is None:
            raise ValueError(f"a name begins with a letter or a digit, not as {key!r} does")
        heads.setdefault(head.group(), set()).add(len(key))
    return NameIndex(
        readings={key: tuple(names) for key, names in readings.items()},
        heads={head: tuple(sorted(sizes, reverse=True)) for head, sizes in heads.items()},
    )


def _undot(surface: str) -> str:
    return " ".join(
        word.replace(".", "") if word.count(".") > 1 and len(word.replace(".", "")) * 2 == len(word) else word
        for word in surface.split(" ")
    )


def between(mentions: Sequence[Mention], span: Span) -> Sequence[Mention]:
    """Return the mentions that begin inside `span`."""
    if not mentions:
        return ()
    low = bisect_left(mentions, span.start, key=_start)
    return mentions[low : bisect_left(mentions, span.end, low, key=_start)]


def _start(mention: Mention) -> int:
    return mention.span.start


def _is_word(char: str) -> bool:
    return char.isalnum() or char in "_$"
