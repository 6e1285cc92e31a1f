"""From data files to a Gazetteer: every spelling made, every mistake refused with file, line and reason."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from shared.gazetteer.model import Gazetteer, Kind, Mention
from shared.gazetteer.table import GazetteerError, read_table
from shared.gazetteer.tables import PARTY_COLUMNS, TABLES, party

PARTY_FILES = {"countries.psv": Kind.COUNTRY, "bodies.psv": Kind.BODY}
FILES = ("VERSION", *PARTY_FILES, *TABLES, "doubtful.psv")


@cache
def load_gazetteer() -> Gazetteer:
    """Load the gazetteer that comes with this package, once per process; raises GazetteerError."""
    folder = files(__package__) / "data"
    return build_gazetteer({name: (folder / name).read_text("utf-8") for name in FILES})


def build_gazetteer(texts: Mapping[str, str]) -> Gazetteer:
    """Build a gazetteer from the texts of its files by name (FILES); raises GazetteerError."""
    version = texts["VERSION"].strip()
    if not version:
        raise GazetteerError("VERSION", 1, "is empty")
    parties: dict[str, str] = {}
    mentions: list[Mention] = []
    for file, kind in PARTY_FILES.items():
        for row in read_table(file, texts[file], PARTY_COLUMNS):
            mentions.extend(party(row, kind, parties))
    for file, (columns, read) in TABLES.items():
        for row in read_table(file, texts[file], columns):
            mentions.extend(read(row, parties))
    return Gazetteer(version, parties, _in_company(texts, mentions))


def _in_company(texts: Mapping[str, str], mentions: list[Mention]) -> tuple[Mention, ...]:
    doubtful: dict[str, frozenset[str]] = {}
    known = {mention.surface for mention in mentions}
    for row in read_table("doubtful.psv", texts["doubtful.psv"], ("surface", "company")):
        surface, company = row.one("surface"), row.many("company")
        if surface not in known:
            raise row.error(f"no table has a spelling {surface!r}")
        if not company:
            raise row.error("company is empty")
        for word in company:
            if not word.isalnum() or word != word.lower():
                raise row.error(f"company {word!r} is not one word in lower case")
        doubtful[surface] = frozenset(company)
    return tuple(
        replace(mention, company=doubtful[mention.surface]) if mention.surface in doubtful else mention
        for mention in mentions
    )
