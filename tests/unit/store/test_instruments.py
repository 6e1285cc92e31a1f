import pytest

from services.store.instruments import contradict, instrument_kinds, instruments, slug
from services.tagger.decide import load_tagger, tag
from shared.gazetteer import load_gazetteer


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # two exercises are two matters
        ({"exercise:cobra-gold"}, {"exercise:balikatan"}, True),
        # a base and an exercise may belong to one
        ({"base:ream-naval-base"}, {"exercise:angkor-sentinel"}, False),
        # one in common settles it, whatever else is named
        ({"exercise:balikatan", "base:subic"}, {"exercise:balikatan", "base:clark"}, False),
        ({"exercise:balikatan"}, set(), False),
    ],
)
def test_contradict(one, other, expected):
    assert contradict(frozenset(one), frozenset(other)) is expected
    assert contradict(frozenset(other), frozenset(one)) is expected


def test_people_and_forums_are_no_instruments():
    kinds = instrument_kinds(load_gazetteer())
    assert instruments(("lloyd-austin", "shangri-la-dialogue", "angkor-sentinel"), kinds) == {
        "exercise:angkor-sentinel"
    }


def test_the_tagger_writes_instruments_as_they_are_looked_up_here():
    """The two services share nothing but the words on the wire; this is what keeps them the same."""
    kinds = instrument_kinds(load_gazetteer())
    decision = tag(
        "Cambodia and US agree to resume Angkor Sentinel exercise",
        "Cambodia and the United States agreed to resume the joint military exercise Angkor Sentinel.",
        tagger=load_tagger(),
    ).decision
    assert instruments(decision.names, kinds) == {"exercise:angkor-sentinel"}


def test_slug():
    assert slug("Ream Naval Base") == "ream-naval-base"
