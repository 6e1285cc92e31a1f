import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Evidence
from shared.vocabulary import AlertKind, Status, Topic

# One visit told by four outlets, each in its own words; written for this test.
RETELLINGS = (
    ("Austin, in Phnom Penh, weighs a return to joint drills with Cambodia", (("senior-meeting", "concluded"), ("joint-exercise", "under-discussion"))),
    ("US and Cambodia explore restart of joint military exercises", (("joint-exercise", "under-discussion"),)),
    ("Defence ties on the table as Hun Manet receives Austin", (("senior-meeting", "concluded"), ("relations-shift", "standing"), ("joint-exercise", "under-discussion"))),
    ("Pentagon chief floats renewed exercises in Phnom Penh", (("joint-exercise", "proposed"), ("senior-meeting", "concluded"))),
)  # fmt: skip


def test_one_visit_told_four_times_is_one_alert_and_its_outcome_an_update(arrival, world):
    for number, (title, matters) in enumerate(RETELLINGS):
        world.take(arrival(number, title=title, matters=matters, hours=number, names=("Austin", "Hun Manet")))
    world.take(
        arrival(9, title="Cambodia and US agree to resume Angkor Sentinel", matters=(("joint-exercise", "agreed-signed"),), hours=25, names=("angkor-sentinel", "Austin"), severity="P2")
    )  # fmt: skip
    raised, updated = world.alerts
    assert (raised.kind, raised.sequence, raised.references) == (AlertKind.RAISED, 0, None)
    assert raised.changes == ("raised: first report",)
    assert (updated.kind, updated.sequence, updated.references) == (AlertKind.UPDATED, 1, raised.id)
    assert updated.development_id == raised.development_id
    assert updated.changes == ("status: joint-exercise under-discussion→agreed-signed", "severity: P3→P2")
    assert updated.reports == 5
    assert updated.line == (
        "KHM–USA · Joint exercise: under discussion → agreed · Cambodia and US agree to resume Angkor Sentinel"
    )
    assert (updated.matters[0].topic, updated.matters[0].status) == (Topic.JOINT_EXERCISE, Status.AGREED_SIGNED)
    assert updated.evidence[0].article_id == "art_9"
    assert {span.article_id for span in updated.evidence} == {"art_0", "art_1", "art_2", "art_3", "art_9"}


@given(
    order=st.permutations(range(len(RETELLINGS))),
    cut=st.integers(0, 4),
    batch=st.integers(1, 4),
    again=st.integers(0, 4),
)
def test_order_batches_and_replays_of_retellings_make_no_further_alert(arrival, new_world, order, cut, batch, again):
    """However the reports come, in whatever batches, with any prefix sent again in between: one raise, no update."""
    world = new_world()
    told = [arrival(n, title=RETELLINGS[n][0], matters=RETELLINGS[n][1], names=("Austin",)) for n in order]
    stream = told[:cut] + told[:again] + told[cut:] + told
    for start in range(0, len(stream), batch):
        world.take(*stream[start : start + batch])
    assert [alert.kind for alert in world.alerts] == [AlertKind.RAISED]
    assert len(world.developments) == 1
    assert next(iter(world.developments.values())).reports == len(RETELLINGS)


@given(batch=st.integers(1, 6), replay=st.integers(0, 6))
def test_the_same_stream_in_other_batches_makes_the_same_alerts(arrival, new_world, batch, replay):
    statuses = ("proposed", "agreed-signed", "suspended", "resumed", "concluded", "agreed-signed")
    stream = [arrival(n, hours=n, matters=(("joint-exercise", status),)) for n, status in enumerate(statuses)]
    one_by_one, batched = new_world(), new_world()
    for one in stream:
        one_by_one.take(one)
    for start in range(0, len(stream), batch):
        batched.take(*stream[start : start + batch])
    batched.take(*stream[:replay])
    assert [alert.id for alert in batched.alerts] == [alert.id for alert in one_by_one.alerts]
    assert len(one_by_one.alerts) == 5  # the second agreement is told already


def test_a_revision_stays_in_its_development_and_counts_once(arrival, world):
    world.take(arrival(1))
    intake = world.take(arrival(1, revision=1, names=("Someone Else",), title="Altogether different wording"))
    assert [verdict.outcome for verdict in intake.verdicts] == ["revised"]
    (development,) = world.developments.values()
    assert (development.reports, len(world.alerts)) == (1, 1)


def test_a_revision_that_moves_the_matter_is_an_update(arrival, world):
    world.take(arrival(1))
    world.take(arrival(1, revision=1, matters=(("joint-exercise", "agreed-signed"),)))
    assert [alert.kind for alert in world.alerts] == [AlertKind.RAISED, AlertKind.UPDATED]


