"""Every figure, on cases small enough to count by hand; and the annotators' agreement where the labels are at hand."""

from pathlib import Path

import msgspec
import pytest

from services.tagger.evaluation import (
    BadRow,
    Fault,
    LabelledClaim,
    LabelledRow,
    evaluate_rows,
    read_labelled,
    read_tagged,
)
from shared.vocabulary import Place, Status, Topic

GOLD = Path(__file__).resolve().parents[4] / "shared" / "gold"


def claim(topic="port-call", status="concluded", parties=("KHM", "USA"), place="news"):
    return LabelledClaim(topic=Topic(topic), status=Status(status), parties=tuple(parties), place=Place(place))


def row(a, b=None, weight=1.0):
    return LabelledRow(id="r", text="", a=tuple(a), b=None if b is None else tuple(b), weight=weight)


def score(labelled, predicted):
    return evaluate_rows([(labelled, predicted)])


def cases(measure):
    return measure.plain.right, measure.plain.false, measure.plain.missed


def test_what_both_annotators_claim_is_wanted():
    both = row([claim()], [claim()])
    assert cases(score(both, [claim()]).total.topic) == (1, 0, 0)
    assert cases(score(both, []).total.topic) == (0, 0, 1)
    assert cases(score(both, []).total.relevant) == (0, 0, 1)


def test_what_one_annotator_claims_is_neither_reward_nor_fault():
    one = row([claim()], [])
    for predicted in ([claim()], []):
        total = score(one, predicted).total
        assert cases(total.topic) == (0, 0, 0)
        assert cases(total.relevant) == (0, 0, 0)


def test_what_none_claims_is_a_false_alarm():
    evaluation = score(row([], []), [claim()])
    assert cases(evaluation.total.topic) == (0, 1, 0)
    assert cases(evaluation.total.relevant) == (0, 1, 0)
    assert [m.fault for m in evaluation.mistakes] == [Fault.FALSE_ALARM]


def test_a_single_annotator_is_the_truth():
    assert cases(score(row([claim()]), []).total.topic) == (0, 0, 1)
    assert cases(score(row([]), [claim()]).total.topic) == (0, 1, 0)


def test_background_claims_count_on_neither_side():
    background = claim(place="background")
    assert cases(score(row([background]), []).total.topic) == (0, 0, 0)
    assert cases(score(row([]), [background]).total.topic) == (0, 0, 0)


def test_pressure_alone_makes_an_item_not_relevant_but_is_a_topic():
    pressure = claim("coercion-incident")
    evaluation = score(row([pressure]), [pressure])
    assert cases(evaluation.total.relevant) == (0, 0, 0)
    assert cases(evaluation.total.topic) == (1, 0, 0)


def test_a_status_is_right_if_either_annotator_gave_it():
    labelled = row([claim(status="begun")], [claim(status="concluded")])
    assert cases(score(labelled, [claim(status="begun")]).total.status) == (1, 0, 0)
    assert cases(score(labelled, [claim(status="denied")]).total.status) == (0, 1, 1)
    assert cases(score(labelled, [claim(status="denied"), claim(status="begun")]).total.status) == (1, 0, 0)


def test_status_and_parties_are_scored_on_tolerated_topics_too_but_not_on_missing_ones():
    tolerated = row([claim()], [])
    assert cases(score(tolerated, [claim(status="denied")]).total.status) == (0, 1, 1)
    assert cases(score(tolerated, []).total.status) == (0, 0, 0)
    assert cases(score(row([], []), [claim()]).total.parties) == (0, 0, 0)


def test_parties_both_name_are_wanted_and_what_either_names_is_allowed():
    labelled = row([claim(parties=("KHM", "USA"))], [claim(parties=("CHN", "USA"))])
    assert cases(score(labelled, [claim(parties=("USA",))]).total.parties) == (1, 0, 0)
    assert cases(score(labelled, [claim(parties=("CHN", "KHM", "USA"))]).total.parties) == (1, 0, 0)
    assert cases(score(labelled, [claim(parties=("CHN", "FRA"))]).total.parties) == (0, 1, 1)


