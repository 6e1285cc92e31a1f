"""What the rule files say, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.tagger.rules.pattern import Pattern
from shared.vocabulary import Aim, Status, Topic


@dataclass(frozen=True)
class Rule:
    """One way a topic shows. Hit when one of `any` matches a sentence, one of each group in `need` does too
    (in the sentence, or `need_item`: anywhere in the item), none of `unless` (sentence) or `unless_item`, and
    `headline`: where the item has a headline, one of these stands in it. `yields`: topics that take the sentence
    from this rule when they hit there too. The sentence and its surroundings name at least `parties` parties.

    `status`, `aim`: what the words alone say when no cue governs them; `fixed`: whatever cues say.
    `places`, `adversaries`: a country named as the place, or as whom it is against, is a party too. `counterparts`:
    so is whom the subject meets besides. `narrow`: only the clause's own parties. `ignore`: cues that do not govern this rule. `strength`: 1.0 strong, 0.4 weak (two different weak rules of a topic in one sentence count 0.8).
    """

    id: str
    topic: Topic
    any: tuple[Pattern, ...]
    need: tuple[Pattern, ...] = ()
    need_item: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()
    unless_item: tuple[Pattern, ...] = ()
    headline: tuple[Pattern, ...] = ()
    parties: int = 2
    add: tuple[str, ...] = ()
    status: Status = Status.STANDING
    aim: Aim | None = None
    fixed: bool = False
    strength: float = 1.0
    places: bool = False
    adversaries: bool = False
    counterparts: bool = True
    narrow: bool = False
    ignore: frozenset[str] = frozenset()
    yields: frozenset[str] = frozenset()
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cue:
    """A class of words that tell the status of what they govern."""

    id: str
    kind: str
    status: Status | None
    aim: Aim | None
    patterns: tuple[Pattern, ...]
    side: str = "both"


@dataclass(frozen=True)
class Rules:
    """A language's rules. `phrases` are the short words for a topic in an alert line, by topic and aim."""

    version: str
    language: str
    rules: tuple[Rule, ...]
    cues: tuple[Cue, ...]
    zones: Mapping[str, tuple[Pattern, ...]]
    phrases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[Topic, Status] = field(default_factory=dict)
