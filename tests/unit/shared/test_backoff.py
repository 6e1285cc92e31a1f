from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backoff import delay

ATTEMPTS = st.integers(0, 10_000)
LENGTHS = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=30))
DRAWS = st.floats(0, 1)


@given(attempt=ATTEMPTS, base=LENGTHS, cap=LENGTHS, draw=DRAWS, retry_after=st.none() | LENGTHS)
def test_a_delay_is_never_above_the_cap_and_never_below_half_the_first_step(attempt, base, cap, draw, retry_after):
    wait = delay(attempt, base=base, cap=cap, draw=draw, retry_after=retry_after)
    assert min(base, cap) / 2 <= wait <= cap


@given(attempt=ATTEMPTS, base=LENGTHS, cap=LENGTHS, draw=DRAWS, retry_after=LENGTHS)
def test_a_delay_is_at_least_what_the_server_asked_for_up_to_the_cap(attempt, base, cap, draw, retry_after):
    assert delay(attempt, base=base, cap=cap, draw=draw, retry_after=retry_after) >= min(retry_after, cap)


@given(attempt=ATTEMPTS, base=LENGTHS, cap=LENGTHS, draw=DRAWS)
def test_a_later_attempt_never_waits_less_on_the_same_draw(attempt, base, cap, draw):
    assert delay(attempt + 1, base=base, cap=cap, draw=draw) >= delay(attempt, base=base, cap=cap, draw=draw)


@pytest.mark.parametrize(
    ("attempt", "draw", "seconds"), [(0, 0, 0.5), (0, 1, 1), (1, 1, 2), (3, 0.5, 6), (5, 1, 32), (6, 1, 60), (6, 0, 30)]
)
def test_delays_double_between_half_and_all_of_the_step(attempt, draw, seconds):
    wait = delay(attempt, base=timedelta(seconds=1), cap=timedelta(seconds=60), draw=draw)
    assert wait == timedelta(seconds=seconds)
