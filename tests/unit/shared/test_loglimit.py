import logging

import pytest

from shared.loglimit import LogLimit


def line(text, at, *, name="noisy.client", level=logging.WARNING):
    record = logging.LogRecord(name, level, "file.py", 1, text, (), None)
    record.created = at
    return record


def passing(limit, records):
    return [record.getMessage() for record in records if limit.filter(record)]


def test_an_outage_gives_a_few_lines_a_minute_and_says_how_many_were_left_out():
    limit = LogLimit("noisy", lines=3, seconds=60)
    shown = passing(limit, [line("no connection", at=100 + n / 100) for n in range(12_000)])
    assert shown[:3] == ["no connection"] * 3
    assert shown[3:] == ["no connection (5997 lines of noisy left out before)", "no connection", "no connection"]


def test_what_was_left_out_is_told_once():
    limit = LogLimit("noisy", lines=1, seconds=10)
    assert passing(limit, [line("a", 0), line("b", 1), line("c", 20), line("d", 40)]) == [
        "a",
        "c (1 lines of noisy left out before)",
        "d",
    ]


@pytest.mark.parametrize("name", ["attache", "noisyneighbour", "shared.eventlog"])
def test_lines_of_others_all_pass(name):
    limit = LogLimit("noisy", lines=1, seconds=60)
    assert len(passing(limit, [line("ours", at=n / 100, name=name) for n in range(50)])) == 50


def test_what_is_worse_than_an_error_passes():
    limit = LogLimit("noisy", lines=1, seconds=60)
    assert len(passing(limit, [line("the end", at=0, level=logging.CRITICAL) for _ in range(5)])) == 5


def test_a_clock_set_back_silences_nobody():
    limit = LogLimit("noisy", lines=1, seconds=60)
    assert passing(limit, [line("a", 1000), line("b", 10), line("c", 11), line("d", 80)]) == [
        "a",
        "b",
        "d (1 lines of noisy left out before)",
    ]


def test_the_arguments_of_a_line_are_kept():
    limit = LogLimit("noisy", lines=1, seconds=10)
    first, second = line("x", 0), line("y", 1)
    assert limit.filter(first)
    assert not limit.filter(second)
    late = logging.LogRecord("noisy", logging.WARNING, "file.py", 1, "node %s of %s", ("1", "2"), None)
    late.created = 100
    assert limit.filter(late)
    assert late.getMessage() == "node 1 of 2 (1 lines of noisy left out before)"
