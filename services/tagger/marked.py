"""A sentence as patterns see it: its mentions marked, its anchors known, what each pattern gave remembered."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

from services.tagger.anchors import Anchors
from services.tagger.mentions import Mention
from services.tagger.rules import EURO, MARK_END, MARKS, Pattern
from services.tagger.text import Span, Text

_STRAY = str.maketrans({**dict.fromkeys([*MARKS.values(), MARK_END, EURO], "\x7f"), "€": EURO})
_NOT_TEXT = frozenset([*MARKS.values(), MARK_END, " ", ",", '"'])


class Marked:
    """A sentence with a letter before each of its `mentions` and MARK_END after it, made when a pattern asks for it.

    `words` are the anchors among its words, where they are known.
    """

    def __init__(
        self,
        text: Text,
        sentence: Span,
        mentions: Sequence[Mention],
        anchors: Anchors,
        words: frozenset[str] | None = None,
    ) -> None:
        self.text = text
        self.sentence = sentence
        self.mentions = mentions
        self._anchors = anchors
        self._words = words
        self._found: dict[int, Span | None] = {}

    @cached_property
    def fired(self) -> frozenset[str]:
        """Every anchor in it, mentions included."""
        words = self._words if self._words is not None else self._anchors.inside(self.text, self.sentence)
        return words.union([_KINDS[mention.name.kind] for mention in self.mentions]) if self.mentions else words

    @cached_property
    def string(self) -> str:
        """The marked sentence."""
        return self._mark(self.text.norm)

    @cached_property
    def low(self) -> str:
        """The marked sentence in lower case."""
        return self._mark(self.text.low)

    def find(self, pattern: Pattern) -> Span | None:
        """Return where `pattern` first matches, in `norm`, or None."""
        key = id(pattern)
        try:
            return self._found[key]
        except KeyError:
            match = None
            if pattern.may_match(self.fired):
                match = pattern.regex.search(self.string if pattern.exact else self.low)
            self._found[key] = found = self._span(match.start(), match.end()) if match else None
            return found

    def find_all(self, pattern: Pattern) -> list[Span]:
        """Return every match of `pattern`, in order."""
        if not pattern.may_match(self.fired):
            return []
        matches = pattern.regex.finditer(self.string if pattern.exact else self.low)
        return [self._span(match.start(), match.end()) for match in matches]

    def _mark(self, letters: str) -> str:
        first, end = self.sentence
        letters = letters[first : max(end, self.mentions[-1].span.end) if self.mentions else end]
        if not letters.isprintable() or "€" in letters:
            letters = letters.translate(_STRAY)
        pieces: list[str] = []
        at = 0
        for (start, end), name in self.mentions:
            pieces += (letters[at : start - first], MARKS[name.kind], letters[start - first : end - first], MARK_END)
            at = end - first
        return "".join([*pieces, letters[at:]])

    @cached_property
    def _marks(self) -> list[int]:
        """Where the marks stand in `string`: before and after each mention, in turn."""
        first = self.sentence.start
        return [
            place
            for number, (span, _) in enumerate(self.mentions)
            for place in (span.start - first + 2 * number, span.end - first + 2 * number + 1)
        ]

    def _span(self, start: int, end: int) -> Span:
        """Turn a range of `string` into one of `norm`, without marks, spaces, commas and quotes at its ends."""
        low = self.low
        while start < end and low[start] in _NOT_TEXT:
            start += 1
        while end > start and low[end - 1] in _NOT_TEXT:
            end -= 1
        first = self.sentence.start
        return Span(first + start - bisect_left(self._marks, start), first + end - bisect_left(self._marks, end))


class Passage:
    """Several sentences: whether a pattern matches in one of them."""

    def __init__(self, sentences: Sequence[Marked]) -> None:
        self.sentences = sentences
        self._known: dict[int, bool] = {}

    @cached_property
    def _fired(self) -> frozenset[str]:
        return frozenset().union(*(sentence.fired for sentence in self.sentences))

    def has(self, pattern: Pattern) -> bool:
        """Tell whether `pattern` matches in a sentence."""
        known = self._known.get(id(pattern))
        if known is None:
            known = pattern.may_match(self._fired) and any(s.find(pattern) is not None for s in self.sentences)
            self._known[id(pattern)] = known
        return known


_KINDS = {kind: f"<{kind}>" for kind in MARKS}
