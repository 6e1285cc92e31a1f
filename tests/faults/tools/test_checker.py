"""The checker finds each fault it is there to find, and only that."""

import os
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog import Record
from tests.faults.tools.checker import FLAWLESS, Verdict, ambiguous, judge, misplaced, resources, with_several_ids

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(offset: int, value: bytes) -> Record:
    return Record("topic", 0, offset, "key", value, (), NOW)


@given(st.sets(st.integers()))
def test_all_that_was_acknowledged_stored_once_is_flawless(numbers):
    assert judge(acked=numbers, stored=sorted(numbers, reverse=True)) == FLAWLESS


def test_lost_phantom_and_doubled_are_told_apart():
    assert judge(acked="abc", stored="bccx", sent="abcd") == Verdict(frozenset("a"), frozenset("x"), frozenset("c"))


def test_what_was_sent_but_never_acknowledged_may_be_stored_or_not():
    assert judge(acked="a", stored="ab", sent="abc") == FLAWLESS


def test_replays_are_in_order_and_overtaking_within_a_key_is_not():
    assert misplaced([("a", 1), ("b", 9), ("a", 2), ("a", 1), ("a", 2), ("a", 3), ("b", 10)]) == []
    assert misplaced([("a", 1), ("a", 3), ("a", 2)]) == [("a", 3, 2)]


def test_an_offset_with_two_values_is_ambiguous_and_one_read_twice_is_not():
    assert ambiguous([record(0, b"x"), record(1, b"y")], [record(0, b"x"), record(1, b"z")]) == {"topic/0@1"}


def test_a_delivery_repeated_under_its_id_is_well_and_one_under_two_ids_is_not():
    assert with_several_ids([("a", "1"), ("a", "1"), ("b", "2"), ("b", "3")]) == {"b"}


def test_resources_of_a_process_are_what_the_kernel_says():
    before = resources(os.getpid())
    with open(os.devnull), open(os.devnull):  # noqa: PTH123 - two open files are what is counted
        after = resources(os.getpid())
    assert after.files == before.files + 2
    assert before.resident_bytes > 1 << 20
    assert before.threads >= 1