def test_an_older_revision_changes_nothing(arrival, world):
    world.take(arrival(1, revision=2))
    intake = world.take(arrival(1, revision=1, matters=(("joint-exercise", "cancelled-ended"),)))
    assert [(verdict.outcome, verdict.reason) for verdict in intake.verdicts] == [("repeat", "revision 2 is stored")]
    assert not intake.articles
    assert len(world.alerts) == 1


def test_a_revision_of_another_dyad_moves_to_a_development_of_that_dyad(arrival, world):
    world.take(arrival(1))
    intake = world.take(arrival(1, revision=1, dyad=("CHN", "KHM")))
    assert [alert.dyad for alert in world.alerts] == [("KHM", "USA"), ("CHN", "KHM")]
    assert intake.memberships["art_1"].reason == "opened: first report"


def test_of_several_revisions_in_one_batch_the_last_is_written(arrival, world):
    intake = world.take(arrival(1, title="First"), arrival(1, title="Second", revision=1))
    assert [one.article.title for one in intake.articles.values()] == ["Second"]


def test_backfill_is_stored_and_announced_never(arrival, world):
    intake = world.take(arrival(1, backfill=True))
    assert (list(intake.articles), world.alerts, world.developments) == (["art_1"], [], {})
    assert intake.verdicts[0].reason == "ignored: no alert"


def test_claims_of_another_dyad_make_no_matter_but_context_is_shown(arrival, world, claim):
    own = claim("joint-exercise", "under-discussion", ("KHM", "USA"))
    context = claim("basing-access", "denied", ("CHN", "KHM"), number=1)
    other = claim("military-channels", "begun", ("CHN", "USA"), number=2)
    past = claim("joint-exercise", "suspended", ("KHM", "USA"), number=3, place="background")
    world.take(
        arrival(1, claims=(own, context, other, past), topics=(Topic.JOINT_EXERCISE,), context=(Topic.BASING_ACCESS,))
    )
    (alert,) = world.alerts
    assert [(matter.topic, matter.status) for matter in alert.matters] == [("joint-exercise", "under-discussion")]
    assert [span.topic for span in alert.evidence] == ["joint-exercise", "basing-access"]
    assert alert.parties == ("KHM", "USA")


def test_a_denial_leads_the_alert_it_causes_and_leaves_the_state(arrival, world):
    world.take(arrival(1, matters=(("basing-access", "under-discussion"),)))
    world.take(arrival(2, matters=(("basing-access", "denied"),), title="Phnom Penh says no to base"))
    denial = world.alerts[-1]
    assert [matter.status for matter in denial.matters] == ["denied", "under-discussion"]
    assert denial.line == "KHM–USA · Bases, access and overflight: denied · Phnom Penh says no to base"
    (development,) = world.developments.values()
    assert development.matter(Topic.BASING_ACCESS).status is Status.UNDER_DISCUSSION


def test_an_alert_with_no_claim_of_its_dyad_tells_of_the_news_it_has(arrival, world, claim):
    world.take(arrival(1, claims=(claim("arms-sale", "agreed-signed", ("KOR", "POL")),)))
    assert [matter.topic for matter in world.alerts[0].matters] == ["arms-sale"]


def test_alert_ids_depend_on_content_only(arrival, new_world):
    one, other = new_world(), new_world()
    one.take(arrival(1))
    other.take(arrival(1))
    assert one.alerts[0].id == other.alerts[0].id
    other.take(arrival(2, dyad=("FIN", "NOR")))
    assert len({alert.id for alert in other.alerts}) == 2


@pytest.mark.parametrize("line", ["No dyad in front", "KHM–USA · Dyad in front"])
def test_an_update_names_the_dyad_once(arrival, world, line):
    world.take(arrival(1, line=line))
    world.take(arrival(2, line=line, matters=(("joint-exercise", "begun"),)))
    assert world.alerts[1].line.count("KHM–USA") == 1


def test_evidence_is_capped_and_a_quote_of_a_whole_text_left_out(arrival, world, claim):
    whole = claim("arms-sale", "begun", ("KHM", "USA"))
    whole = msgspec.structs.replace(whole, evidence=(Evidence(field="text", start=0, end=5000, quote="x" * 5000),))
    for number in range(30):
        world.take(arrival(number, claims=(claim("joint-exercise", "begun", ("KHM", "USA")), whole)))
    world.take(arrival(99, matters=(("joint-exercise", "concluded"),)))
    evidence = world.alerts[-1].evidence
    assert len(evidence) == 12
    assert all(len(span.quote) <= 600 for span in evidence)
