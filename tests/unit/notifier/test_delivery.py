from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.delivery import (
    SCHEDULE,
    Accepted,
    Delivered,
    DisableEndpoint,
    GaveUp,
    Gone,
    Refused,
    RetryAt,
    TryLater,
    decide,
    deliveries_of,
    of_http,
    of_smtp,
)
from services.notifier.sample import sample_alert
from shared.subscriptions import Email, parse_subscription

HOUR = 3600


@pytest.mark.parametrize(
    ("attempts", "wait_s"),
    [(1, 5), (2, 300), (3, 1800), (4, 2 * HOUR), (5, 5 * HOUR), (6, 10 * HOUR), (7, 14 * HOUR), (8, 20 * HOUR), (9, 24 * HOUR)],
)  # fmt: skip
def test_a_failure_is_retried_on_the_schedule_of_the_standard(now, attempts, wait_s):
    decision = decide(TryLater("http-500"), attempts=attempts, now=now, draw=0.0)
    assert decision == RetryAt(now + timedelta(seconds=wait_s), "http-500")


def test_the_whole_schedule_takes_the_75_hours_of_the_standard():
    assert timedelta(hours=75) < sum(SCHEDULE, timedelta()) < timedelta(hours=76)


@given(attempts=st.integers(1, 9), draw=st.floats(0, 1))
def test_jitter_only_lengthens_and_by_a_tenth_at_most(attempts, draw):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    decision = decide(TryLater("x"), attempts=attempts, now=at, draw=draw)
    assert isinstance(decision, RetryAt)
    assert SCHEDULE[attempts] <= decision.when - at <= SCHEDULE[attempts] * 1.1 + timedelta(microseconds=1)


def test_after_the_last_attempt_the_delivery_is_given_up(now):
    decision = decide(TryLater("timeout"), attempts=10, now=now, draw=0.0)
    assert decision == GaveUp("timeout; 10 attempts are all the schedule has")


def test_a_receiver_that_took_nothing_through_the_whole_schedule_is_disabled(now):
    decision = decide(TryLater("timeout"), attempts=10, now=now, draw=0.0, answered_since=False)
    assert isinstance(decision, DisableEndpoint)


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        (Accepted("http-204"), Delivered("http-204")),
        (Refused("refused-address"), GaveUp("refused-address")),
        (Gone("http-410"), DisableEndpoint("http-410")),
    ],
)
def test_what_is_final_is_final_at_the_first_attempt(now, outcome, decision):
    assert decide(outcome, attempts=1, now=now, draw=0.5) == decision


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (timedelta(minutes=2), timedelta(minutes=2)),
        (timedelta(seconds=1), timedelta(seconds=5)),
        (timedelta(days=400), timedelta(hours=24)),
    ],
)
def test_retry_after_lengthens_the_wait_but_neither_shortens_it_nor_exceeds_a_day(now, asked, waits):
    decision = decide(TryLater("throttled-429", asked), attempts=1, now=now, draw=0.0)
    assert decision == RetryAt(now + waits, "throttled-429")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Accepted("http-200")),
        (204, Accepted("http-204")),
        (301, TryLater("http-301")),
        (304, TryLater("http-304")),
        (400, TryLater("http-400")),
        (404, TryLater("http-404")),
        (410, Gone("http-410")),
        (429, TryLater("throttled-429")),
        (500, TryLater("http-500")),
        (502, TryLater("throttled-502")),
        (504, TryLater("throttled-504")),
    ],
)
def test_an_answer_is_read_as_the_standard_says(status, outcome):
    assert of_http(status) == outcome


@pytest.mark.parametrize(("code", "kind"), [(421, TryLater), (450, TryLater), (550, Refused), (554, Refused)])
def test_mail_refused_for_now_is_tried_later_and_for_good_is_not(code, kind):
    assert of_smtp(code) == kind(f"smtp-{code}")


def test_a_delivery_has_the_same_id_whenever_the_alert_comes(now):
    alert = sample_alert(now)
    subscription = parse_subscription({"name": "T", "channel": "terminal"})
    first, again = (
        list(deliveries_of(alert, subscription, matched="x", now=at, trace_id=None)) for at in (now, now + SCHEDULE[3])
    )
    assert [one.id for one in first] == [one.id for one in again]
    (other,) = deliveries_of(
        msgspec.structs.replace(alert, id="alr_other"), subscription, matched="x", now=now, trace_id=None
    )
    assert other.id != first[0].id


def test_every_address_of_an_email_is_a_delivery_of_its_own(now):
    subscription = parse_subscription({"name": "T", "channel": {"email": ["a@x.example", "b@x.example"]}})
    both = list(deliveries_of(sample_alert(now), subscription, matched="x", now=now, trace_id=None))
    assert [one.channel for one in both] == [Email(to=("a@x.example",)), Email(to=("b@x.example",))]
    assert both[0].id != both[1].id
