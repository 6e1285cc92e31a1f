"""Text and rules in, hits with spans out: one automaton finds anchors, patterns run only where an anchor fired."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick, MatchKind

from services.tagger.mentions import Mention
from services.tagger.rules import MARK_END, MARKS, Cue, Pattern, Rule, Rules
from services.tagger.text import Span, Text


@dataclass(frozen=True)
class Marked:
    """A sentence with its mentions marked, and the way back: `back[i]` is the offset in `norm` of letter i."""

    sentence: Span
    string: str
    low: str
    back: Sequence[int]
    fired: frozenset[str]
    seen: dict[int, Span | None] = field(default_factory=dict, compare=False)
    """What each pattern asked for gave: the same condition is asked by many rules."""

    def find(self, pattern: Pattern) -> Span | None:
        """Return where `pattern` first matches, in `norm`, or None."""
        key = id(pattern)
        if key not in self.seen:
            match = None
            if pattern.may_match(self.fired):
                match = pattern.regex.search(self.string if pattern.exact else self.low)
            self.seen[key] = self._span(match.start(), match.end()) if match else None
        return self.seen[key]

    def find_all(self, pattern: Pattern) -> list[Span]:
        """Return every match of `pattern`, in order."""
        if not pattern.may_match(self.fired):
            return []
        return [
            self._span(m.start(), m.end()) for m in pattern.regex.finditer(self.string if pattern.exact else self.low)
        ]

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
class Scanner:
    """Literals at the start of words, found in one pass."""

    words: tuple[str, ...]
    automaton: AhoCorasick = field(compare=False)

    def scan(self, low: str) -> Iterator[tuple[int, int]]:
        """Yield (index of the literal, offset) for each literal that begins a word."""
        for index, start, _ in self.automaton.find_matches_as_indexes(low, overlapping=True):
            if not (start and (low[start - 1].isalnum() or low[start - 1] == "_")):
                yield index, start


_ANY_MENTION = frozenset(f"<{kind}>" for kind in MARKS)


@dataclass(frozen=True)
class Matcher:
    """Rules compiled for scanning.

    `first` finds the rarest anchors of what raises topics: a text without any is done. `all` finds the anchors of
    every pattern, so that in a sentence only patterns run that could match.
    """

    rules: Rules
    first: Scanner
    first_rules: tuple[tuple[tuple[int, int], ...], ...]
    all: Scanner
    by_kind: Mapping[str, tuple[tuple[int, int], ...]]
    cues: Mapping[str, tuple[tuple[Cue, Pattern], ...]]

    def candidates(self, text: Text) -> dict[int, set[tuple[int, int]]]:
        """Return, by sentence index, the (rule, pattern) numbers that could match there, whatever it mentions."""
        found: dict[int, set[tuple[int, int]]] = {}
        for index, start in self.first.scan(text.low):
            found.setdefault(text.sentence_index(start), set()).update(self.first_rules[index])
        possible: dict[int, set[tuple[int, int]]] = {}
        for sentence, numbers in found.items():
            words = self.words(text, text.sentences[sentence]) | _ANY_MENTION
            kept = {number for number in numbers if self._could_hit(number, words)}
            if kept:
                possible[sentence] = kept
        return possible

    def _could_hit(self, number: tuple[int, int], words: frozenset[str]) -> bool:
        rule = self.rules.rules[number[0]]
        if not rule.any[number[1]].may_match(words):
            return False
        return not rule.need or any(pattern.may_match(words) for pattern in rule.need)

    def words(self, text: Text, sentence: Span) -> frozenset[str]:
        """Return every literal anchor in a sentence."""
        words = self.all.words
        return frozenset([words[index] for index, _ in self.all.scan(text.low[sentence.start : sentence.end])])

    def fired(self, text: Text, sentence: Span, mentions: Sequence[Mention]) -> frozenset[str]:
        """Return every anchor in a sentence, mentions included."""
        return self.words(text, sentence) | {f"<{mention.kind}>" for mention in mentions}


def build_matcher(rules: Rules) -> Matcher:
    """Compile the anchors of all rules into two automata."""
    by_anchor: dict[str, set[tuple[int, int]]] = {}
    by_kind: dict[str, set[tuple[int, int]]] = {}
    for number, rule in enumerate(rules.rules):
        for place, pattern in enumerate(rule.any):
            for anchor in pattern.anchors:
                kind = anchor[1:-1] if anchor.startswith("<") else ""
                (by_kind.setdefault(kind, set()) if kind else by_anchor.setdefault(anchor, set())).add((number, place))
    patterns = [
        pattern
        for rule in rules.rules
        for pattern in (*rule.any, *rule.need, *rule.need_item, *rule.unless, *rule.unless_item, *rule.headline)
    ]
    patterns += [pattern for cue in rules.cues for pattern in cue.patterns]
    cues: dict[str, list[tuple[Cue, Pattern]]] = {}
    for cue in rules.cues:
        for pattern in cue.patterns:
            for anchor in pattern.anchors:
                cues.setdefault(anchor, []).append((cue, pattern))
    every = {anchor for pattern in patterns for group in pattern.groups for anchor in group if anchor[0] != "<"}
    return Matcher(
        rules=rules,
        first=_scanner(by_anchor),
        first_rules=tuple(tuple(sorted(numbers)) for numbers in by_anchor.values()),
        all=_scanner(every),
        cues={anchor: tuple(pairs) for anchor, pairs in cues.items()},
        by_kind={kind: tuple(sorted(numbers)) for kind, numbers in by_kind.items()},
    )


def _scanner(words: Iterable[str]) -> Scanner:
    literals = tuple(words)
    return Scanner(literals, AhoCorasick(literals, matchkind=MatchKind.Standard))


def mark(text: Text, sentence: Span, mentions: Sequence[Mention], fired: frozenset[str]) -> Marked:
    """Put each mention's letter before it and MARK_END after it."""
    pieces: list[str] = []
    lower: list[str] = []
    back: list[int] = []
    at = sentence.start
    for mention in mentions:
        start, end = mention.span.start, mention.span.end
        pieces.append(text.norm[at:start])
        lower.append(text.low[at:start])
        back.extend(range(at, start))
        pieces.append(MARKS[mention.kind] + text.norm[start:end] + MARK_END)
        lower.append(MARKS[mention.kind] + text.low[start:end] + MARK_END)
        back.append(start)
        back.extend(range(start, end))
        back.append(end - 1)
        at = end
    pieces.append(text.norm[at : sentence.end])
    lower.append(text.low[at : sentence.end])
    back.extend(range(at, sentence.end))
    return Marked(sentence, "".join(pieces), "".join(lower), back, fired)


