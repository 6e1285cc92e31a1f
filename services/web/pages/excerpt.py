"""A quote inside the sentence it stands in. Pure."""

import re
from dataclasses import dataclass

REACH = 260
"""How far to either side of the quote its sentence is followed, in characters."""
FULL_STOPS = "\u3002\uff01\uff1f\u061f\u06d4\u0964\u104b\u17d4\u17d5"
"""Of Chinese and Japanese, Arabic and Urdu, Hindi, Burmese and Khmer: no space need follow."""
SENTENCE_END = re.compile(
    rf"\n+|(?P<word>\S*)(?P<stop>[.!?…]+[\"”’»)\]]*)\s+|[{FULL_STOPS}]+[”」』]?\s*"  # noqa: RUF001 - it is a quotation mark
)
ABBREVIATION_LETTERS = 3
"""A full stop after so few letters that look like "Gen" or "J" ends no sentence, nor does one after "U.S"."""


@dataclass(frozen=True)
class Excerpt:
    """The quote with what surrounds it; `cut_before` and `cut_after` tell that the text goes on there."""

    before: str
    quote: str
    after: str
    cut_before: bool = False
    cut_after: bool = False


def excerpt(text: str, start: int, end: int, quote: str) -> Excerpt:
    """Return `quote` in its sentence. If the text has been revised and the offsets no longer fit, it is looked for.

    A quote that is gone stands alone: it was there when it was read, and what surrounds other words is not its context.
    """
    if text[start:end] != quote or not quote:
        start = text.find(quote) if quote else -1
        if start < 0:
            return Excerpt("", quote, "")
        end = start + len(quote)
    left, cut_before = _left(text, start)
    right, cut_after = _right(text, end)
    before = text[left:start].lstrip() if left < start else ""
    return Excerpt(before, quote, text[end:right].rstrip(), cut_before, cut_after)


def _left(text: str, start: int) -> tuple[int, bool]:
    low = max(0, start - REACH)
    ends = [found.end() for found in SENTENCE_END.finditer(text, low, start) if _ends_sentence(found)]
    if ends:
        return ends[-1], False
    return (0, False) if low == 0 else (_after_space(text, low, start), True)


def _right(text: str, end: int) -> tuple[int, bool]:
    high = min(len(text), end + REACH)
    found = next((found for found in SENTENCE_END.finditer(text, end, high) if _ends_sentence(found)), None)
    if found:
        return found.end(), False
    if high == len(text):
        return high, False
    space = text.rfind(" ", end, high)
    return (space if space > end else high), True


def _after_space(text: str, low: int, start: int) -> int:
    space = text.find(" ", low, start)
    return space + 1 if space >= 0 else low


def _ends_sentence(found: re.Match[str]) -> bool:
    word = found["word"]
    if word is None or found["stop"] != ".":
        return True
    letters = re.sub(r"[^\w.]", "", word)
    title = letters.istitle() and len(letters) <= ABBREVIATION_LETTERS
    return not (title or "." in letters)
