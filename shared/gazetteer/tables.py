"""Each table's columns, and how one of its lines becomes spellings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple

from shared.gazetteer.model import Form, Kind, Mention
from shared.gazetteer.table import Row, first_day, last_day
from shared.vocabulary import BODIES

ROLE_TITLES: Mapping[str, tuple[str, ...]] = {
    "president": ("President",),
    "vice-president": ("Vice President",),
    "prime-minister": ("Prime Minister", "Premier"),
    "chancellor": ("Chancellor",),
    "king": ("King", "Emir", "Sultan"),
    "crown-prince": ("Crown Prince",),
    "supreme-leader": ("Supreme Leader",),
    "leader": ("General", "Colonel", "Captain"),
    "party-leader": ("Secretary",),
    "state-councillor": ("State Councillor",),
    "senate-president": ("Senate President",),
    "chief-adviser": ("Chief Adviser",),
    "chief-cabinet-secretary": ("Chief Cabinet Secretary",),
    "defence-minister": (
        "Defense Minister",
        "Defence Minister",
        "Defense Secretary",
        "Defence Secretary",
        "Secretary of Defense",
        "Secretary of War",
        "Minister",
        "Secretary",
    ),
    "deputy-defence-minister": ("Deputy Defense Secretary", "Deputy Defense Minister", "Deputy Defence Minister"),
    "foreign-minister": ("Foreign Minister", "Foreign Secretary", "Secretary of State", "Minister", "Secretary"),
    "deputy-foreign-minister": ("Deputy Foreign Minister", "Deputy Secretary of State"),
    "chief-of-defence": ("General", "Gen.", "Admiral", "Adm.", "Marshal", "Field Marshal"),
    "service-chief": ("General", "Gen.", "Admiral", "Adm.", "Marshal", "Field Marshal"),
    "combatant-commander": ("General", "Gen.", "Admiral", "Adm."),
    "cmc-vice-chairman": ("General", "Gen."),
    "national-security-adviser": ("National Security Adviser", "National Security Advisor"),
    "security-council": (),
    "chief-of-staff": (),
    "intelligence-chief": ("Director",),
    "spokesperson": (),
    "committee-chair": (),
    "mercenary-leader": (),
    "speaker": ("Speaker",),
    "ambassador": ("Ambassador",),
    "envoy": ("Special Envoy",),
    "secretary-general": ("Secretary General", "Secretary-General"),
    "high-representative": (),
    "council-president": ("President",),
    "commission-president": ("President", "Chairperson"),
    "commissioner": ("Commissioner",),
    "peacekeeping-chief": (),
    "agency-chief": ("Director General",),
}
"""The offices a person may hold here, and the titles that make a common surname theirs."""

BASE_COMPANY = frozenset({"base", "bases", "airbase", "airfield", "naval", "port", "pier", "warship", "warships"})
EXERCISE_COMPANY = frozenset(
    {
        "exercise",
        "exercises",
        "drill",
        "drills",
        "wargame",
        "wargames",
        "games",
        "manoeuvres",
        "maneuvers",
        "naval",
        "navies",
    }
)


class Spelling(NamedTuple):
    """A part of a cell: the words, and its marks "=" (only in this case) and "~" (only in company)."""

    surface: str
    exact: bool
    doubtful: bool


def spellings(row: Row, column: str) -> Iterator[Spelling]:
    """Read the spellings in a cell; raises GazetteerError."""
    for part in row.many(column):
        bare = part.lstrip("=~")
        surface, marks = bare.strip(), part[: len(part) - len(bare)]
        if not surface or len(marks) > 1:
            raise row.error(f"{part!r} in {column} is no word after at most one of '=' and '~'")
        if surface.startswith("the "):
            raise row.error(f"{surface!r}: leave out the article")
        yield Spelling(surface, marks == "=", marks == "~")


def named(row: Row, column: str = "names") -> Iterator[Spelling]:
    """Read the name and the other spellings; the name itself counts unless a marked spelling repeats it."""
    name = row.one("name")
    others = list(spellings(row, column))
    if name not in {other.surface for other in others}:
        yield Spelling(name, exact=False, doubtful=False)
    yield from others


def parties_in(row: Row, column: str, parties: Mapping[str, str]) -> tuple[str, ...]:
    """Return the codes in a cell; raises GazetteerError on one that is no party."""
    found = tuple(row.many(column))
    for code in found:
        if code not in parties:
            raise row.error(f"{code!r} in {column} is neither in countries.psv nor in bodies.psv")
    return found


def party(row: Row, kind: Kind, parties: dict[str, str]) -> Iterator[Mention]:
    """Read a line of countries.psv or bodies.psv, and enter its code in `parties`."""
    code, name = row.one("code"), row.one("name")
    if kind is Kind.BODY and code not in BODIES:
        raise row.error(f"{code} is not one of the bodies {', '.join(sorted(BODIES))}")
    if kind is Kind.COUNTRY and not (len(code) == 3 and code.isascii() and code.isupper()):  # noqa: PLR2004 - alpha-3
        raise row.error(f"{code!r} is not three capital letters")
    if code in parties:
        raise row.error(f"{code} stands in an earlier line")
    parties[code] = name
    make = partial(Mention, kind=kind, codes=(code,), name=name)
    yield make(name, form=Form.NAME, exact=name in BODIES)
    for column, form in PARTY_FORMS.items():
        for surface, exact, _ in spellings(row, column):
            yield make(surface, form=form, exact=exact)


PARTY_FORMS = {
    "names": Form.NAME,
    "adjectives": Form.ADJECTIVE,
    "people": Form.PEOPLE,
    "cities": Form.CITY,
    "institutions": Form.INSTITUTION,
}
PARTY_COLUMNS = ("code", "name", *PARTY_FORMS)


@dataclass(frozen=True, slots=True)
class _Term:
    role: str
    since: date | None
    until: date | None


def _terms(row: Row) -> list[_Term]:
    terms = []
    for part in row.many("terms"):
        role, _, days = part.partition(" ")
        since, dots, until = days.strip().partition("..")
        if not dots:
            raise row.error(f"term {part!r} is not 'role from..to'")
        if role not in ROLE_TITLES:
            raise row.error(f"unknown role {role!r} (known: {', '.join(ROLE_TITLES)})")
        term = _Term(role, first_day(row, since), last_day(row, until) if until else None)
        if term.since and term.until and term.since > term.until:
            raise row.error(f"term {part!r} ends before it begins")
        terms.append(term)
    if not terms:
        raise row.error("terms is empty")
    return terms


def _person(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    name, state, terms = row.one("name"), parties_in(row, "state", parties), _terms(row)
    if len(state) != 1:
        raise row.error("state must be one code")
    full_names, surnames = list(named(row)), list(spellings(row, "surnames"))
    for term in terms:
        make = partial(
            Mention,
            kind=Kind.PERSON,
            codes=state,
            name=name,
            role=term.role,
            since=term.since,
            until=term.until,
        )
        for surface, exact, _ in full_names:
            yield make(surface, form=Form.NAME, exact=exact)
        for surface, exact, doubtful in surnames:
            yield make(surface, form=Form.SURNAME, exact=exact, needs_full_name=doubtful)
            if doubtful:
                for title in ROLE_TITLES[term.role]:
                    yield make(f"{title} {surface}", form=Form.TITLED)


def _compound(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    together = parties_in(row, "codes", parties)
    if len(together) < 2:  # noqa: PLR2004 - one party has its own line in countries.psv
        raise row.error("codes must be two or more")
    for surface, exact, _ in named(row):
        yield Mention(surface, Kind.COUNTRY, Form.NAME, together, row.one("name"), exact=exact)


def _territory(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    state = parties_in(row, "state", parties)
    for surface, exact, _ in named(row):
        yield Mention(surface, Kind.COUNTRY, Form.TERRITORY, state, row.one("name"), exact=exact)


def _base(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    host, users = parties_in(row, "host", parties), parties_in(row, "users", parties)
    if len(host) != 1:
        raise row.error("host must be one code")
    make = partial(Mention, kind=Kind.BASE, form=Form.NAME, codes=(*host, *users), name=row.one("name"), host=host[0])
    for surface, exact, doubtful in named(row):
        yield make(surface, exact=exact, company=BASE_COMPANY if doubtful else frozenset())


def _exercise(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    make = partial(
        Mention,
        kind=Kind.EXERCISE,
        form=Form.NAME,
        codes=parties_in(row, "parties", parties),
        name=row.one("name"),
        what=row.one("kind"),
        one_country=row.flag("one_country"),
    )
    for surface, exact, doubtful in named(row):
        yield make(surface, exact=exact, company=EXERCISE_COMPANY if doubtful else frozenset())


def _agreement(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    between = parties_in(row, "parties", parties)
    for surface, exact, _ in named(row):
        yield Mention(surface, Kind.AGREEMENT, Form.NAME, between, row.one("name"), exact=exact, what=row.one("kind"))


def _forum(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    host = parties_in(row, "host", parties)
    for surface, exact, _ in named(row):
        yield Mention(surface, Kind.FORUM, Form.NAME, (), row.one("name"), exact=exact, host=host[0] if host else None)


def _group(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    members = parties_in(row, "members", parties)
    for surface, exact, _ in named(row):
        yield Mention(surface, Kind.GROUP, Form.NAME, members, row.one("name"), exact=exact)


def _mission(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    whose = parties_in(row, "codes", parties)
    for surface, exact, _ in named(row):
        yield Mention(surface, Kind.MISSION, Form.NAME, whose, row.one("name"), exact=exact, what=row.one("what"))


def _shield(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    del parties
    for surface, exact, _ in spellings(row, "phrases"):
        yield Mention(surface, Kind.SHIELD, Form.NAME, (), surface, exact=exact, what=row.one("why"))


Reading = Callable[[Row, Mapping[str, str]], Iterator[Mention]]
TABLES: Mapping[str, tuple[tuple[str, ...], Reading]] = {
    "people.psv": (("name", "state", "names", "surnames", "terms"), _person),
    "compounds.psv": (("name", "codes", "names", "note"), _compound),
    "missions.psv": (("name", "codes", "names", "what"), _mission),
    "bases.psv": (("name", "host", "users", "names", "note"), _base),
    "exercises.psv": (("name", "parties", "names", "kind", "one_country", "note"), _exercise),
    "agreements.psv": (("name", "parties", "names", "kind", "note"), _agreement),
    "forums.psv": (("name", "host", "names"), _forum),
    "groups.psv": (("name", "names", "members"), _group),
    "territories.psv": (("name", "state", "names"), _territory),
    "shields.psv": (("phrases", "why"), _shield),
}
"""The tables after the parties, in the order in which their readings of one spelling are preferred."""
