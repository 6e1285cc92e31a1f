r"""Text as the tagger reads it, with a map back to the original.

`fold` promises: `Text.norm` is NFKC-folded, with plain quotes and dashes, single spaces, one "\n" between
paragraphs and abbreviated names closed up (U.S. becomes US); and for every non-empty span of it
`original_span` gives the span of the original that it came from.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count
from operator import add
from typing import NamedTuple

from services.tagger.folding import fold_letters, letter_map

_ABBREVIATION = re.compile(
    r"(?:\b(?:Adm|Amb|Brig|Capt|Cmdr|Cdr|Cpl|Col|Dr|Fr|Gen|Gov|Hon|Jr|Lt|Maj|Mr|Mrs|Ms|No|Pres|Prof|Pvt|Rep|Rev|Sec"
    r"|Sen|Sgt|Sr|St|Ste|vs|Vs|etc|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|approx|est|cf|Inc|Ltd|Co|Corp|Mt|Ft"
    r"|Supt|Msgr|Vice)|\b[A-Z]|\be\.g|\bi\.e|\b[ap]\.m)\.$"
)
LONGEST_SENTENCE = 2000
"""No writer's sentence is half as long; what has no stops is cut, so that its cost stays in proportion."""
_STOP = re.compile(r"[.!?\n](?:(?<=\n)\n*|(?<!\n)[.!?]*[\"')\]]*(?=\s[\"'(\[]*[A-Z0-9\u00c0-\u00de]))")
_STOP_OR_BAR = re.compile(r"[.!?…]+[\"')\]]*(?=\s+[\"'(\[]*[A-Z0-9\u00c0-\u00de])|\s+\|+\s+|\s+[•●▪]\s+|\n+")
_BARS = "|•●▪…"
_CLAUSE = re.compile(
    r";|:\s|\s-+\s|,?\s+(?:but|while|whereas|although|though|because|after|before|amid|despite|following|since|unless|when)\s"
    r"|,\s+and\s(?!\w+ing\b)|,\s+(?=(?:has|have|is|are|was|were|will)\s)|,\s+(?:as|which|who|where|when|with|saying|accusing|according)\s|,\s+(?:a|the)\s+day\s"
    r"|\sas\s(?=(?-i:[A-Z])|the\s|its\s|his\s|tensions|part\sof)|\sthat\s(?=(?:was|were|had)\s)"
    r"|\sand\s(?=den(?:y|ies|ied)\s|reject|say|said|warn|accus|call|urg|vow|pledg|threat|condemn|\w+ed\s(?:the|a|an|to|that|its|his)\s)",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:In|During|At|On|Following|With|Amid|At the end of)\s[^,;:]{5,90},\s")
_GLUED = re.compile(r"(?:[A-Z][\w'&.-]*\s+){2,9}[A-Z][\w'&.-]*:\s+(?=[A-Z])")


