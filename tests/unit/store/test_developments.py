import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.store.developments import (
    Ignored,
    Joined,
    Nothing,
    Opened,
    Update,
    absorb,
    change,
    join,
    open_development,
)

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


def test_an_article_that_may_not_speak_keeps_no_development_open(report):
    development = absorb(open_development(report(1, hours=0)), report(2, hours=60, alert=False), counts=True)
    assert join(report(3, hours=120), [development]) == Opened("more than 72 h apart")


OPENING = (("joint-exercise", "under-discussion"), ("senior-meeting", "concluded"))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        # the matter moves on
        ({"matters": (("joint-exercise", "agreed-signed"),)}, "status: joint-exercise under-discussion→agreed-signed"),
        ({"matters": (("joint-exercise", "resumed"),)}, "status: joint-exercise under-discussion→resumed"),
        # it stops
        ({"matters": (("joint-exercise", "suspended"),)}, "status: joint-exercise under-discussion→suspended"),
        ({"matters": (("joint-exercise", "cancelled-ended"),)}, "status: joint-exercise under-discussion→cancelled-ended"),
        # the first denial is news though it moves no state
        ({"matters": (("joint-exercise", "denied"),)}, "denial: joint-exercise denied"),
        # more severe
        ({"matters": OPENING, "severity": "P2"}, "severity: P3→P2"),
        # the report leads with a state change on a topic nobody had told, in its own words
        ({"matters": (("arms-sale", "agreed-signed"), *OPENING), "title": "Order for patrol boats placed"}, "matter: arms-sale agreed-signed"),
        # how relations stand is news only where it leads
        ({"matters": (("relations-shift", "suspended"), *OPENING), "title": "Envoys sent home as pact frozen"}, "matter: relations-shift suspended"),
    ],
)  # fmt: skip
def test_what_changes_a_development_is_an_update(report, what, expected):
    development = open_development(report(1, matters=OPENING, title=VISIT))
    verdict = change(development, report(2, hours=20, **what))
    assert isinstance(verdict, Update)
    assert [one.reason for one in verdict.changes] == [expected]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        # the same again, in the same and in other words
        ({"matters": OPENING}, "joint-exercise already told; senior-meeting already told"),
        ({"matters": (("joint-exercise", "proposed"),)}, "joint-exercise same level"),
        ({"matters": (("joint-exercise", "standing"),)}, "joint-exercise same level"),
        # a minor topic more
        ({"matters": (*OPENING, ("mine-action", "under-discussion"))}, "joint-exercise already told; senior-meeting already told; mine-action minor topic"),
        ({"matters": (*OPENING, ("arms-sale", "agreed-signed"))}, "joint-exercise already told; senior-meeting already told; arms-sale minor topic"),
        # a retelling that the tagger read as led by another topic
        ({"matters": (("training-capacity", "resumed"), *OPENING), "title": VISIT}, "training-capacity retelling; joint-exercise already told; senior-meeting already told"),
        # criticism is a stance, not news
        ({"matters": (("joint-exercise", "criticised"),)}, "joint-exercise a stance"),
        # an older stop that comes late
        ({"matters": (("joint-exercise", "suspended"),), "hours": -5}, "joint-exercise older report"),
        # less severe
        ({"matters": OPENING, "severity": "P4"}, "joint-exercise already told; senior-meeting already told"),
        # who may not speak
        ({"matters": (("joint-exercise", "agreed-signed"),), "alert": False}, "no alert"),
        ({"matters": (("joint-exercise", "agreed-signed"),), "backfill": True}, "no alert"),
    ],
)  # fmt: skip
def test_what_changes_nothing_is_told_to_nobody(report, what, expected):
    development = open_development(report(1, matters=OPENING, title=VISIT))
    assert change(development, report(2, **{"hours": 2, **what})) == Nothing(expected)


def test_a_principal_party_that_joins_is_an_update(report, claim):
    development = open_development(report(1, dyad=("AUS", "USA"), matters=(("joint-exercise", "begun"),)))
    third = claim("joint-exercise", "begun", ("AUS", "GBR", "USA"))
    verdict = change(development, report(2, dyad=("AUS", "USA"), claims=(third,)))
    assert isinstance(verdict, Update)
    assert [one.reason for one in verdict.changes] == ["party: GBR"]


@pytest.mark.parametrize(
    "weak", [{"score": 0.5}, {"certainty": "rumoured"}, {"certainty": "inferred"}, {"place": "background"}]
)
def test_a_third_country_in_a_weak_claim_is_no_party(report, claim, weak):
    development = open_development(report(1, dyad=("AUS", "USA"), matters=(("joint-exercise", "begun"),)))
    claims = (
        claim("joint-exercise", "begun", ("AUS", "USA")),
        claim("joint-exercise", "begun", ("AUS", "GBR", "USA"), number=1, **weak),
    )
    assert isinstance(change(development, report(2, dyad=("AUS", "USA"), claims=claims)), Nothing)


@pytest.mark.parametrize("certainty", ["rumoured", "inferred"])
def test_a_rumour_moves_nothing_and_its_confirmation_is_news(report, claim, certainty):
    development = open_development(report(1))
    rumour = report(2, claims=(claim("joint-exercise", "agreed-signed", ("KHM", "USA"), certainty=certainty),))
    assert change(development, rumour) == Nothing("joint-exercise not sure")
    development = absorb(development, rumour, counts=True)
    assert isinstance(change(development, report(3, matters=(("joint-exercise", "agreed-signed"),))), Update)


def test_what_opened_as_a_rumour_is_news_when_it_is_sure(report, claim):
    rumour = report(1, claims=(claim("arms-sale", "agreed-signed", ("KHM", "USA"), certainty="rumoured"),))
    verdict = change(open_development(rumour), report(2, matters=(("arms-sale", "agreed-signed"),)))
    assert isinstance(verdict, Update)
    assert [one.reason for one in verdict.changes] == ["status: arms-sale unsure→agreed-signed"]


def test_a_silent_article_does_not_use_up_the_news(report):
    development = open_development(report(1))
    development = absorb(
        development, report(2, matters=(("joint-exercise", "agreed-signed"),), alert=False), counts=True
    )
    assert isinstance(change(development, report(3, matters=(("joint-exercise", "agreed-signed"),))), Update)


STATUSES = [
    "proposed",
    "under-discussion",
    "agreed-signed",
    "begun",
    "concluded",
    "resumed",
    "suspended",
    "cancelled-ended",
    "denied",
    "criticised",
]
TOLD = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(["joint-exercise", "arms-sale"]), st.sampled_from(STATUSES)), min_size=1, max_size=2),
        st.integers(-60, 60),
        st.booleans(),
        st.sampled_from(["P1", "P2", "P3"]),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


@given(told=TOLD)
def test_a_report_absorbed_is_never_news_again(report, told):
    reports = [
        report(n, matters=tuple(matters), hours=hours, alert=alert, severity=severity)
        for n, (matters, hours, alert, severity) in enumerate(told)
    ]
    development = open_development(reports[0])
    for one in reports:
        development = absorb(development, one, counts=True)
        assert isinstance(change(development, one), Nothing)
