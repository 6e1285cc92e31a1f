"""Which literals stand at the start of words: the words of a text are looked up, never the literals in the text.

So the cost is that of splitting a text into words, however many literals there are.
"""

import re
from collections.abc import Iterable

from services.tagger.text import Span, Text

REMEMBERED = 1 << 16
_RUN = re.compile(r"\w+")
_WORD = re.compile(r"\w+\Z")


class Anchors:
    """A set of literals. Immutable but for what it remembers of words it has met, so threads may share it."""

    def __init__(self, literals: Iterable[str]) -> None:
        self.literals = frozenset(literals)
        self._begun = _Begun(self.literals)
        self._parts = frozenset(literal for literal in self.literals if not _WORD.match(literal))
        self._signs = tuple(literal for literal in self._parts if not _RUN.search(literal))

    def _of(self, words: Iterable[str]) -> set[str]:
        """Return the literals that begin one of `words`, and those with signs in them that may stand beside one."""
        return set(self._signs).union(*map(self._begun.__getitem__, words))

    def places(self, text: Text) -> list[int]:
        """Return where words start that a literal may begin with, in order; where there is none, no literal stands."""
        if self._signs:
            return text.word_starts[:-1]
        beginning = [number for number, begun in enumerate(map(self._begun.__getitem__, text.words)) if begun]
        return [text.word_starts[number] for number in beginning] if beginning else []

    def inside(self, text: Text, span: Span) -> frozenset[str]:
        """Return every literal that begins a word inside `span`, which starts and ends between words."""
        fired = self._of(text.words_inside(span))
        if not fired.isdisjoint(self._parts):
            doubtful = fired & self._parts
            fired -= {literal for literal in doubtful if not _begins_a_word(literal, text.low, span)}
        return frozenset(fired)


class _Begun(dict[str, tuple[str, ...]]):
    """Which literals each word begins with, worked out when a word is met for the first time."""

    def __init__(self, literals: Iterable[str]) -> None:
        super().__init__()
        self.prefixes: dict[str, list[str]] = {}
        self.whole: dict[str, list[str]] = {}
        for literal in sorted(literals):
            run = _RUN.search(literal)
            if run is not None:
                table = self.prefixes if run.end() == len(literal) else self.whole
                table.setdefault(run.group(), []).append(literal)
        self.longest = max(map(len, [*self.prefixes, *self.whole]), default=0)

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(word) > self.longest + 1:
            return self[word[: self.longest + 1]]
        found = [literal for end in range(1, len(word) + 1) for literal in self.prefixes.get(word[:end], ())]
        found += self.whole.get(word, ())
        if len(self) >= REMEMBERED:
            self.clear()
        self[word] = tuple(found)
        return self[word]


def _begins_a_word(literal: str, low: str, span: Span) -> bool:
    at = low.find(literal, span.start, span.end)
    while at > span.start and (low[at - 1].isalnum() or low[at - 1] == "_"):
        at = low.find(literal, at + 1, span.end)
    return at >= 0