def match_sentence(
    matcher: Matcher,
    text: Text,
    numbers: Iterable[tuple[int, int]],
    marked: Marked,
    item: Sequence[Marked],
    titles: Sequence[Marked],
    *,
    where: str,
    sentence: int,
) -> tuple[list[Hit], list[Veto]]:
    """Run patterns, by (rule, pattern) number, on one sentence; `item` and `titles` serve item-wide conditions."""
    hits: list[Hit] = []
    vetoes: list[Veto] = []
    done = -1
    for number, place in sorted(numbers):
        if number == done:
            continue
        rule = matcher.rules.rules[number]
        if rule.need and not any(p.may_match(marked.fired) for p in rule.need):
            continue
        pattern = rule.any[place]
        span = marked.find(pattern)
        if span is None:
            continue
        done = number
        reason = _why_not(rule, text, text.clause(marked.sentence, span), marked, item, titles)
        if reason:
            vetoes.append(Veto(rule, where, span, reason))
        else:
            hits.append(Hit(rule, where, sentence, span, pattern.source))
    return hits, vetoes


def _why_not(
    rule: Rule, text: Text, clause: Span, marked: Marked, item: Sequence[Marked], titles: Sequence[Marked]
) -> str | None:
    if rule.need and not any(marked.find(p) for p in rule.need):
        return "needs another word in the sentence"
    for pattern in rule.unless:
        for span in marked.find_all(pattern):
            if span.start < clause.end and span.end > clause.start:
                return f"not beside {text.norm[span.start : span.end]!r}"
    if rule.need_item and not any(m.find(p) for p in rule.need_item for m in item):
        return "needs another word in the item"
    if rule.headline and titles and not any(m.find(p) for p in rule.headline for m in titles):
        return "needs a word in the headline"
    for pattern in rule.unless_item:
        if any(m.find(pattern) for m in item):
            return "another word of the item speaks against it"
    return None