def test_claims_of_one_topic_pool_their_parties():
    labelled = row([claim(parties=("KHM",)), claim(parties=("USA",), status="begun")])
    assert cases(score(labelled, [claim(parties=("KHM", "USA"))]).total.parties) == (2, 0, 0)


def test_weighted_figures_count_each_row_by_its_weight():
    evaluation = evaluate_rows([(row([claim()], weight=9.0), [claim()]), (row([claim()], weight=1.0), [])])
    assert evaluation.total.topic.plain.recall == pytest.approx(0.5)
    assert evaluation.total.topic.weighted.recall == pytest.approx(0.9)


def test_the_figures_of_a_topic_are_its_own():
    evaluation = score(row([claim("port-call")]), [claim("arms-sale")])
    assert cases(evaluation.by_topic[Topic.PORT_CALL].topic) == (0, 0, 1)
    assert cases(evaluation.by_topic[Topic.ARMS_SALE].topic) == (0, 1, 0)
    assert cases(evaluation.total.topic) == (0, 1, 1)


def test_a_figure_without_cases_is_undefined_not_zero():
    counts = score(row([], []), []).total.topic.plain
    assert (counts.precision, counts.recall, counts.f1) == (None, None, None)


def test_f1_is_the_harmonic_mean():
    evaluation = evaluate_rows([(row([claim()]), [claim()]), (row([claim()]), []), (row([]), [claim()])])
    counts = evaluation.total.topic.plain
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx((0.5, 0.5, 0.5))


def test_a_mistake_says_what_was_predicted_and_what_was_labelled():
    evaluation = score(row([claim(status="begun")]), [claim(status="denied", parties=("FRA", "USA"))])
    assert [(m.fault, m.predicted, m.wanted) for m in evaluation.mistakes] == [
        (Fault.WRONG_STATUS, "denied FRA-USA", "begun KHM-USA"),
        (Fault.WRONG_PARTIES, "denied FRA-USA", "begun KHM-USA"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b'{"id": "1", "text": ""}', "neither claims"),
        (b'{"id": "1", "text": "", "a": [{"topic": "sport", "status": "begun"}]}', r"'sport' - at `\$.a\[0\].topic`"),
        (b'{"id": "1", "text": "", "a": [], "weight": 0}', "weight is 0.0, not above 0"),
    ],
)
def test_a_row_that_is_no_labelled_item_is_refused_with_its_reason(line, reason):
    with pytest.raises(BadRow, match=reason):
        read_labelled(line)


def test_a_tagged_row_is_read_without_what_scoring_does_not_need():
    line = b'{"id": "1", "alert": true, "claims": [{"topic": "port-call", "status": "begun", "place": "news", "start": 3}]}'
    assert read_tagged(line).claims == (LabelledClaim(topic=Topic.PORT_CALL, status=Status.BEGUN),)
    with pytest.raises(BadRow):
        read_tagged(b"[]")


@pytest.mark.skipif(not GOLD.is_dir(), reason="the labelled items are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "agreement"), [("dev", (0.99, 0.96, 0.96, 0.99)), ("rss_dev", (0.99, 0.95, 0.95, 0.98))]
)
def test_the_annotators_agree_as_their_notes_say(name, agreement):
    rows = [read_labelled(line) for line in (GOLD / f"{name}.jsonl").read_bytes().splitlines()]
    total = evaluate_rows((msgspec.structs.replace(r, b=None), r.b or ()) for r in rows).total
    found = (total.relevant, total.topic, total.status, total.parties)
    assert [round(measure.plain.f1 or 0, 2) for measure in found] == pytest.approx(agreement, abs=0.011)


def test_a_row_about_clusters_is_scored_for_relevance_alone():
    ours = read_labelled(b'{"id": "1", "text": "", "story": "visit"}')
    other = read_labelled(b'{"id": "2", "text": "", "story": null}')
    total = evaluate_rows([(ours, [claim()]), (other, [claim()]), (ours, [])]).total
    assert cases(total.relevant) == (1, 1, 1)
    assert cases(total.topic) == (0, 0, 0)