class Span(NamedTuple):
    """A half-open range of `Text.norm`, in code points."""

    start: int
    end: int

    def covers(self, other: "Span") -> bool:
        """Tell whether `other` lies inside."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class Text:
    """A text with its folded form; `same`: letter for letter at the same offsets as the original."""

    original: str
    norm: str
    same: bool

    @cached_property
    def _map(self) -> tuple[Sequence[int], Sequence[int]]:
        if self.same:
            return range(len(self.norm)), range(1, len(self.norm) + 1)
        return letter_map(self.original)

    @property
    def starts(self) -> Sequence[int]:
        """Where the original characters behind each letter of `norm` start."""
        return self._map[0]

    @property
    def ends(self) -> Sequence[int]:
        """Where the original characters behind each letter of `norm` end."""
        return self._map[1]

    @cached_property
    def low(self) -> str:
        """`norm` in lower case, of the same length (a letter whose lower case is longer stays as it is)."""
        lowered = self.norm.lower()
        if len(lowered) == len(self.norm):
            return lowered
        return "".join(c.lower() if len(c.lower()) == 1 else c for c in self.norm)

    @cached_property
    def words(self) -> list[str]:
        """The runs of letters, digits and "_" in `low`, in order; "" between two other signs."""
        return _without_signs(self.low).split(" ")

    @cached_property
    def word_starts(self) -> list[int]:
        """Where each of `words` starts, and where one after the last would."""
        return [0, *map(add, accumulate(map(len, self.words)), count(1))]

    def words_inside(self, span: Span) -> list[str]:
        """Return the words that start inside `span`."""
        starts = self.word_starts
        return self.words[bisect_left(starts, span.start) : bisect_left(starts, span.end)]

    def original_span(self, span: Span) -> tuple[int, int]:
        """Return (start, end) in the original of a non-empty span of `norm`."""
        return self.starts[span.start], self.ends[span.end - 1]

    def quote(self, span: Span) -> str:
        """Return the original characters of a non-empty span."""
        start, end = self.original_span(span)
        return self.original[start:end]

    @cached_property
    def paragraphs(self) -> tuple[Span, ...]:
        """The non-empty lines, in order."""
        return tuple(Span(m.start(), m.end()) for m in re.finditer(r"[^\n]+", self.norm))

    @cached_property
    def glued_headline(self) -> Span | None:
        """A headline of keywords glued to the first sentence ("US Minister Laos: In a meeting …"), or None."""
        match = _GLUED.match(self.norm) if ":" in self.norm else None
        return Span(0, match.end()) if match else None

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """The sentences, in order; they do not overlap and never cross a paragraph."""
        spans: list[Span] = []
        begin = self.glued_headline.end if self.glued_headline else 0
        _add(spans, self.norm, 0, begin)
        stops = _STOP_OR_BAR if any(bar in self.norm for bar in _BARS) else _STOP
        for stop in stops.finditer(self.norm, begin):
            if stop.group() == "." and _ABBREVIATION.search(self.norm, max(begin, stop.end() - 12), stop.end()):
                continue
            _add(spans, self.norm, begin, stop.end())
            begin = stop.end()
        _add(spans, self.norm, begin, len(self.norm))
        return tuple(spans)

    @cached_property
    def _sentence_starts(self) -> list[int]:
        return [span.start for span in self.sentences]

    def sentence_index(self, position: int) -> int:
        """Return the index of the sentence at or before `position`."""
        return max(bisect_right(self._sentence_starts, position) - 1, 0)

    def clause(self, sentence: Span, span: Span) -> Span:
        """Return the part of `sentence` around `span` up to the nearest clause boundaries outside it."""
        known = self._clauses.get((sentence, span))
        if known is None:
            known = self._clauses[sentence, span] = self._clause(sentence, span)
        return known

    def _clause(self, sentence: Span, span: Span) -> Span:
        start, end = sentence
        opening = _OPENING.match(self.norm, start, span.start)
        if opening:
            start = opening.end()
        if sentence not in self._boundaries:
            self._boundaries[sentence] = [match.span() for match in _CLAUSE.finditer(self.norm, *sentence)]
        for left, right in self._boundaries[sentence]:
            if right <= span.start:
                start = max(start, left + (1 if self.norm[left] in ";:," else 0))
            elif left >= span.end:
                end = left
                break
        return Span(start, end)

    @cached_property
    def _clauses(self) -> dict[tuple[Span, Span], Span]:
        return {}

    @cached_property
    def _boundaries(self) -> dict[Span, list[tuple[int, int]]]:
        return {}


def _add(spans: list[Span], norm: str, start: int, end: int) -> None:
    while end - start > LONGEST_SENTENCE:
        cut = norm.rfind(" ", start + 1, start + LONGEST_SENTENCE) + 1 or start + LONGEST_SENTENCE
        _add(spans, norm, start, cut)
        start = cut
    piece = norm[start:end]
    left = len(piece) - len(piece.lstrip(" \n|•●▪"))
    stripped = piece[left:].rstrip(" \n|•●▪")
    if stripped:
        spans.append(Span(start + left, start + left + len(stripped)))


def _without_signs(low: str) -> str:
    """Put a space for each sign that is no part of a word."""
    if low.isascii():
        return low.translate(_SIGNS)
    for char in set(low):
        if not (char.isalnum() or char == "_"):
            low = low.replace(char, " ")
    return low


_SIGNS = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}


def fold(original: str) -> Text:
    """Fold `original`; total on every string, lone surrogates included."""
    return Text(original, *fold_letters(original))
