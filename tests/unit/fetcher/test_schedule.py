from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.outcomes import WEIGHTS, Failure
from services.fetcher.schedule import (
    ADAPTIVE_CEILING,
    AUDIT_EVERY,
    FAILURE_CEILING,
    GONE_REPROBE,
    HINT_CEILING,
    JITTER,
    Bounds,
    Counts,
    Wishes,
    after_failure,
    after_success,
    audit_due,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
BOUNDS = Bounds(timedelta(minutes=5), timedelta(hours=24))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def succeed(counts=Counts(known=20), wishes=Wishes(), *, interval=HOUR, first=False, bounds=BOUNDS, now=NOW, draw=0.0):  # noqa: B008 - frozen values
    return after_success(counts, wishes, interval=interval, first=first, bounds=bounds, now=now, draw=draw)


def fail(kind="dns", *, failures=0.0, frozen=False, retry_after=None, interval=HOUR, bounds=BOUNDS, draw=1.0):
    return after_failure(
        Failure(kind, "x", None, retry_after),
        interval=interval, failures=failures, frozen=frozen, bounds=bounds, now=NOW, draw=draw,
    )  # fmt: skip


def test_news_shortens_the_interval_and_silence_lengthens_it():
    assert succeed(Counts(new=2, known=18)).interval < HOUR
    assert succeed(Counts(updated=1, known=19)).interval < HOUR
    assert succeed(Counts(known=20)).interval > HOUR
    assert succeed(Counts()).interval > HOUR


def test_page_of_nearly_only_new_items_halves_the_interval_because_some_may_be_missed():
    plan = succeed(Counts(new=19, known=1))
    assert plan.interval == HOUR / 2
    assert "missed" in plan.reason


def test_first_poll_changes_nothing_although_all_is_new():
    assert succeed(Counts(new=50), first=True).interval == HOUR


def test_steady_feed_settles_near_half_the_gap_between_its_items():
    gap, interval, clock = HOUR, 15 * MINUTE, timedelta(0)
    settled = []
    for _ in range(400):
        before, clock = clock, clock + interval
        new = int(clock / gap) - int(before / gap)
        interval = succeed(Counts(new=new, known=30), interval=interval).interval
        settled.append(interval)
    average = sum(settled[100:], timedelta(0)) / len(settled[100:])
    assert 0.3 * gap < average < 0.9 * gap


def test_publishers_hint_lengthens_but_not_beyond_four_hours():
    assert succeed(wishes=Wishes(ttl=2 * HOUR)).at == NOW + 2 * HOUR
    day = succeed(wishes=Wishes(fresh_for=24 * HOUR))
    assert day.at == NOW + HINT_CEILING
    assert "limited" in day.reason


def test_hint_shorter_than_our_own_interval_changes_nothing():
    assert succeed(wishes=Wishes(fresh_for=MINUTE, ttl=MINUTE)).at == succeed().at


def test_hint_does_not_become_the_settled_interval():
    assert succeed(wishes=Wishes(ttl=3 * HOUR)).interval == succeed().interval


def test_skipped_hours_and_days_are_skipped():
    night = succeed(wishes=Wishes(skip_hours=frozenset({13, 14})))
    assert night.at == NOW.replace(hour=15)
    assert "skip" in night.reason
    assert succeed(wishes=Wishes(skip_days=frozenset({2}))).at == datetime(2026, 3, 5, tzinfo=UTC)


def test_skipping_everything_or_for_longer_than_the_ceiling_is_not_obeyed():
    assert succeed(wishes=Wishes(skip_hours=frozenset(range(24)))).at == succeed().at
    assert succeed(wishes=Wishes(skip_days=frozenset({2, 3, 4, 5}))).at == succeed().at


def test_operators_ceiling_overrides_adaptation_and_hints():
    tight = Bounds(timedelta(seconds=1), 10 * MINUTE)
    assert succeed(wishes=Wishes(ttl=5 * HOUR), bounds=tight).at == NOW + 10 * MINUTE


@given(
    st.builds(Counts, st.integers(0, 500), st.integers(0, 50), st.integers(0, 500)),
    st.builds(
        Wishes,
        st.none() | st.timedeltas(timedelta(0), timedelta(days=366)),
        st.none() | st.timedeltas(timedelta(0), timedelta(days=366)),
        st.frozensets(st.integers(0, 23)),
        st.frozensets(st.integers(0, 6)),
    ),
    st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    st.timedeltas(timedelta(seconds=0.5), timedelta(hours=1)),
    st.timedeltas(timedelta(hours=1), timedelta(days=2)),
    st.booleans(),
    st.floats(0, 1),
)
def test_next_poll_is_always_within_floor_and_ceiling_and_has_a_reason(
    counts, wishes, interval, floor, ceiling, first, draw
):
    bounds = Bounds(floor, ceiling)
    plan = succeed(counts, wishes, interval=interval, first=first, bounds=bounds, draw=draw)
    assert NOW + floor <= plan.at <= NOW + ceiling * (1 + JITTER)
    assert floor <= plan.interval <= max(ADAPTIVE_CEILING, floor)
    assert plan.failures == 0
    assert plan.reason


@given(
    st.sampled_from([kind for kind in WEIGHTS if kind != "gone"]),
    st.floats(0, 10_000),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=366)),
    st.floats(0, 1),
    st.booleans(),
)
def test_failing_feed_is_always_tried_again_within_a_day(kind, failures, retry_after, draw, frozen):
    plan = fail(kind, failures=failures, retry_after=retry_after, draw=draw, frozen=frozen)
    assert NOW + BOUNDS.floor <= plan.at <= NOW + timedelta(days=1) * (1 + JITTER)
    assert kind in plan.reason
    assert plan.failures == (failures if frozen else failures + WEIGHTS[kind])


def test_thirty_days_of_failure_end_within_one_capped_backoff_period():
    failures, clock = 0.0, timedelta(0)
    while clock < timedelta(days=30):
        plan = fail("http-4xx", failures=failures)
        failures, clock = plan.failures, clock + (plan.at - NOW)
        assert plan.at - NOW <= FAILURE_CEILING
    assert plan.at - NOW == FAILURE_CEILING


def test_failures_that_mend_themselves_back_off_slower():
    assert fail("dns", failures=2).at < fail("http-4xx", failures=2).at


def test_gone_feed_is_tried_again_after_a_month():
    assert fail("gone", draw=0.0).at == NOW + GONE_REPROBE


def test_retry_after_is_honoured_up_to_a_day_and_never_shortens():
    assert fail("rate-limited", retry_after=3 * HOUR, draw=0.0).at == NOW + 3 * HOUR
    assert fail("http-5xx", retry_after=timedelta(days=30), draw=0.0).at == NOW + timedelta(days=1)
    assert fail("rate-limited", retry_after=timedelta(0)).at >= NOW + BOUNDS.floor


def test_suspected_own_network_is_named_as_the_reason():
    assert "our network" in fail(frozen=True).reason


@pytest.mark.parametrize(("ago", "due"), [(None, True), (AUDIT_EVERY - HOUR, False), (AUDIT_EVERY, True)])
def test_unconditional_audit_comes_every_eight_days(ago, due):
    assert audit_due(NOW - ago if ago else None, NOW) is due
