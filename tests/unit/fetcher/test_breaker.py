from datetime import UTC, datetime

from services.fetcher.breaker import MIN_HOSTS, PROBE_CEILING, WINDOW, Breaker, observe, probed

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def after(*outcomes, breaker=Breaker(), now=NOW):  # noqa: B008 - a frozen value
    for host, answered in outcomes:
        breaker = observe(breaker, host, answered=answered, now=now)
    return breaker


def silent(count):
    return [(f"h{n}", False) for n in range(count)]


def test_opens_when_enough_distinct_hosts_are_silent():
    assert not after(*silent(MIN_HOSTS - 1)).is_open
    assert after(*silent(MIN_HOSTS)).is_open


def test_one_dead_host_however_often_asked_opens_nothing():
    assert not after(*[("dead", False)] * 100).is_open


def test_stays_closed_while_a_fair_share_answers():
    assert not after(*[(f"up{n}", True) for n in range(5)], *silent(10)).is_open


def test_answer_of_a_silent_host_closes_it_and_the_outage_is_forgotten():
    closed = after(("h3", True), breaker=after(*silent(20)))
    assert not closed.is_open
    assert not after(*silent(3), breaker=closed).is_open


def test_host_that_answers_all_along_does_not_close_it():
    assert after(("local", True), ("local", True), breaker=after(*silent(20))).is_open


def test_many_answering_hosts_close_it_although_the_silent_stay_so():
    assert not after(*[(f"up{n}", True) for n in range(6)], breaker=after(*silent(20))).is_open


def test_what_happened_long_ago_does_not_count():
    old = after(*silent(MIN_HOSTS - 1))
    assert not observe(old, "late", answered=False, now=NOW + WINDOW * 2).is_open


def test_probes_become_rarer_up_to_a_limit():
    breaker, waits = after(*silent(MIN_HOSTS)), []
    for _ in range(12):
        breaker = probed(breaker, NOW)
        assert breaker.next_probe is not None
        waits.append(breaker.next_probe - NOW)
    assert waits == sorted(waits)
    assert waits[-1] == PROBE_CEILING
