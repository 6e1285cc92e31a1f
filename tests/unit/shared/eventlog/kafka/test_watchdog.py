import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog.kafka import watchdog
from shared.eventlog.kafka.standing import Standing
from shared.eventlog.kafka.watchdog import (
    ASK_AFTER,
    REBUILDS,
    STUCK_AFTER,
    UNJOINED_AFTER,
    Sight,
    Verdict,
    Watch,
    excused,
    exhausted,
    look,
    rebuilt,
    verdict,
)


def idle(stamp, partition=0):
    return Standing(partition, 10, 10, stamp)


def behind(position, stamp=1, partition=0):
    return Standing(partition, position, 100, stamp)


def well(*standings):
    return Sight(alive=True, joined=True, partitions=standings)


UNJOINED = Sight(alive=True, joined=False)


def watched(sights, *, every=1.0, watch=None):
    """Look at each in turn, a second of waiting between two; return the watch and the time."""
    watch, at = watch or Watch(0.0), 0.0
    for sight in sights:
        watch = look(watch, sight, at)
        at += every
    return watch, at - every


def test_an_idle_partition_that_answers_is_well():
    watch, at = watched([well(idle(stamp)) for stamp in range(1000)])
    assert verdict(watch, at) == (Verdict.GO_ON, "")


def test_a_partition_that_moves_on_is_well():
    watch, at = watched([well(behind(position)) for position in range(90)])
    assert verdict(watch, at) == (Verdict.GO_ON, "")


def test_a_member_without_partitions_is_well_for_ever():
    watch, at = watched([well()] * 10_000)
    assert verdict(watch, at) == (Verdict.GO_ON, "")


def test_silence_has_the_broker_asked_before_anything_is_concluded():
    watch, _ = watched([well(idle(1))])
    assert verdict(watch, ASK_AFTER - 0.1)[0] is Verdict.GO_ON
    assert verdict(watch, ASK_AFTER)[0] is Verdict.ASK
    assert verdict(watch, 10 * STUCK_AFTER)[0] is Verdict.ASK


@pytest.mark.parametrize("sight", [well(idle(1)), well(behind(5)), well(Standing(0, None, None, None))])
def test_a_partition_that_stands_still_while_the_broker_answers_is_stuck(sight):
    watch, _ = watched([sight])
    assert verdict(watch, STUCK_AFTER - 1, broker_answers=True)[0] is Verdict.GO_ON
    what, why = verdict(watch, STUCK_AFTER, broker_answers=True)
    assert what is Verdict.STUCK
    assert why == "nothing from partition 0 for 30 s"


def test_answers_that_bring_nothing_of_what_is_there_do_not_count():
    watch, at = watched([well(behind(5, stamp)) for stamp in range(40)])
    assert verdict(watch, at, broker_answers=True)[0] is Verdict.STUCK


def test_the_partition_that_stands_still_longest_is_named():
    sights = [well(idle(n, 0), idle(1, 1), idle(n, 2)) for n in range(40)]
    watch, at = watched(sights)
    assert verdict(watch, at, broker_answers=True) == (Verdict.STUCK, "nothing from partition 1 for 39 s")


def test_a_group_that_gives_no_partitions_is_waited_for_longer_than_a_rebalance_takes():
    watch, _ = watched([UNJOINED])
    assert verdict(watch, STUCK_AFTER, broker_answers=True)[0] is Verdict.GO_ON
    assert verdict(watch, UNJOINED_AFTER, broker_answers=True)[0] is Verdict.STUCK


def test_time_without_partitions_counts_from_their_loss():
    watch, at = watched([well(idle(n)) for n in range(500)] + [UNJOINED] * 10)
    assert verdict(watch, at, broker_answers=True)[0] is Verdict.GO_ON


def test_dead_background_tasks_are_no_matter_of_time():
    watch, at = watched([Sight(alive=False, joined=True, partitions=[idle(1)])])
    assert verdict(watch, at)[0] is Verdict.ASK
    assert verdict(watch, at, broker_answers=True)[0] is Verdict.STUCK


def test_an_outage_is_not_being_stuck():
    watch, at = watched([well(idle(1))])
    for moment in range(1, 10_000):
        assert verdict(watch, at + moment, broker_answers=False)[0] is Verdict.GO_ON


def test_after_an_outage_counting_begins_again():
    watch, _ = watched([well(idle(1), behind(4, partition=1))])
    watch = excused(watch, 1000.0)
    assert verdict(watch, 1000.0 + STUCK_AFTER - 1, broker_answers=True)[0] is Verdict.GO_ON
    assert verdict(watch, 1000.0 + STUCK_AFTER, broker_answers=True)[0] is Verdict.STUCK


def test_rebuilding_is_given_up_after_several_in_a_row():
    watch = Watch(0.0)
    for _ in range(REBUILDS):
        assert not exhausted(watch)
        watch = rebuilt(look(watch, UNJOINED, 0.0), 0.0)
    assert exhausted(watch)


def test_progress_forgets_earlier_rebuilds():
    watch = rebuilt(rebuilt(Watch(0.0), 0.0), 0.0)
    watch = look(watch, UNJOINED, 1.0)
    assert watch.rebuilds == 2, "not joining is no progress"
    watch = look(watch, well(idle(1)), 2.0)
    assert watch.rebuilds == 0


def test_one_partition_standing_still_is_no_progress():
    watch = rebuilt(Watch(0.0), 0.0)
    watch = look(watch, well(Standing(0, None, None, None), idle(1, 1)), 1.0)
    assert watch.rebuilds == 1


STANDINGS = st.builds(
    Standing,
    st.integers(0, 3),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
)
SIGHTS = st.builds(Sight, st.booleans(), st.booleans(), st.lists(STANDINGS, unique_by=lambda s: s.partition))


@given(st.lists(SIGHTS, max_size=30), st.floats(0, 500))
def test_only_an_answering_broker_can_make_a_consumer_stuck(sights, more):
    watch, at = watched(sights or [UNJOINED])
    assert verdict(watch, at + more)[0] is not Verdict.STUCK
    assert verdict(watch, at + more, broker_answers=False)[0] is Verdict.GO_ON
    assert verdict(watch, at, broker_answers=True)[0] is not Verdict.ASK


def test_an_idle_partition_answers_more_often_than_it_is_asked_about():
    assert watchdog.ASK_AFTER < watchdog.STUCK_AFTER < watchdog.UNJOINED_AFTER
