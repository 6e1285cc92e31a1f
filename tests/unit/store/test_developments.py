import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.store.developments import (
    Nothing,
    Update,
    absorb,
    change,
    open_development,
)
from shared.vocabulary import Status, Topic

VISIT = "US, Cambodia explore restart of joint military exercises in Phnom Penh talks"
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


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(2, Nothing("senior-meeting same meeting")), (20, "status: senior-meeting agreed-signed→concluded")],
)
def test_a_meeting_told_as_coming_and_as_held_on_one_day_is_one_meeting(report, hours, expected):
    development = open_development(report(1, matters=(("senior-meeting", "agreed-signed"),)))
    held = report(2, matters=(("senior-meeting", "concluded"),), hours=hours)
    verdict = change(development, held)
    assert (verdict.changes[0].reason if isinstance(verdict, Update) else verdict) == expected
    later = absorb(development, held, counts=True)
    assert [(one.topic, one.status) for one in later.state.matters] == [(Topic.SENIOR_MEETING, Status.CONCLUDED)]


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
