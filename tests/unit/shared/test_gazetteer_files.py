"""Mistakes in the data files are refused with file, line and reason."""

from datetime import date
from importlib.resources import files

import pytest

from shared.gazetteer import GazetteerError, build_gazetteer
from shared.gazetteer.loader import FILES

HEADERS = {
    "countries.psv": "code | name | names | adjectives | people | cities | institutions",
    "bodies.psv": "code | name | names | adjectives | people | cities | institutions",
    "people.psv": "name | state | names | surnames | terms",
    "compounds.psv": "name | codes | names | note",
    "missions.psv": "name | codes | names | what",
    "bases.psv": "name | host | users | names | note",
    "exercises.psv": "name | parties | names | kind | one_country | note",
    "agreements.psv": "name | parties | names | kind | note",
    "forums.psv": "name | host | names",
    "groups.psv": "name | names | members",
    "territories.psv": "name | state | names",
    "shields.psv": "phrases | why",
    "doubtful.psv": "surface | company",
}


def texts(**lines):
    small = {"VERSION": "1\n", **{name: header + "\n" for name, header in HEADERS.items()}}
    small["countries.psv"] += "KHM | Cambodia |  | Cambodian | Cambodians | Phnom Penh |\nUSA | United States | =US\n"
    for table, line in lines.items():
        small[f"{table}.psv"] += line + "\n"
    return small


def test_the_headers_under_test_are_those_of_the_files():
    folder = files("shared.gazetteer") / "data"
    assert set(FILES) == {"VERSION", *HEADERS}
    for name, header in HEADERS.items():
        lines = (folder / name).read_text("utf-8").splitlines()
        assert next(line for line in lines if line and not line.startswith("#")) == header


@pytest.mark.parametrize(
    ("table", "line", "number", "reason"),
    [
        ("countries", "KHM | Kampuchea", 4, "KHM stands in an earlier line"),
        ("countries", "KH | Kampuchea", 4, "'KH' is not three capital letters"),
        ("countries", "LAO | ", 4, "name is empty"),
        ("countries", "LAO | Laos | Lao PDR;; Lao", 4, "names has an empty part between ';'"),
        ("countries", "LAO | Laos | Lao; Lao", 4, "names has 'Lao' twice"),
        ("countries", "LAO | Laos | = ", 4, "'=' in names is no word after at most one of '=' and '~'"),
        ("countries", "LAO | Laos | the Laos", 4, "'the Laos': leave out the article"),
        ("countries", "LAO | Laos | | | | | | more", 4, "8 cells, but only 7 columns"),
        ("bodies", "OAS | Organization", 2, "OAS is not one of the bodies"),
        ("people", "Sam Sok | LAO | | | president 2010..2012", 2, "'LAO' in state is neither in countries.psv"),
        ("people", "Sam Sok | KHM; USA | | | president 2010..2012", 2, "state must be one code"),
        ("people", "Sam Sok | KHM | | |", 2, "terms is empty"),
        ("people", "Sam Sok | KHM | | | boss 2010..2012", 2, "unknown role 'boss'"),
        ("people", "Sam Sok | KHM | | | president 2010", 2, "term 'president 2010' is not 'role from..to'"),
        ("people", "Sam Sok | KHM | | | president 2010-13..", 2, "'2010-13' is no day, month or year"),
        ("people", "Sam Sok | KHM | | | president 2012..2010", 2, "ends before it begins"),
        ("bases", "Camp Test | | USA", 2, "host must be one code"),
        ("bases", "Camp Test | KHM | XXX", 2, "'XXX' in users"),
        ("exercises", "Test Shield | KHM | | land | no", 2, "one_country is 'no', neither 'yes' nor empty"),
        ("exercises", "Test Shield | KHM |", 2, "kind is empty"),
        ("compounds", "Test Twins | KHM", 2, "codes must be two or more"),
        ("agreements", "Test Pact | ZZZ | | status", 2, "'ZZZ' in parties"),
        ("missions", "Test Force | NATO | | peace", 2, "'NATO' in codes"),
        ("doubtful", "Laos | mekong", 2, "no table has a spelling 'Laos'"),
        ("doubtful", "Cambodia | phnom penh", 2, "company 'phnom penh' is not one word in lower case"),
        ("doubtful", "Cambodia |", 2, "company is empty"),
    ],
)
def test_a_mistake_is_refused_with_file_line_and_reason(table, line, number, reason):
    with pytest.raises(GazetteerError) as refused:
        build_gazetteer(texts(**{table: line}))
    assert refused.value.file == f"{table}.psv"
    assert refused.value.line == number
    assert reason in refused.value.reason
    assert str(refused.value).startswith(f"{table}.psv, line {number}: ")


def test_wrong_columns_are_refused():
    wrong = texts()
    wrong["forums.psv"] = "# why\nname | city\n"
    with pytest.raises(
        GazetteerError, match=r"forums\.psv, line 2: columns are name \| city, not name \| host \| names"
    ):
        build_gazetteer(wrong)


def test_a_table_without_columns_and_an_empty_version_are_refused():
    empty = texts()
    empty["forums.psv"] = "# nothing\n"
    with pytest.raises(GazetteerError, match=r"forums\.psv, line 1: has no line that names the columns"):
        build_gazetteer(empty)
    with pytest.raises(GazetteerError, match="VERSION, line 1: is empty"):
        build_gazetteer(texts() | {"VERSION": "\n"})


def test_a_year_and_a_month_stand_for_all_their_days():
    gazetteer = build_gazetteer(
        texts(people="Sam Sok | KHM | | | president 2010..2012; king 2016-02..2016-02; leader 2020..2020-12")
    )
    spans = [(m.role, m.since, m.until) for m in gazetteer.mentions if m.kind == "person"]
    assert spans == [
        ("president", date(2010, 1, 1), date(2012, 12, 31)),
        ("king", date(2016, 2, 1), date(2016, 2, 29)),
        ("leader", date(2020, 1, 1), date(2020, 12, 31)),
    ]


def test_a_marked_spelling_of_the_name_takes_the_place_of_the_plain_one():
    gazetteer = build_gazetteer(texts(exercises="Sea Test | KHM | ~Sea Test; Exercise Sea Test | naval"))
    companies = {m.surface: bool(m.company) for m in gazetteer.mentions if m.kind == "exercise"}
    assert companies == {"Sea Test": True, "Exercise Sea Test": False}
