from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.dispatch import Due, choose
from services.fetcher.politeness import CONCURRENT, Gate, closed, started

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def due(name, host, ago=0):
    return Due(name, f"https://{host}/{name}", NOW - ago * SECOND, polled=True)


def names(choice):
    return [each.feed_id for each in choice.begin]


def test_five_hundred_due_feeds_of_one_host_do_not_delay_another():
    many = [due(f"m{n}", "busy.test", ago=1000 + n) for n in range(500)]
    chosen = names(choose([*many, due("lone", "calm.test")], {}, now=NOW, space=SECOND, room=2))
    assert "lone" in chosen
    assert len(chosen) == 2


def test_most_overdue_feed_of_a_host_goes_first():
    assert names(choose([due("b", "h.test", 5), due("a", "h.test", 9)], {}, now=NOW, space=SECOND, room=5)) == ["a"]


def test_host_asked_longest_ago_has_the_first_turn():
    gates = {"x.test": Gate(last_start=NOW - 60 * SECOND), "y.test": Gate(last_start=NOW - 90 * SECOND)}
    assert names(choose([due("x", "x.test", 9), due("y", "y.test")], gates, now=NOW, space=SECOND, room=1)) == ["y"]


def test_waiting_hosts_tell_when_to_look_again():
    gates = {"shut.test": closed(Gate(), timedelta(minutes=9), "429", NOW), "soon.test": started(Gate(), NOW)}
    choice = choose([due("a", "shut.test"), due("b", "soon.test")], gates, now=NOW, space=SECOND, room=5)
    assert choice.begin == ()
    assert choice.look_again == NOW + SECOND


def test_nothing_due_means_nothing_to_do():
    assert choose([], {}, now=NOW, space=SECOND, room=5).look_again is None


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(0, 20), st.sampled_from([timedelta(0), SECOND]))
def test_no_choice_exceeds_the_room_or_a_hosts_patience_and_none_is_chosen_twice(hosts, room, space):
    waiting = [due(f"f{n}", f"h{host}.test", n) for n, host in enumerate(hosts)]
    chosen = choose(waiting, {}, now=NOW, space=space, room=room).begin
    assert len(chosen) == len(set(names_of := [c.feed_id for c in chosen])) <= room, names_of
    per_host = [sum(c.host == f"h{n}.test" for c in chosen) for n in range(6)]
    assert max(per_host) <= (CONCURRENT if space == timedelta(0) else 1)
    if room >= 6:
        assert {c.host for c in chosen} == {w.host for w in waiting}
