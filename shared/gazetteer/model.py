"""What the gazetteer says, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    """What is named."""

    COUNTRY = "country"
    BODY = "body"
    PERSON = "person"
    BASE = "base"
    EXERCISE = "exercise"
    AGREEMENT = "agreement"
    FORUM = "forum"
    MISSION = "mission"
    GROUP = "group"
    SHIELD = "shield"


class Form(StrEnum):
    """How it is named. A CITY acts only where it decides or speaks; a TERRITORY is a place of the state in `codes`."""

    NAME = "name"
    ADJECTIVE = "adjective"
    PEOPLE = "people"
    CITY = "city"
    INSTITUTION = "institution"
    TERRITORY = "territory"
    SURNAME = "surname"
    TITLED = "titled"


@dataclass(frozen=True, slots=True)
class Mention:
    """One spelling of something, and how it may be read. Find whole words, the longest at a place; ask `admits`.

    `codes`: the parties it may stand for: the state or body itself (several for "the two Koreas"), a person's state,
    a base's host and users, the regular parties of an exercise, the parties of an agreement, the members of a group
    whose name spells them (AUKUS); empty for forums, other groups and shields.
    `name`: the canonical name, the same for every spelling of one thing.
    `exact`: only in this very case ("US", not "us"). `needs_full_name`: a surname many bear: read it only where the
    full or the titled name stands in the item too. `company`: read it only where one of these words (lower case)
    stands in the item too. `role`, `since`, `until`: the office a person held, and when (both days included; None:
    open).
    `host`: where a base or forum stands. `one_country`: an exercise its lead holds alone, whatever its name says.
    `what`: the file's word for the kind of exercise, agreement or mission.
    """

    surface: str
    kind: Kind
    form: Form
    codes: tuple[str, ...]
    name: str
    lang: str = "en"
    exact: bool = False
    needs_full_name: bool = False
    company: frozenset[str] = frozenset()
    role: str | None = None
    since: date | None = None
    until: date | None = None
    host: str | None = None
    one_country: bool = False
    what: str = ""

    @property
    def metonym(self) -> bool:
        """Whether it is a place that stands for a party only as the subject of a decision or a statement."""
        return self.form is Form.CITY

    @property
    def place(self) -> bool:
        """Whether it names a place and never an actor."""
        return self.form is Form.TERRITORY or self.kind in {Kind.BASE, Kind.SHIELD}

    def admits(self, written: str) -> bool:
        """Tell whether `written` may be this name: every name here is a proper one, so "turkey" is not Turkey."""
        if self.exact:
            return written == self.surface
        return written[:1].isupper() or not self.surface[:1].isupper()

    def holds(self, on: date | None) -> bool:
        """Tell whether the reading holds `on` that day; without a day every reading may."""
        return on is None or ((self.since is None or self.since <= on) and (self.until is None or on <= self.until))


@dataclass(frozen=True)
class Gazetteer:
    """All names.

    `parties` maps each party's code to its English name. `mentions` are in the order of preference: of several
    readings of one spelling the first that admits and holds counts.
    """

    version: str
    parties: Mapping[str, str]
    mentions: tuple[Mention, ...] = field(repr=False)

    def is_party(self, code: str) -> bool:
        """Tell whether `code` is a state (ISO 3166-1 alpha-3 or XKX) or one of the bodies."""
        return code in self.parties

    def party_name(self, code: str) -> str:
        """Return the English name, or the code itself for one that is not known."""
        return self.parties.get(code, code)
