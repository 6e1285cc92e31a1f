import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.events import Alert
from shared.subscriptions import Condition, Match, NotWanted, Subscription, Terminal, Wanted, wants
from shared.subscriptions.lint import condition_implies, implies
from shared.subscriptions.match import check
from shared.vocabulary import Aim, AlertKind, Severity, Status, Topic


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"topics": ["joint-exercise"]}, "joint-exercise under-discussion (aim resumed) between KHM and USA"),
        ({"topic": "senior-meeting", "status": "concluded"}, "senior-meeting concluded between KHM and USA"),
        ({"aim": "resumed"}, "joint-exercise under-discussion (aim resumed) between KHM and USA"),
        ({"topic": "basing-access", "party": "CHN"}, "basing-access denied between CHN and KHM"),
        ({"party": "CHN"}, "party CHN"),
        ({"parties": ["FRA", "USA"]}, "party USA"),
        ({"dyad": "USA-KHM"}, "dyad KHM-USA"),
        ({"dyads": ["CHN-KHM"]}, "dyad CHN-KHM"),
        ({"language": "en"}, "language en"),
        ({"languages": ["km", "EN-gb"]}, "language EN-gb"),
        ({"min_severity": "P3"}, "severity P3"),
        ({"kind": "raised"}, "kind raised"),
        ({"text": "hun manet"}, "text 'hun manet'"),
        ({"text": ["general tea  seiha's"]}, 'text "general tea seiha\'s"'),
        ({"text": "REAM"}, "text 'REAM'"),
        ({}, "every alert is wanted"),
    ],
)
def test_wanted_with_the_reason_in_words(subscribe, alert, keys, reason):
    assert wants(subscribe(**keys), alert) == Wanted(reason)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"topics": ["arms-sale", "port-call"]}, "no matter with topic arms-sale or port-call"),
        # each is true of some matter, but of no matter are both
        ({"topic": "joint-exercise", "status": "concluded"}, "no matter with topic joint-exercise, status concluded"),
        ({"topic": "senior-meeting", "party": "CHN"}, "no matter with topic senior-meeting, party CHN"),
        ({"party": "FRA"}, "party FRA not among KHM, USA, CHN"),
        # both take part in the alert, but in nothing together
        ({"dyad": "CHN-USA"}, "dyad CHN-USA not among KHM, USA, CHN"),
        ({"language": "fr"}, "language fr not among en-GB"),
        ({"min_severity": "P2"}, "severity P3 is below P2"),
        ({"kind": "updated"}, "kind updated not among raised"),
        ({"text": "man"}, "text 'man' not found"),
        ({"enabled": False}, "the subscription is switched off"),
        ({"match": {"none": [{"status": "denied"}]}}, "excluded: basing-access denied between CHN and KHM"),
        ({"match": {"any": [{"party": "FRA"}, {"kind": "updated"}]}},
         "nothing under any: party FRA not among KHM, USA, CHN; kind updated not among raised"),
    ],
)  # fmt: skip
def test_not_wanted_with_what_failed(subscribe, alert, keys, reason):
    assert wants(subscribe(**keys), alert) == NotWanted(reason)


def test_any_names_the_choice_that_held(subscribe, alert):
    subscription = subscribe(match={"any": [{"party": "FRA"}, {"text": "Austin"}]})
    assert wants(subscription, alert) == Wanted("text 'Austin'")


def test_a_phrase_in_a_script_without_spaces_is_found_inside_a_sentence(subscribe, alert):
    chinese = msgspec.structs.replace(alert, line="柬埔寨与美国讨论恢复联合军演")
    assert isinstance(wants(subscribe(text="联合军演"), chinese), Wanted)


def test_a_matter_that_names_one_party_counts_as_between_the_alerts_dyad(subscribe, alert):
    lone = msgspec.structs.replace(alert.matters[1], parties=("KHM",))
    one = msgspec.structs.replace(alert, matters=(lone,))
    assert isinstance(wants(subscribe(topic="joint-exercise", dyad="KHM-USA"), one), Wanted)


def test_an_alert_of_unknown_language_is_not_given_to_who_asks_for_one(subscribe, alert):
    unknown = msgspec.structs.replace(alert, languages=())
    assert wants(subscribe(language="en"), unknown) == NotWanted("language en not among none known")


PARTIES = st.lists(st.sampled_from(["KHM", "USA", "CHN", "FRA"]), max_size=2, unique=True).map(tuple)
DYADS = st.lists(st.sampled_from(["KHM-USA", "CHN-KHM", "CHN-USA", "FRA-USA"]), max_size=2, unique=True).map(tuple)
CONDITIONS = st.builds(
    Condition,
    topics=st.lists(
        st.sampled_from([Topic.JOINT_EXERCISE, Topic.BASING_ACCESS, Topic.ARMS_SALE]), max_size=2, unique=True
    ).map(tuple),
    statuses=st.lists(
        st.sampled_from([Status.DENIED, Status.CONCLUDED, Status.UNDER_DISCUSSION]), max_size=2, unique=True
    ).map(tuple),
    aims=st.sampled_from([(), (Aim.RESUMED,), (Aim.BEGUN,)]),
    parties=PARTIES,
    dyads=DYADS,
    languages=st.sampled_from([(), ("en",), ("en-GB",), ("fr",), ("fr", "en")]),
    min_severity=st.sampled_from([None, *Severity]),
    kinds=st.sampled_from([(), (AlertKind.RAISED,), (AlertKind.UPDATED,), tuple(AlertKind)]),
    text=st.sampled_from([(), ("austin",), ("nowhere",), ("austin", "nowhere")]),
)
LISTS = st.lists(CONDITIONS, max_size=3).map(tuple)
MATCHES = st.builds(Match, all=LISTS, any=LISTS, none=LISTS)
fixed_alert = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)


def holds(condition: Condition, alert: Alert) -> bool:
    return isinstance(check(condition, alert), Wanted)


def wanted(match: Match, alert: Alert) -> bool:
    return isinstance(wants(Subscription(id="t", name="t", match=match, channel=Terminal()), alert), Wanted)


@fixed_alert
@given(match=MATCHES, excluded=CONDITIONS)
def test_an_exclusion_that_holds_outweighs_everything(alert, match, excluded):
    if holds(excluded, alert):
        assert not wanted(Match(all=match.all, any=match.any, none=(*match.none, excluded)), alert)


@fixed_alert
@given(match=MATCHES)
def test_all_any_and_none_mean_what_they_say(alert, match):
    expected = (
        all(holds(one, alert) for one in match.all)
        and (not match.any or any(holds(one, alert) for one in match.any))
        and not any(holds(one, alert) for one in match.none)
    )
    assert wanted(match, alert) is expected


@fixed_alert
@given(match=MATCHES, more=CONDITIONS)
def test_one_more_thing_that_must_hold_never_adds_alerts(alert, match, more):
    if wanted(Match(all=(*match.all, more), any=match.any, none=match.none), alert):
        assert wanted(match, alert)


@fixed_alert
@given(narrow=CONDITIONS, wide=CONDITIONS)
def test_a_condition_that_lint_calls_implied_does_hold(alert, narrow, wide):
    if condition_implies(narrow, wide) and holds(narrow, alert):
        assert holds(wide, alert)


@fixed_alert
@given(narrow=MATCHES, wide=MATCHES)
def test_what_lint_calls_shadowed_is_wanted_by_the_wider_one(alert, narrow, wide):
    if implies(narrow, wide) and wanted(narrow, alert):
        assert wanted(wide, alert)
