"""What the rule files say, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.tagger.rules.pattern import Pattern
from shared.vocabulary import Aim, Status, Topic

STRONG, LOOSE, WEAK = 1.0, 0.8, 0.4


@dataclass(frozen=True)
class Rule:
    """One way a topic shows.

    It hits a sentence in which one of `any` matches, provided one of `need` does too (`need_item`: anywhere in the
    item; `headline`: in the headline, if there is one), none of `unless` in the same clause nor of `unless_item`,
    and at least `parties` parties are named in the sentence or around it. `yields`: topics that take the words from
    this rule when they claim them too.

    `status` and `aim` are what the words alone say when no cue governs them; `fixed`: whatever cues say; `ignore`:
    cues that do not govern. `places`, `adversaries`, `counterparts`: whether a country named as the place, as whom it
    is against, as whom the subject meets besides, is a party; `narrow`: only the clause's own parties are; `add`:
    parties the words imply. `strength`: STRONG, LOOSE
    (enough, but less sure) or WEAK (two different weak rules in one sentence count LOOSE).
    `must` and `must_not` are sentences that the rule has to hit and to leave alone: they are run as tests.
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
    strength: float = STRONG
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


STRONG, LOOSE, WEAK = 1.0, 0.8, 0.4


@dataclass(frozen=True)
class Rules:
    """A language's rules. `phrases` are the short words for a topic in an alert line, by topic and aim."""

    version: str
    language: str
    rules: tuple[Rule, ...]
    cues: tuple[Cue, ...]
    phrases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
