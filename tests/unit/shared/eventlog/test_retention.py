from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog.retention import Cutoffs, cutoffs, keep_from
from shared.topics import ARTICLES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OFFSETS = st.integers(0, 1000)


def test_cutoffs_follow_the_topic():
    assert cutoffs("articles", NOW) == Cutoffs(NOW - ARTICLES.retention, NOW - 2 * ARTICLES.retention)
    assert ARTICLES.retention == timedelta(days=14)


def test_a_topic_nobody_specified_has_no_cutoffs():
    assert cutoffs("unheard-of", NOW) is None


@given(owable=OFFSETS, more=OFFSETS, committed=st.none() | OFFSETS)
def test_nothing_within_its_retention_is_forgotten(owable, more, committed):
    unsettled = owable + more
    keep = keep_from(first_unsettled=unsettled, first_owable=owable, committed=committed)
    assert owable <= keep <= unsettled


@given(owable=OFFSETS, more=OFFSETS, committed=OFFSETS)
def test_what_a_group_owes_is_kept_up_to_the_second_cutoff(owable, more, committed):
    keep = keep_from(first_unsettled=owable + more, first_owable=owable, committed=committed)
    assert keep <= max(committed, owable)
