"""What patterns are written as: regular expressions over marked text, and the words to look them up by."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from sys import intern

KINDS = ("country", "body", "person", "base", "exercise", "agreement", "forum", "mission", "group")
MARKS = {kind: chr(0x0E + index) for index, kind in enumerate(KINDS)}
MARK_END = "\x17"
EURO = "\x18"
"""Stands for "€" in marked text: a class of letters with one beyond Latin-1 in it takes 50 times as long to compile."""
_MARK_CLASS = "[\x0e-\x16]"
SEPARATOR = "(?:'s?)?[^\\w\x0e-\x18$£']+'?"
_GAP_WORD = f"(?:{_MARK_CLASS}[^\x17]*\x17|[^\\s\x0e-\x17]+)"
WORD_START = "(?<!\\w)"
WORD_END = "(?!\\w)"
LEAD = f"{WORD_START}{_MARK_CLASS}?"
MAX_SPELLINGS = 200


class PatternError(ValueError):
    """A pattern that cannot be read; the message says why and at which character."""


@dataclass(frozen=True)
class Node:
    """A piece of a pattern: expression, groups of anchors that must occur, whether it may be empty.

    `first`: the letters it can begin with, in lower case, marks aside; None where it could be any.
    `rest`: where the expression begins as a word does (LEAD), what follows that: alternatives share the beginning.
    `stem`: where the rest is one word, its spellings, to be followed by `ending`: alternatives share that too.
    """

    regex: str
    groups: tuple[frozenset[str], ...]
    optional: bool = False
    first: frozenset[str] | None = frozenset()
    rest: str | None = None
    stem: str | None = None
    ending: str = ""


def at_first_letters(first: frozenset[str] | None) -> str:
    """Turn most places of a text away at once: a match begins a word, with one of a few letters or a mark."""
    if first is None:
        return ""
    letters = "".join(re.escape(c) for c in sorted({*first, *(c.upper() for c in first)}))
    return f"(?<!\\w)(?=[\x0e-\x16{letters}])"


def with_shared_leads(branches: Sequence[Node]) -> Iterator[str]:
    """Write alternatives in order, the beginning of those that begin as words do once for all that stand together."""
    for shared, those in groupby(branches, key=lambda branch: branch.rest is not None):
        if shared:
            yield f"{LEAD}(?:{'|'.join(with_shared_endings(those))})"
        else:
            yield from (branch.regex for branch in those)


def with_shared_endings(branches: Iterable[Node]) -> Iterator[str]:
    """Write what follows LEAD in alternatives, in order, words that end alike with one ending."""
    for ending, those in groupby(branches, key=lambda branch: branch.ending if branch.stem else ""):
        if ending:
            yield f"(?:{'|'.join(str(branch.stem) for branch in those)}){ending}"
        else:
            yield from (str(branch.rest) for branch in those)


@lru_cache(maxsize=8192)
def word_node(word: str, *, open_ended: bool, as_written: bool, cased: bool) -> Node:
    """Make the node of one word: any ending, or none; `as_written`: in this case only, in a pattern that is `cased`."""
    spelled = spellings(word)
    stem = "|".join(re.escape(s).replace(r"\#", r"\d[\d,.]*") for s in spelled)
    if cased and not as_written:
        stem = f"(?i:{stem})"
    body = f"(?:{stem})" if len(spelled) > 1 else stem
    ending = f"\\w*{MARK_END}?" if open_ended else f"{WORD_END}{MARK_END}?"
    numeral = any("#" in s for s in spelled)
    first = frozenset(c for s in spelled for c in ("0123456789" if s[0] == "#" else s[0].lower()))
    groups = () if numeral else (frozenset(intern(s.lower()) for s in spelled),)
    return Node(LEAD + body + ending, groups, first=first, rest=body + ending, stem=stem, ending=ending)


def sequence_of(
    regex: str, groups: tuple[frozenset[str], ...], first: frozenset[str] | None, start: Node | None
) -> Node:
    """Make the node of pieces in a row; `start` is the first of them, where it must occur."""
    if start is None or start.rest is None:
        return Node(regex, groups, first=first)
    if regex == start.regex:
        return start
    if regex.startswith(LEAD):
        return Node(regex, groups, first=first, rest=regex.removeprefix(LEAD))
    return Node(regex, groups, first=first, rest=start.rest + regex.removeprefix(start.regex))


def either(firsts: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Join what alternatives can begin with; None where one of them can begin with anything."""
    known: set[str] = set()
    for first in firsts:
        if first is None:
            return None
        known |= first
    return frozenset(known)


def between_pieces(joint: str) -> str:
    """Write what stands between two pieces: a space, "?" for one that may be missing, or a number of words."""
    if joint == "?":
        return f"(?:{SEPARATOR})?"
    if joint.isdigit():
        return f"(?:{SEPARATOR}{_GAP_WORD}){{0,{joint}}}?{SEPARATOR}"
    return SEPARATOR


def spellings(word: str) -> list[str]:
    """Write out [ab] and the ? after a letter; raises PatternError above MAX_SPELLINGS."""
    spelled = [""]
    for match in re.finditer(r"(\[[^\]]+\]|.)(\??)", word):
        options = list(match.group(1)[1:-1]) if match.group(1).startswith("[") else [match.group(1)]
        if len(options) == 3 and options[1] == "-":  # noqa: PLR2004 - a range such as [0-4]
            options = [chr(code) for code in range(ord(options[0]), ord(options[2]) + 1)]
        if match.group(2):
            options = [*options, ""]
        spelled = [s + option for s in spelled for option in options]
        if len(spelled) > MAX_SPELLINGS:
            raise PatternError(f"{word!r} has more than {MAX_SPELLINGS} spellings")
    return [s for s in spelled if s]


EVERYWHERE = frozenset(
    ["a", "about", "after", "against", "all", "an", "and", "are", "as", "at", "be", "before", "between",
     "but", "by", "call", "co", "country", "down", "first", "for", "from", "get", "give", "has", "have",
     "he", "his", "in", "into", "is", "it", "its", "make", "more", "nation", "near", "new", "no", "not",
     "number", "of", "off", "on", "or", "out", "over", "pass", "put", "say", "set", "so", "state", "take",
     "than", "that", "the", "their", "they", "this", "through", "to", "turn", "up", "use", "war", "was",
     "week", "were", "will", "with", "year", "you"]
)  # fmt: skip
"""Words that begin a word in most texts: a pattern is never looked up by them."""


def rarity(anchors: frozenset[str]) -> float:
    """Prefer few and long literals: the shortest one decides, many of them cost, everyday words are no use."""
    if any(anchor.startswith("<") for anchor in anchors):
        return 0.5
    if not anchors.isdisjoint(EVERYWHERE):
        return -1.0
    return min(len(anchor) for anchor in anchors) - len(anchors) / 20
