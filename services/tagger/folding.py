r"""Letters as the tagger reads them, and where each came from.

The folded form is NFKC letter by letter, with plain quotes and dashes, single spaces, one "\n" between paragraphs and
abbreviated names closed up (U.S. becomes US). `fold_letters` makes it with whole-string operations; `letter_map` walks
the letters and is asked only when something was found.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator

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
_EVERYDAY = (("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("–", "-"), ("—", "-"))
_LINE_ENDS = "\n\r\u2028\u2029\x0b\x0c\x85"
_NO_LINE_ENDS = re.compile("[\x1c-\x1e]")
"""Where `str.splitlines` sees a line end and a reader does not."""
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_SEAM = re.compile(r"[^!-~]{2,}|[^ -~]|^ | \Z")
"""What may fold to more or fewer letters; all else is visible ASCII with single spaces in between."""
FEW = 12
_DOTTED = re.compile(r"\.[A-Z]\.")
_INITIALS = re.compile(r"(?<![\w.])(?:[A-Z]\.){2,4}")
_STARTERS = re.compile(r"\s+(?:The|It|He|She|They|This|That|In|On|At|But|However|A|An|According|If|We|I)\b|\s*$|\s*\n")


def fold_letters(original: str) -> tuple[str, bool]:
    """Return the folded form, and whether it has letter for letter the same offsets; total on every string."""
    text, same = original, True
    if _DOTTED.search(text):
        dots = _dots_to_drop(text)
        if dots:
            text, same = "".join(_cut(text, dots)), False
    if "`" in text:
        text = text.replace("`", "'")
    if not text.isascii():
        for curly, plain in _EVERYDAY:
            text = text.replace(curly, plain)
        table = _changes(text)
        same = same and all(len(folded) == 1 for folded in table.values())
        text = _replace(text, table)
    tidy = _tidy(text)
    return tidy, same and len(tidy) == len(original)


def letter_map(original: str) -> tuple[list[int], list[int]]:
    """Return where the original characters behind each folded letter start and end."""
    walk = _Walk(original)
    at = 0
    cuts = _dots_to_drop(original)
    for seam in _SEAM.finditer(original):
        walk.copy(at, seam.start(), cuts)
        walk.fold(seam.start(), seam.end())
        at = seam.end()
    walk.copy(at, len(original), cuts)
    walk.finish()
    return walk.starts, walk.ends


class _Walk:
    """The letters so far: `blank` says that the last one is a space or a line end, which takes in any that follow."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.blank = False

    def copy(self, start: int, end: int, cuts: list[int]) -> None:
        """Take letters that stay as they are, but for the stops at `cuts`."""
        for cut in [*cuts[bisect_left(cuts, start) : bisect_left(cuts, end)], end]:
            if start < cut:
                self.starts.extend(range(start, cut))
                self.ends.extend(range(start + 1, cut + 1))
                self.blank = False
            start = cut + 1

    def fold(self, start: int, end: int) -> None:
        """Take letters one by one."""
        for index in range(start, end):
            char = self.original[index]
            if not char.isspace():
                letters = len(_fold_letter(char))
                self.blank = self.blank and not letters
            elif self.blank:
                self.ends[-1] = index + 1
                continue
            else:
                letters = 1 if self.starts else 0
                self.blank = bool(self.starts)
            self.starts.extend([index] * letters)
            self.ends.extend([index + 1] * letters)

    def finish(self) -> None:
        """Leave out a space at the end."""
        if self.blank:
            self.starts.pop()
            self.ends.pop()


def _changes(text: str) -> dict[str, str]:
    foreign = (char for char in set(_FOREIGN.findall(text)) if not char.isspace())
    return {char: folded for char in foreign if (folded := _fold_letter(char)) != char}


def _replace(text: str, table: dict[str, str]) -> str:
    """Replace letters; folding a folded letter changes nothing, so a few may be replaced one after the other."""
    if len(table) > FEW:
        return text.translate({ord(char): folded for char, folded in table.items()})
    for char, folded in table.items():
        text = text.replace(char, folded)
    return text


def _tidy(text: str) -> str:
    lines = text.splitlines()
    if len(lines) > 1 and _NO_LINE_ENDS.search(text):
        lines = _NO_LINE_ENDS.sub(" ", text).splitlines()
    if len(lines) > 1:
        return "\n".join(filter(None, [" ".join(line.split()) for line in lines]))
    return " ".join(text.split())


def _fold_letter(char: str) -> str:
    if char.isascii():
        return "'" if char == "`" else char
    plain = char.translate(_PLAIN)
    if plain != char:
        return plain
    return "".join(unicodedata.normalize("NFKC", char).translate(_PLAIN).split())


def _cut(text: str, places: list[int]) -> Iterator[str]:
    at = 0
    for place in places:
        yield text[at:place]
        at = place + 1
    yield text[at:]


def _dots_to_drop(original: str) -> list[int]:
    """Find the stops inside abbreviated names, in order; the last one stays where it also ends a sentence."""
    drop: list[int] = []
    for match in _INITIALS.finditer(original):
        dots = [i for i in range(match.start(), match.end()) if original[i] == "."]
        if _STARTERS.match(original, match.end()):
            dots.pop()
        drop.extend(dots)
    return drop
