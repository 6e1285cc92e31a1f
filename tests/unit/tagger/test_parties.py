from collections.abc import Callable

import pytest

from services.tagger.decide import Tagging


@pytest.mark.parametrize(
    ("text", "parties"),
    [
        ("Chile and Peru begin joint naval drills.", ("CHL", "PER")),  # both act
        ("Paris and Madrid begin joint naval drills.", ("ESP", "FRA")),  # capitals that act
        ("Chile and Peru begin joint naval drills near Japan.", ("CHL", "PER")),  # a mere place
        ("According to Brazil, Chile and Peru begin joint naval drills.", ("CHL", "PER")),  # a mere source
        ("Chile and Peru begin joint naval drills to deter Bolivia.", ("CHL", "PER")),  # an adversary
        (
            "Chile and Peru begin joint naval drills in the Philippine Sea.",
            ("CHL", "PER"),
        ),  # a name with a country in it
        ("Chile, Peru and Ecuador begin joint naval drills.", ("CHL", "ECU", "PER")),  # three
        ("Finland wants to join NATO.", ("FIN", "NATO")),  # a body is a party
        ("Norway sends a battalion of troops to Latvia.", ("LVA", "NOR")),  # the host of forces is one
        ("China sends warplanes toward Taiwan.", ("CHN", "TWN")),  # as is the target of pressure
        ("Chilean frigates join the Peruvian navy for joint drills.", ("CHL", "PER")),  # adjectives
    ],
)
def test_parties_are_who_acts_and_who_is_acted_on(
    read: Callable[..., Tagging], text: str, parties: tuple[str, ...]
) -> None:
    claims = read(text).claims
    assert claims
    assert {claim.parties for claim in claims} == {parties}


def test_the_other_party_is_looked_for_in_the_headline(read: Callable[..., Tagging]) -> None:
    tagging = read(
        "The fleet will take part in joint drills with its neighbour Peru, the navy said.",
        title="Chile plans naval drills",
    )
    assert ("CHL", "PER") in {claim.parties for claim in tagging.claims}


def test_a_matter_with_only_one_party_is_dropped_with_a_reason(read: Callable[..., Tagging]) -> None:
    tagging = read("The defence minister of Chile spoke by phone with his counterparts.")
    assert not tagging.claims
    assert any("names 1 of 2 parties" in seen.reason for seen in tagging.suppressed)
