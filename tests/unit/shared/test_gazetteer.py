"""What the gazetteer that comes with the program knows, and the shape of what it says."""

from collections import defaultdict
from datetime import date

import pytest

from shared.gazetteer import Form, Kind, load_gazetteer
from shared.vocabulary import BODIES

GAZETTEER = load_gazetteer()
BY_SURFACE = defaultdict(list)
for _mention in GAZETTEER.mentions:
    BY_SURFACE[_mention.surface].append(_mention)


def reading(written, on=None):
    """The first mention that `written` admits on that day, as the tagger chooses."""
    for mention in GAZETTEER.mentions:
        if mention.surface.lower() == written.lower() and mention.admits(written) and mention.holds(on):
            return mention
    return None


def test_every_body_and_every_kind_of_state_is_a_party():
    assert set(GAZETTEER.parties) >= BODIES
    assert {"XKX", "TWN", "PSE", "USA", "KHM", "TUV"} <= set(GAZETTEER.parties)
    assert len(set(GAZETTEER.parties) - BODIES) >= 197


def test_party_names_are_english_and_an_unknown_code_is_its_own_name():
    assert GAZETTEER.party_name("KHM") == "Cambodia"
    assert GAZETTEER.party_name("NATO") == "NATO"
    assert GAZETTEER.party_name("ZZZ") == "ZZZ"
    assert GAZETTEER.is_party("PSE")
    assert not GAZETTEER.is_party("ZZZ")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("U.S.", "USA"),
        ("US", "USA"),
        ("America", "USA"),
        ("Pentagon", "USA"),
        ("UK", "GBR"),
        ("Britain", "GBR"),
        ("Royal Navy", "GBR"),
        ("Burma", "MMR"),
        ("Türkiye", "TUR"),
        ("DRC", "COD"),
        ("Democratic Republic of the Congo", "COD"),
        ("Republic of the Congo", "COG"),
        ("South Korea", "KOR"),
        ("DPRK", "PRK"),
        ("Czechia", "CZE"),
        ("Filipino", "PHL"),
        ("Philippine", "PHL"),
        ("Dutch", "NLD"),
        ("Nigerien", "NER"),
        ("Nigerian", "NGA"),
        ("Papua New Guinea", "PNG"),
        ("Guinea-Bissau", "GNB"),
        ("Equatorial Guinea", "GNQ"),
        ("Guinea", "GIN"),
        ("Dominica", "DMA"),
        ("Dominican", "DOM"),
        ("Bundeswehr", "DEU"),
        ("Malacañang", "PHL"),
        ("HMAS", "AUS"),
        ("African Union", "AU"),
        ("Asean", "ASEAN"),
    ],
)
def test_a_state_is_known_by_its_names_people_and_institutions(written, code):
    assert reading(written).codes == (code,)


@pytest.mark.parametrize("written", ["us", "turkey", "china", "polish", "nato", "who"])
def test_a_common_word_is_no_name(written):
    assert reading(written) is None


def test_a_name_in_capitals_is_still_the_name():
    assert reading("CHINA").codes == ("CHN",)


def test_a_capital_is_a_metonym_and_its_institutions_are_not():
    assert reading("Beijing").metonym
    assert not reading("Kremlin").metonym
    assert not reading("Cambodia").metonym


@pytest.mark.parametrize(
    "written",
    ["South China Sea", "Sea of Japan", "Gulf of Mexico", "New Mexico", "American Airlines", "Korean War",
     "Washington Post", "German shepherd", "New England", "Indian Ocean", "Panama City, Florida", "Moscow, Idaho"],
)  # fmt: skip
def test_a_phrase_with_a_country_in_it_can_be_no_party(written):
    assert reading(written).kind is Kind.SHIELD
    assert reading(written).codes == ()


def test_an_office_holds_between_its_days():
    assert reading("Austin", date(2024, 6, 4)).codes == ("USA",)
    assert reading("Lloyd Austin", date(2024, 6, 4)).role == "defence-minister"
    assert reading("Lloyd Austin", date(2014, 6, 4)).role == "combatant-commander"
    assert reading("Lloyd Austin", date(2025, 6, 4)) is None
    assert reading("Mark Rutte", date(2023, 5, 1)).codes == ("NLD",)
    assert reading("Mark Rutte", date(2025, 5, 1)).codes == ("NATO",)


def test_a_surname_many_bear_asks_for_its_full_name_and_a_title_makes_it_sure():
    assert reading("Austin", date(2024, 6, 4)).needs_full_name
    assert not reading("Putin", date(2024, 6, 4)).needs_full_name
    titled = reading("Defense Secretary Austin", date(2024, 6, 4))
    assert titled.form is Form.TITLED
    assert not titled.needs_full_name


def test_georgia_is_a_state_of_the_caucasus_only_in_company():
    assert "tbilisi" in reading("Georgia").company
    assert reading("Tbilisi").company == frozenset()


def test_a_base_names_its_host_and_its_foreign_user():
    ream = reading("Ream Naval Base")
    assert (ream.kind, ream.host, ream.codes) == (Kind.BASE, "KHM", ("KHM", "CHN"))
    assert reading("Ream").company
    assert ream.place


def test_an_exercise_held_alone_says_so_whatever_its_name_says():
    assert reading("Joint Sword").one_country
    assert not reading("Cobra Gold").one_country
    assert set(reading("Angkor Sentinel").codes) == {"KHM", "USA"}


@pytest.mark.parametrize(
    "written", ["Ocean", "Friendship", "Aurora", "Milan", "Aman", "Vostok", "Wales", "Pacific Fleet"]
)
def test_a_name_that_means_something_else_as_often_is_no_event_and_no_actor(written):
    found = reading(written)
    assert found is None or found.place


def test_missions_belong_to_their_body_and_groups_to_no_party():
    assert reading("UNIFIL").codes == ("UN",)
    assert reading("KFOR").codes == ("NATO",)
    assert reading("EUNAVFOR").codes == ("EU",)
    assert reading("Quad").codes == ()


def test_a_name_that_spells_out_several_parties_is_all_of_them():
    assert set(reading("two Koreas").codes) == {"KOR", "PRK"}
    assert set(reading("AUKUS").codes) == {"AUS", "GBR", "USA"}


def test_a_territory_never_acts():
    assert reading("Guam").place
    assert reading("Guam").codes == ("USA",)
    assert reading("Kashmir").codes == ()


def test_every_code_of_every_mention_is_a_party():
    unknown = {code for m in GAZETTEER.mentions for code in m.codes if not GAZETTEER.is_party(code)}
    assert unknown == set()


def test_one_spelling_of_one_kind_and_time_has_one_reading():
    clashes = []
    for surface, mentions in BY_SURFACE.items():
        plain = [m for m in mentions if m.since is None and m.until is None]
        if len({(m.kind, m.name) for m in plain}) > 1:
            clashes.append((surface, sorted({(m.kind.value, m.name) for m in plain})))
    assert clashes == []


def test_the_gazetteer_is_loaded_once():
    assert load_gazetteer() is GAZETTEER
    assert GAZETTEER.version
