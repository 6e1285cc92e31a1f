import pytest

from services.store.developments import absorb, open_development
from services.store.joining import Ignored, Joined, Opened, join

VISIT = "US, Cambodia explore restart of joint military exercises in Phnom Penh talks"


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        # a shared person, other words
        ({"title": "Drills return to the table"}, "names: Austin"),
        # no name in common, but told alike
        ({"names": ("Manet",), "title": VISIT}, "wording: 1.00"),
        # a language whose words are not ours still shares names
        ({"title": "Воссоединение на учениях", "language": "ru"}, "names: Austin"),
        # at the edge of the window, on either side
        ({"hours": 72}, "names: Austin"),
        ({"hours": -72}, "names: Austin"),
        # a topic in common is enough, whichever leads
        ({"matters": (("senior-meeting", "concluded"), ("joint-exercise", "proposed"))}, "names: Austin"),
        # one side names no instrument, so nothing contradicts
        ({"names": ("Austin", "angkor-sentinel")}, "names: Austin"),
        # a base and an exercise do not contradict each other
        ({"names": ("Austin", "ream-naval-base")}, "names: Austin"),
        # a topic read differently, but the same person in the same words
        ({"title": VISIT, "matters": (("training-capacity", "proposed"),)}, "names: Austin; wording: 1.00"),
        # an article that is no alert, and one from the feed's past, are further evidence
        ({"alert": False}, "names: Austin"),
        ({"backfill": True}, "names: Austin"),
    ],
)
def test_a_report_of_the_same_matter_joins(report, what, expected):
    development = open_development(report(1, title=VISIT))
    assert join(report(2, **what), [development]) == Joined(development.id, expected)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"dyad": ("CHN", "KHM")}, "other dyad"),
        ({"hours": 72.1}, "more than 72 h apart"),
        ({"hours": -72.1}, "more than 72 h apart"),
        # another topic: the same person alone, or like words alone, are not enough
        ({"matters": (("arms-sale", "agreed-signed"),), "title": "Patrol boats ordered"}, "other topic"),
        ({"matters": (("arms-sale", "agreed-signed"),), "title": VISIT, "names": ()}, "other topic"),
        ({"names": ("Manet",), "title": "Sappers share a hospital ward"}, "other names and wording"),
        # alike in every word and person, but another exercise is another matter
        ({"names": ("Austin", "golden-dragon"), "title": VISIT}, "other instrument"),
    ],
)
def test_a_report_of_another_matter_opens_its_own(report, what, expected):
    development = open_development(report(1, title=VISIT, names=("Austin", "angkor-sentinel")))
    assert join(report(2, **what), [development]) == Opened(expected)


SUBMARINES = "Australia to buy submarines under a pact with partners"


@pytest.mark.parametrize(
    ("first", "second", "joins"),
    [
        # a third party left out or added by the other outlet
        (("AUS", "GBR", "USA"), ("AUS", "USA"), True),
        (("AUS", "USA"), ("AUS", "GBR", "USA"), True),
        # one party in common is another matter, told ever so alike
        (("AUS", "USA"), ("AUS", "CHN"), False),
        (("AUS", "USA"), ("AUS",), False),
        # two in common, but each with one the other lacks
        (("AUS", "GBR", "USA"), ("AUS", "CHN", "USA"), False),
    ],
)
def test_a_dyad_that_contains_the_other_is_the_same_when_told_alike(report, first, second, joins):
    development = open_development(report(1, dyad=first, title=SUBMARINES, names=()))
    found = join(report(2, dyad=second, title=SUBMARINES, names=()), [development])
    assert isinstance(found, Joined if joins else Opened)


@pytest.mark.parametrize(
    ("names", "joins"),
    [((), False), (("Biden",), False), (("Biden", "Sunak"), True), (("aukus",), True)],
)
def test_in_other_words_it_takes_an_instrument_or_two_names(report, names, joins):
    development = open_development(
        report(1, dyad=("AUS", "GBR", "USA"), title=SUBMARINES, names=("Biden", "Sunak", "aukus"))
    )
    found = join(report(2, dyad=("AUS", "USA"), title="Shipyards wait", names=names), [development])
    assert isinstance(found, Joined if joins else Opened)


def test_the_very_dyad_goes_before_a_related_one(report):
    three = open_development(report(1, dyad=("AUS", "GBR", "USA"), title=SUBMARINES, hours=-1))
    two = open_development(report(2, dyad=("AUS", "USA"), title=SUBMARINES))
    found = join(report(3, dyad=("AUS", "USA"), title=SUBMARINES), [three, two])
    assert isinstance(found, Joined)
    assert found.development_id == two.id


def test_the_first_report_of_a_dyad_opens(report):
    assert join(report(1), []) == Opened("first report")


@pytest.mark.parametrize("silent", [{"alert": False}, {"backfill": True}])
def test_an_article_that_may_not_speak_opens_nothing(report, silent):
    assert join(report(1, **silent), []) == Ignored("no alert")


def test_of_several_developments_the_one_with_the_same_instrument_wins(report):
    talks = open_development(report(1, names=("Austin", "Manet"), title=VISIT))
    drill = open_development(report(2, names=("angkor-sentinel",), title="Planners meet"))
    found = join(report(3, names=("Austin", "Manet", "angkor-sentinel"), title=VISIT), [talks, drill])
    assert isinstance(found, Joined)
    assert found.development_id == drill.id


def test_reports_of_one_matter_may_follow_each_other_beyond_the_window(report):
    development = open_development(report(1, hours=0))
    development = absorb(development, report(2, hours=60), counts=True)
    assert isinstance(join(report(3, hours=120), [development]), Joined)


def test_after_a_week_the_same_matter_is_news_again(report):
    development = open_development(report(0, hours=0))
    for days in range(1, 8):
        development = absorb(development, report(days, hours=24 * days), counts=True)
    assert isinstance(join(report(8, hours=24 * 7), [development]), Joined)
    assert join(report(9, hours=24 * 7 + 1), [development]) == Opened("a week old")


def test_an_article_that_may_not_speak_keeps_no_development_open(report):
    development = absorb(open_development(report(1, hours=0)), report(2, hours=60, alert=False), counts=True)
    assert join(report(3, hours=120), [development]) == Opened("more than 72 h apart")
