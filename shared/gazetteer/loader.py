"""From data files to a Gazetteer: every spelling made, every mistake refused with file, line and reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from shared.gazetteer.model import Form, Gazetteer, Kind, Mention
from shared.gazetteer.table import GazetteerError, Row, read_table
from shared.vocabulary import BODIES

COUNTRIES = ("code", "name", "names", "adjectives", "people", "cities", "institutions")


@cache
def load_gazetteer() -> Gazetteer:
    """Load the gazetteer that comes with this package, once per process; raises GazetteerError."""
    folder = files(__package__) / "data"
    return build_gazetteer({entry.name: entry.read_text("utf-8") for entry in folder.iterdir()})


def build_gazetteer(texts: Mapping[str, str]) -> Gazetteer:
    """Build a gazetteer from the texts of its files by name; raises GazetteerError."""
    version = texts["VERSION"].strip()
    if not version:
        raise GazetteerError("VERSION", 1, "is empty")
    parties: dict[str, str] = {}
    mentions: list[Mention] = []
    for file, kind in (("countries.psv", Kind.COUNTRY), ("bodies.psv", Kind.BODY)):
        for row in read_table(file, texts[file], COUNTRIES):
            mentions.extend(_party(row, kind, parties))
    for file, (columns, build) in OTHERS.items():
        for row in read_table(file, texts[file], columns):
            mentions.extend(build(row, parties))
    return Gazetteer(version, parties, tuple(mentions))


def _party(row: Row, kind: Kind, parties: dict[str, str]) -> Iterator[Mention]:
    code, name = row.one("code"), row.one("name")
    if kind is Kind.BODY and code not in BODIES:
        raise row.error(f"{code} is not one of the bodies {', '.join(sorted(BODIES))}")
    if kind is Kind.COUNTRY and not (len(code) == 3 and code.isascii() and code.isupper()):  # noqa: PLR2004 - alpha-3
        raise row.error(f"{code!r} is not three capital letters")
    if code in parties:
        raise row.error(f"{code} stands in an earlier line")
    parties[code] = name
    forms = {
        "names": Form.NAME,
        "adjectives": Form.ADJECTIVE,
        "people": Form.PEOPLE,
        "cities": Form.CITY,
        "institutions": Form.INSTITUTION,
    }
    yield Mention(name, kind, Form.NAME, (code,), name, exact=name in BODIES)
    for column, form in forms.items():
        for surface, exact in surfaces(row, column):
            yield Mention(surface, kind, form, (code,), name, exact=exact)


def surfaces(row: Row, column: str) -> Iterable[tuple[str, bool]]:
    """Return the surfaces in a cell, each with whether it counts only in exactly this case ("=X")."""
    for part in row.many(column):
        surface = part.removeprefix("=").strip()
        if not surface:
            raise row.error(f"{column} has '=' with no word after it")
        if surface.startswith("the "):
            raise row.error(f"{surface!r}: leave out the article")
        yield surface, part.startswith("=")


def codes(row: Row, column: str, parties: Mapping[str, str]) -> tuple[str, ...]:
    """Return the codes in a cell; raises GazetteerError on one that is no party."""
    found = tuple(row.many(column))
    for code in found:
        if code not in parties:
            raise row.error(f"{code!r} in {column} is neither in countries.psv nor in bodies.psv")
    return found


def _mission(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    name, whose, what = row.one("name"), codes(row, "codes", parties), row.one("what")
    yield from (
        Mention(surface, Kind.MISSION, Form.NAME, whose, name, exact=exact, what=what)
        for surface, exact in surfaces(row, "names")
    )


def _shield(row: Row, parties: Mapping[str, str]) -> Iterator[Mention]:
    del parties
    for surface, exact in surfaces(row, "phrases"):
        yield Mention(surface, Kind.SHIELD, Form.NAME, (), surface, exact=exact, what=row.one("why"))


Build = Callable[[Row, Mapping[str, str]], Iterator[Mention]]
OTHERS: Mapping[str, tuple[tuple[str, ...], Build]] = {
    "missions.psv": (("name", "codes", "names", "what"), _mission),
    "shields.psv": (("phrases", "why"), _shield),
}
