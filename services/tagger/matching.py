"""Text and rules in, hits with spans out: patterns run only where one of their anchors fired."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.tagger.anchors import Anchors
from services.tagger.marked import Marked, Passage
from services.tagger.rules import EVERYWHERE, Cue, Pattern, Rule, Rules
from services.tagger.text import Span, Text

Number = tuple[int, int]
"""A rule's place among the rules, and a pattern's place in its `any`."""
Groups = tuple[frozenset[str], ...]


class Lookup(NamedTuple):
    """What else must stand in a sentence for a pattern to match there: a word of each of `asks`."""

    number: Number
    asks: Groups


class Candidates(NamedTuple):
    """The patterns that could match in a sentence, and the anchors among its words."""

    numbers: set[Number]
    words: frozenset[str]


class Hit(NamedTuple):
    """A rule that matched: in which sentence of which field, where, by which pattern."""

    rule: Rule
    field: str
    sentence: int
    span: Span
    pattern: str


class Veto(NamedTuple):
    """A rule that matched and was taken back, with the reason."""

    rule: Rule
    field: str
    span: Span
    reason: str


@dataclass(frozen=True)
class Matcher:
    """Rules compiled for looking up.

    `first` maps the rarest anchors of what raises topics to the patterns they speak for: a text without any, as
    `leads` tells, is done.
    `needs` are the groups of words of each pattern a rule needs one of. `all` knows the anchors of every pattern, so
    that in a sentence only patterns run that could match.
    """

    rules: Rules
    first: Mapping[str, tuple[Lookup, ...]]
    leads: Anchors
    needs: tuple[tuple[Groups, ...], ...]
    all: Anchors
    by_kind: Mapping[str, tuple[Number, ...]]
    cues: Mapping[str, tuple[tuple[Cue, Pattern], ...]]

    def candidates(self, text: Text) -> dict[int, Candidates]:
        """Return, by sentence index, the (rule, pattern) numbers that could match there, whatever it mentions."""
        places = self.leads.places(text)
        if not places:
            return {}
        possible: dict[int, Candidates] = {}
        for number in dict.fromkeys(map(text.sentence_index, places)):
            sentence = text.sentences[number]
            words = self.all.inside(text, sentence)
            kept = self._could_hit(words)
            if kept:
                possible[number] = Candidates(kept, words)
        return possible

    def _could_hit(self, words: frozenset[str]) -> set[Number]:
        first, lacks = self.first, words.isdisjoint
        kept: set[Number] = set()
        for anchor in words:
            for number, asks in first.get(anchor, ()):
                for group in asks:
                    if lacks(group):
                        break
                else:
                    kept.add(number)
        unmet = {rule for rule in {rule for rule, _ in kept} if not _any_met(self.needs[rule], words)}
        return {number for number in kept if number[0] not in unmet} if unmet else kept


def _any_met(needs: tuple[Groups, ...], words: frozenset[str]) -> bool:
    lacks = words.isdisjoint
    for groups in needs:
        for group in groups:
            if lacks(group):
                break
        else:
            return True
    return not needs


def build_matcher(rules: Rules) -> Matcher:
    """Compile the anchors of all rules for looking up."""
    raising = {
        (number, place): pattern for number, rule in enumerate(rules.rules) for place, pattern in enumerate(rule.any)
    }
    shared = Counter(anchor for pattern in raising.values() for group in pattern.groups for anchor in group)
    first: dict[str, list[Lookup]] = {}
    by_kind: dict[str, list[Number]] = {}
    for number, pattern in raising.items():
        lead = _lead(pattern, shared)
        asks = tuple(group for group in pattern.groups if group is not lead and not _mentions(group))
        for anchor in lead:
            if anchor.startswith("<"):
                by_kind.setdefault(anchor[1:-1], []).append(number)
            else:
                first.setdefault(anchor, []).append(Lookup(number, asks))
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
        first={anchor: tuple(lookups) for anchor, lookups in first.items()},
        leads=Anchors(first),
        needs=tuple(tuple(_of_words(pattern.groups) for pattern in rule.need) for rule in rules.rules),
        all=Anchors({a for pattern in patterns for group in pattern.groups for a in group if a[0] != "<"}),
        cues={anchor: tuple(pairs) for anchor, pairs in cues.items()},
        by_kind={kind: tuple(numbers) for kind, numbers in by_kind.items()},
    )


def _lead(pattern: Pattern, shared: Counter[str]) -> frozenset[str]:
    """Choose the group to look a pattern up by: the one whose words fewest patterns share, if words alone will do."""
    if _mentions(pattern.anchors):
        return pattern.anchors
    fit = [group for group in pattern.groups if not _mentions(group) and group.isdisjoint(EVERYWHERE)]
    return min(fit, key=lambda group: sum(shared[anchor] for anchor in group), default=pattern.anchors)


def _mentions(group: frozenset[str]) -> bool:
    return any(anchor[0] == "<" for anchor in group)


def _of_words(groups: Groups) -> Groups:
    """Leave out the groups that a mention may satisfy: which mentions there are is not yet known."""
    return tuple(group for group in groups if not _mentions(group))


def match_sentence(
    matcher: Matcher,
    text: Text,
    numbers: Iterable[Number],
    marked: Marked,
    item: Passage,
    opening: Passage,
    *,
    where: str,
    sentence: int,
) -> tuple[list[Hit], list[Veto]]:
    """Run patterns, by (rule, pattern) number, on one sentence; `item` and `opening` serve item-wide conditions."""
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
        reason = _why_not(rule, text, text.clause(marked.sentence, span), marked, item, opening)
        if reason:
            vetoes.append(Veto(rule, where, span, reason))
        else:
            hits.append(Hit(rule, where, sentence, span, pattern.source))
    return hits, vetoes


def _why_not(rule: Rule, text: Text, clause: Span, marked: Marked, item: Passage, opening: Passage) -> str | None:
    if rule.need and not any(marked.find(p) for p in rule.need):
        return "needs another word in the sentence"
    for pattern in rule.unless:
        for span in marked.find_all(pattern):
            if span.start < clause.end and span.end > clause.start:
                return f"not beside {text.norm[span.start : span.end]!r}"
    if rule.need_item and not any(item.has(p) for p in rule.need_item):
        return "needs another word in the item"
    if rule.headline and opening.sentences and not any(opening.has(p) for p in rule.headline):
        return "needs a word in the headline"
    if any(item.has(p) for p in rule.unless_item):
        return "another word of the item speaks against it"
    return None
