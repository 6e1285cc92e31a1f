from datetime import UTC, datetime, timedelta

import pytest

from shared.eventlog import Lag, Record
from shared.eventlog.kafka.standing import Hand, Standing, lag

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def record(partition, offset, at=NOON):
    return Record("topic", partition, offset, "key", b"", (), at)


def hand_of(*records):
    hand = Hand()
    hand.take(records)
    return hand


def test_a_hand_tells_what_to_commit_and_what_is_committed():
    hand = hand_of(record(0, 5), record(0, 6), record(2, 9))
    hand.take([record(0, 7)])
    assert hand.ends() == {0: 8, 2: 10}
    assert hand.starts() == {0: 5, 2: 9}


def test_a_hand_is_empty_when_cleared():
    hand = hand_of(record(0, 5))
    assert hand
    hand.clear()
    assert not hand
    assert hand.ends() == {}


@pytest.mark.parametrize(
    ("standing", "behind"),
    [
        (Standing(0, 5, 9, 1), True),
        (Standing(0, 9, 9, 1), False),
        (Standing(0, None, 9, 1), False),
        (Standing(0, 5, None, None), False),
    ],
)
def test_a_partition_is_behind_when_it_is_known_to_have_more(standing, behind):
    assert standing.behind is behind


def test_lag_counts_from_the_first_record_in_hand():
    assert lag([Standing(0, 8, 10, 1)], hand_of(record(0, 5), record(0, 7)), {}) == Lag(5, NOON)


def test_lag_of_records_not_yet_read_dates_from_the_moment_they_cannot_be_older_than():
    assert lag([Standing(0, 8, 10, 1)], Hand(), {0: NOON}) == Lag(2, NOON)


def test_the_oldest_of_all_partitions_counts():
    standings = [Standing(0, 8, 10, 1), Standing(1, 1, 2, 1)]
    assert lag(standings, hand_of(record(0, 7, NOON)), {0: NOON - MINUTE, 1: NOON + MINUTE}) == Lag(4, NOON)


def test_what_is_unknown_counts_for_nothing():
    assert lag([Standing(0, None, 10, 1), Standing(1, 4, None, None)], Hand(), {}) == Lag(0, None)
    assert lag([Standing(0, 3, 10, 1)], Hand(), {}) == Lag(7, None)


def test_a_partition_read_to_its_end_has_no_age():
    assert lag([Standing(0, 10, 10, 1)], Hand(), {0: NOON}) == Lag(0, None)
