r"""Text as the tagger reads it, with a map back to the original.

`fold` promises: `Text.norm` is NFKC-folded, with plain quotes and dashes, single spaces, one "\n" between
paragraphs and abbreviated names closed up (U.S. becomes US); and for every non-empty span of it
`original_span` gives the span of the original that it came from.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

_PLAIN = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "‛": "'",
        "ʼ": "'",
        "`": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "–": "-",
        "—": "-",
        "―": "-",
        "−": "-",
        "\u200b": "",
        "\u200c": "",
        "\u200d": "",
        "\u2060": "",
        "\ufeff": "",
        "\u00ad": "",
    }
)
_LINE_ENDS = "\n\r\u2028\u2029\x0b\x0c\x85"
_INITIALS = re.compile(r"(?<![\w.])(?:[A-Z]\.){2,4}")
_UNTIDY = re.compile(r"^\s|\s$|\s\s|[^\S \n]|[`\x7f]|(?<![\w.])(?:[A-Z]\.){2}")
_STARTERS = re.compile(r"\s+(?:The|It|He|She|They|This|That|In|On|At|But|However|A|An|According|If|We|I)\b|\s*$|\s*\n")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Adm|Amb|Brig|Capt|Cmdr|Cdr|Cpl|Col|Dr|Fr|Gen|Gov|Hon|Jr|Lt|Maj|Mr|Mrs|Ms|No|Pres|Prof|Pvt|Rep|Rev|Sec"
    r"|Sen|Sgt|Sr|St|Ste|vs|Vs|etc|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|approx|est|cf|Inc|Ltd|Co|Corp|Mt|Ft"
    r"|Supt|Msgr|Vice)|\b[A-Z]|\be\.g|\bi\.e|\b[ap]\.m)\.$"
)
_STOP = re.compile(r"[.!?…]+[\"')\]]*(?=\s+[\"'(\[]*[A-Z0-9\u00c0-\u00de])|\s+\|+\s+|\s+[•●▪]\s+|\n+")
_CLAUSE = re.compile(
    r";|:\s|\s-+\s|,?\s+(?:but|while|whereas|although|though|because|after|before|amid|despite|following|since|unless|when)\s"
    r"|,\s+and\s(?!\w+ing\b)|,\s+(?=(?:has|have|is|are|was|were|will)\s)|,\s+(?:as|which|who|where|when|with|saying|accusing|according)\s|,\s+(?:a|the)\s+day\s"
    r"|\sas\s(?=(?-i:[A-Z])|the\s|its\s|his\s|tensions|part\sof)|\sthat\s(?=(?:was|were|had)\s)"
    r"|\sand\s(?=den(?:y|ies|ied)\s|reject|say|said|warn|accus|call|urg|vow|pledg|threat|condemn|\w+ed\s(?:the|a|an|to|that|its|his)\s)",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:In|During|At|On|Following|With|Amid|At the end of)\s[^,;:]{5,90},\s")
_GLUED = re.compile(r"(?:[A-Z][\w'&.-]*\s+){2,9}[A-Z][\w'&.-]*:\s+(?=[A-Z])")


@dataclass(frozen=True)
class Span:
    """A half-open range of `Text.norm`, in code points."""

    start: int
    end: int

    def covers(self, other: "Span") -> bool:
        """Tell whether `other` lies inside."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class Text:
    """A text with its folded form. `starts[i]` and `ends[i]` bound the original characters behind `norm[i]`."""

    original: str
    norm: str
    starts: Sequence[int]
    ends: Sequence[int]

    @cached_property
    def low(self) -> str:
        """`norm` in lower case, of the same length (a letter whose lower case is longer stays as it is)."""
        lowered = self.norm.lower()
        if len(lowered) == len(self.norm):
            return lowered
        return "".join(c.lower() if len(c.lower()) == 1 else c for c in self.norm)

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
        match = _GLUED.match(self.norm)
        return Span(0, match.end()) if match else None

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """The sentences, in order; they do not overlap and never cross a paragraph."""
        spans: list[Span] = []
        begin = self.glued_headline.end if self.glued_headline else 0
        _add(spans, self.norm, 0, begin)
        for stop in _STOP.finditer(self.norm, begin):
            piece = self.norm[begin : stop.end()].rstrip()
            if stop.group().startswith(".") and len(stop.group()) == 1 and _ABBREVIATION.search(piece[-12:]):
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
        start, end = sentence.start, sentence.end
        opening = _OPENING.match(self.norm, start, span.start)
        if opening:
            start = opening.end()
        for boundary in _CLAUSE.finditer(self.norm, sentence.start, sentence.end):
            if boundary.end() <= span.start:
                start = max(start, boundary.start() + (1 if self.norm[boundary.start()] in ";:," else 0))
            elif boundary.start() >= span.end:
                end = boundary.start()
                break
        return Span(start, end)


def _add(spans: list[Span], norm: str, start: int, end: int) -> None:
    piece = norm[start:end]
    left = len(piece) - len(piece.lstrip(" \n|•●▪"))
    stripped = piece[left:].rstrip(" \n|•●▪")
    if stripped:
        spans.append(Span(start + left, start + left + len(stripped)))


def fold(original: str) -> Text:
    """Fold `original`; total on every string, lone surrogates included."""
    if not _UNTIDY.search(original):
        table = {ord(char): _fold_letter(char) for char in set(original) if not char.isascii()}
        if all(len(folded) == 1 for folded in table.values()):  # letter by letter: the offsets are the same
            places = range(len(original))
            return Text(original, original.translate(table), places, range(1, len(original) + 1))
    dots = _dots_to_drop(original)
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for index, char in enumerate(original):
        if index in dots:
            continue
        if char.isspace():
            if out and out[-1] in " \n":
                out[-1] = "\n" if char in _LINE_ENDS else out[-1]
                ends[-1] = index + 1
                continue
            folded = ("\n" if char in _LINE_ENDS else " ") if out else ""
        else:
            folded = _fold_letter(char)
        for piece in folded:
            out.append(piece)
            starts.append(index)
            ends.append(index + 1)
    if out and out[-1] in " \n":
        out.pop()
        starts.pop()
        ends.pop()
    return Text(original, "".join(out), tuple(starts), tuple(ends))


def _fold_letter(char: str) -> str:
    if char.isascii():
        return "'" if char == "`" else char
    plain = char.translate(_PLAIN)
    if plain != char:
        return plain
    return "".join(unicodedata.normalize("NFKC", char).translate(_PLAIN).split())


def _dots_to_drop(original: str) -> frozenset[int]:
    """Find the stops inside abbreviated names; the last one stays where it also ends a sentence."""
    drop: set[int] = set()
    for match in _INITIALS.finditer(original):
        dots = [i for i in range(match.start(), match.end()) if original[i] == "."]
        if _STARTERS.match(original, match.end()):
            dots.pop()
        drop.update(dots)
    return frozenset(drop)
