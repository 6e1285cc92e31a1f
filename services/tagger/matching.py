"""Text and rules in, hits with spans out: one automaton finds anchors, patterns run only where an anchor fired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick, MatchKind

from services.tagger.mentions import Mention
from services.tagger.rules import MARK_END, MARKS, Pattern, Rule, Rules
from services.tagger.text import Span, Text


@dataclass(frozen=True)
class Marked:
    """A sentence with its mentions marked, and the way back: `back[i]` is the offset in `norm` of letter i."""

    sentence: Span
    string: str
    back: tuple[int, ...]

    def find(self, pattern: Pattern) -> Span | None:
        """Return where `pattern` first matches, in `norm`, or None."""
        match = pattern.regex.search(self.string)
        return self._span(match.start(), match.end()) if match else None

    def find_all(self, pattern: Pattern) -> list[Span]:
        """Return every match of `pattern`, in order."""
        return [self._span(m.start(), m.end()) for m in pattern.regex.finditer(self.string)]

    def _span(self, start: int, end: int) -> Span:
        while start < end and self.string[start] in _NOT_TEXT:
            start += 1
        while end > start and self.string[end - 1] in _NOT_TEXT:
            end -= 1
        return Span(self.back[start], self.back[end - 1] + 1)


_NOT_TEXT = frozenset([*MARKS.values(), MARK_END, " ", ",", '"'])


@dataclass(frozen=True)
class Hit:
    """A rule that matched: in which sentence of which field, where, by which pattern."""

    rule: Rule
    field: str
    sentence: int
    span: Span
    pattern: str


@dataclass(frozen=True)
class Veto:
    """A rule that matched and was taken back, with the reason."""

    rule: Rule
    field: str
    span: Span
    reason: str


@dataclass(frozen=True)
class Matcher:
    """Rules compiled for scanning."""

    rules: Rules
    anchors: AhoCorasick = field(compare=False)
    by_anchor: tuple[tuple[int, ...], ...]
    by_kind: Mapping[str, tuple[int, ...]]
    always_text: tuple[str, ...] = ()

    def candidates(self, text: Text) -> dict[int, set[int]]:
        """Return, by sentence index, the rules with an anchor in that sentence (mentions not looked at)."""
        low = text.low
        found: dict[int, set[int]] = {}
        for index, start, _ in self.anchors.find_matches_as_indexes(low, overlapping=True):
            if start and (low[start - 1].isalnum() or low[start - 1] == "_"):
                continue
            found.setdefault(text.sentence_index(start), set()).update(self.by_anchor[index])
        return found


def build_matcher(rules: Rules) -> Matcher:
    """Compile the anchors of all rules into one automaton."""
    by_anchor: dict[str, set[int]] = {}
    by_kind: dict[str, set[int]] = {}
    for number, rule in enumerate(rules.rules):
        for pattern in rule.any:
            for anchor in pattern.anchors:
                if anchor.startswith("<"):
                    by_kind.setdefault(anchor[1:-1], set()).add(number)
                else:
                    by_anchor.setdefault(anchor, set()).add(number)
    words = list(by_anchor)
    return Matcher(
        rules=rules,
        anchors=AhoCorasick(words, matchkind=MatchKind.Standard),
        by_anchor=tuple(tuple(sorted(by_anchor[word])) for word in words),
        by_kind={kind: tuple(sorted(numbers)) for kind, numbers in by_kind.items()},
    )


def mark(text: Text, sentence: Span, mentions: Sequence[Mention]) -> Marked:
    """Put each mention's letter before it and MARK_END after it."""
    pieces: list[str] = []
    back: list[int] = []
    at = sentence.start
    for mention in mentions:
        start, end = mention.span.start, mention.span.end
        pieces.append(text.norm[at:start])
        back.extend(range(at, start))
        pieces.append(MARKS[mention.kind] + text.norm[start:end] + MARK_END)
        back.append(start)
        back.extend(range(start, end))
        back.append(end - 1)
        at = end
    pieces.append(text.norm[at : sentence.end])
    back.extend(range(at, sentence.end))
    return Marked(sentence, "".join(pieces), tuple(back))


def match_sentence(
    matcher: Matcher, numbers: Sequence[int], marked: Marked, item: Sequence[Marked], *, where: str, sentence: int
) -> tuple[list[Hit], list[Veto]]:
    """Run the rules `numbers` on one marked sentence; `item` are all marked sentences, for item-wide conditions."""
    hits: list[Hit] = []
    vetoes: list[Veto] = []
    for number in numbers:
        rule = matcher.rules.rules[number]
        for pattern in rule.any:
            span = marked.find(pattern)
            if span is None:
                continue
            reason = _why_not(rule, marked, item)
            if reason:
                vetoes.append(Veto(rule, where, span, reason))
            else:
                hits.append(Hit(rule, where, sentence, span, pattern.source))
            break
    return hits, vetoes


def _why_not(rule: Rule, marked: Marked, item: Sequence[Marked]) -> str | None:
    if rule.need and not any(marked.find(p) for p in rule.need):
        return "needs another word in the sentence"
    for pattern in rule.unless:
        if marked.find(pattern):
            return f"not with {pattern.source!r}"
    if rule.need_item and not any(m.find(p) for p in rule.need_item for m in item):
        return "needs another word in the item"
    for pattern in rule.unless_item:
        if any(m.find(pattern) for m in item):
            return f"not with {pattern.source!r} in the item"
    return None
