from datetime import UTC, datetime, timedelta

import pytest

from services.fetcher.politeness import (
    CLOSE_CEILING,
    CLOSE_DEFAULT,
    CONCURRENT,
    Gate,
    closed,
    closes_host,
    ended,
    heard,
    host_of,
    may_ask,
    spacing,
    started,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_unknown_host_may_be_asked():
    assert may_ask(Gate(), NOW, SECOND) is None


def test_second_request_waits_for_the_space_after_the_first():
    wait = may_ask(started(Gate(), NOW), NOW, SECOND)
    assert wait is not None
    assert wait.until == NOW + SECOND
    assert may_ask(started(Gate(), NOW), NOW + SECOND, SECOND) is None


def test_busy_host_waits_for_one_of_its_own_requests():
    gate = Gate()
    for n in range(CONCURRENT):
        gate = started(gate, NOW + n * SECOND)
    later = NOW + timedelta(hours=1)
    wait = may_ask(gate, later, SECOND)
    assert wait is not None
    assert wait.until is None
    assert may_ask(ended(gate), later, SECOND) is None


def test_closed_host_waits_and_says_why():
    gate = closed(Gate(), timedelta(minutes=3), "rate-limited: status 429", NOW)
    wait = may_ask(gate, NOW, SECOND)
    assert wait is not None
    assert (wait.until, wait.reason) == (NOW + timedelta(minutes=3), "rate-limited: status 429")
    assert may_ask(gate, NOW + timedelta(minutes=3), SECOND) is None


def test_silence_is_default_without_a_wish_limited_with_one_and_never_cut_short():
    assert closed(Gate(), None, "x", NOW).closed_until == NOW + CLOSE_DEFAULT
    assert closed(Gate(), timedelta(days=90), "x", NOW).closed_until == NOW + CLOSE_CEILING
    longer = closed(Gate(), timedelta(hours=2), "x", NOW)
    assert closed(longer, timedelta(minutes=1), "y", NOW) == longer


def test_clock_set_back_does_not_hold_a_host_up():
    assert may_ask(started(Gate(), NOW + timedelta(days=1)), NOW, SECOND) is None


@pytest.mark.parametrize(
    ("kind", "status", "retry_after", "expected"),
    [
        ("rate-limited", 429, None, True),
        ("http-5xx", 503, SECOND, True),
        ("http-5xx", 503, None, False),
        ("http-5xx", 502, SECOND, False),
        ("http-4xx", 404, None, False),
        ("dns", None, None, False),
    ],
)
def test_only_429_and_503_with_retry_after_speak_for_the_host(kind, status, retry_after, expected):
    assert closes_host(kind, status, retry_after) is expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.org/feed", "example.org"),
        ("http://example.org.:8080/", "example.org"),
        ("http://[::1]:80/", "::1"),
        ("nonsense", ""),
        ("http://[bad", ""),
    ],
)
def test_host_is_the_name_without_www(url, host):
    assert host_of(url) == host


def test_space_is_at_most_a_tenth_of_the_shortest_interval():
    assert spacing(timedelta(minutes=5)) == SECOND
    assert spacing(SECOND) == SECOND / 10


@pytest.mark.parametrize(
    ("mine", "other", "known"),
    [
        (Gate(), Gate(last_start=NOW), Gate(last_start=NOW)),
        (Gate(active=1, last_start=NOW), Gate(last_start=NOW - timedelta(1)), Gate(active=1, last_start=NOW)),
        (Gate(), Gate(closed_until=NOW, reason="429"), Gate(closed_until=NOW, reason="429")),
        (Gate(closed_until=NOW, reason="mine"), Gate(), Gate(closed_until=NOW, reason="mine")),
        (
            Gate(closed_until=NOW, reason="short"),
            Gate(closed_until=NOW + timedelta(1), reason="long"),
            Gate(closed_until=NOW + timedelta(1), reason="long"),
        ),
    ],
)
def test_what_another_fetcher_knows_of_a_host_is_taken_in(mine, other, known):
    assert heard(mine, other) == known
