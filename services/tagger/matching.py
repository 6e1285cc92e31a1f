"""Text and rules in, hits with spans out: patterns run only where one of their anchors fired."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.tagger.anchors import Anchors
from services.tagger.marked import Marked
from services.tagger.rules import Cue, Pattern, Rule, Rules
from services.tagger.text import Span, Text

Number = tuple[int, int]
"""A rule's place among the rules, and a pattern's place in its `any`."""
Groups = tuple[frozenset[str], ...]


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
    """Rules compiled for looking up.

    `first` maps the rarest anchors of what raises topics to the patterns they speak for: a text without any is done.
    `asks` are a pattern's other groups of words, `needs` those of each pattern its rule needs one of. `all` knows the
    anchors of every pattern, so that in a sentence only patterns run that could match.
    """

    rules: Rules
    first: Mapping[str, tuple[Number, ...]]
    asks: Mapping[Number, Groups]
    needs: tuple[tuple[Groups, ...], ...]
    all: Anchors
    by_kind: Mapping[str, tuple[Number, ...]]
    cues: Mapping[str, tuple[tuple[Cue, Pattern], ...]]

    def candidates(self, text: Text) -> dict[int, set[Number]]:
        """Return, by sentence index, the (rule, pattern) numbers that could match there, whatever it mentions."""
        if self.first.keys().isdisjoint(self.all.of(text.words.words)):
            return {}
        possible: dict[int, set[Number]] = {}
        for number, sentence in enumerate(text.sentences):
            fired = self.all.inside(text, sentence)
            kept = self._could_hit(fired)
            if kept:
                possible[number] = kept
        return possible

    def _could_hit(self, fired: frozenset[str]) -> set[Number]:
        first, asks = self.first, self.asks
        numbers = {number for anchor in fired if anchor in first for number in first[anchor]}
        kept = {number for number in numbers if not any(fired.isdisjoint(group) for group in asks[number])}
        if not kept:
            return kept
        lacking = {rule for rule, _ in kept if not _any_met(self.needs[rule], fired)}
        return {number for number in kept if number[0] not in lacking} if lacking else kept


def _any_met(needs: tuple[Groups, ...], fired: frozenset[str]) -> bool:
    return not needs or any(not any(fired.isdisjoint(group) for group in groups) for groups in needs)


def build_matcher(rules: Rules) -> Matcher:
    """Compile the anchors of all rules for looking up."""
    by_anchor: dict[str, set[Number]] = {}
    by_kind: dict[str, set[Number]] = {}
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
    return Matcher(
        rules=rules,
        first={anchor: tuple(sorted(numbers)) for anchor, numbers in by_anchor.items()},
        asks={
            (number, place): _word_groups(pattern.groups[1:])
            for number, rule in enumerate(rules.rules)
            for place, pattern in enumerate(rule.any)
        },
        needs=tuple(tuple(_word_groups(pattern.groups) for pattern in rule.need) for rule in rules.rules),
        all=Anchors({anchor for pattern in patterns for group in pattern.groups for anchor in _literals(group)}),
        cues={anchor: tuple(pairs) for anchor, pairs in cues.items()},
        by_kind={kind: tuple(sorted(numbers)) for kind, numbers in by_kind.items()},
    )


def _literals(group: frozenset[str]) -> list[str]:
    return [anchor for anchor in group if anchor[0] != "<"]


def _word_groups(groups: Groups) -> Groups:
    """Leave out the groups that a mention may satisfy: which mentions there are is not yet known."""
    return tuple(group for group in groups if len(_literals(group)) == len(group))


def match_sentence(
    matcher: Matcher,
    text: Text,
    numbers: Iterable[Number],
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
