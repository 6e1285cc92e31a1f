"""A quote inside the sentence it stands in. Pure."""

import re
from dataclasses import dataclass

REACH = 260
"""How far to either side of the quote its sentence is followed, in characters."""
SENTENCE_END = re.compile(r"\n+|(?P<word>\S*)(?P<stop>[.!?…]+[\"”’»)\]]*)\s+|[。！？؟।။៕]+[”」』]?\s*")  # noqa: RUF001
ABBREVIATION_LETTERS = 3
"""A full stop after at most this many letters, the first a capital ("U.S.", "Gen.", "Adm."), ends no sentence."""


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
    short = letters[:1].isupper() and len(letters.replace(".", "")) <= ABBREVIATION_LETTERS
    return not (letters and short)
