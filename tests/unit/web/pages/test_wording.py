from datetime import UTC, datetime, timedelta

import pytest

from services.web.pages.wording import (
    CERTAINTY_WORDS,
    SEVERITY_WORDS,
    STATUS_LOOKS,
    absolute,
    ago,
    until,
    what_is_happening,
)
from services.web.queries.feeds import Progress
from shared.vocabulary import STATUS_WORDS, Aim, Certainty, Severity, Status

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_every_code_has_words():
    for words, codes in (
        (STATUS_WORDS, Status),
        (STATUS_LOOKS, Status),
        ({aim: STATUS_WORDS[aim] for aim in Aim}, Aim),
        (SEVERITY_WORDS, Severity),
        (CERTAINTY_WORDS, Certainty),
    ):
        assert set(words) == set(codes)


def test_what_is_agreed_looks_unlike_what_is_talked_of_stopped_or_denied():
    looks = [
        STATUS_LOOKS[status]
        for status in (Status.AGREED_SIGNED, Status.UNDER_DISCUSSION, Status.SUSPENDED, Status.DENIED)
    ]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=13), "13 days ago"),
        (timedelta(days=14), "16 Feb 2026"),
    ],
)
def test_ages_are_told_as_people_tell_them(age, words):
    assert ago(NOW - age, NOW) == words


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=-1), "now"),
        (timedelta(seconds=40), "in 40 s"),
        (timedelta(seconds=100), "in 2 min"),
        (timedelta(minutes=119), "in 119 min"),
        (timedelta(hours=3), "in 3 h"),
        (timedelta(days=3), "in 3 days"),
    ],
)
def test_what_is_due_is_told_as_people_tell_it(left, words):
    assert until(NOW + left, NOW) == words


def test_a_moment_is_told_in_utc():
    assert absolute(datetime.fromisoformat("2024-06-04T16:10:00+07:00")) == "4 Jun 2024, 09:10 UTC"


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (
            Progress(66, 12, 9, 143, NOW + timedelta(minutes=2)),
            "Polled 12 of 66 feeds, 9 unreachable; 143 articles read, none tells a change yet. Next poll in 2 min.",
        ),
        (
            Progress(1, 1, 0, 1, NOW),
            "Polled 1 of 1 feed, all reachable; 1 article read, and it tells no change. Next poll now.",
        ),
        (Progress(2, 2, 0, 0, NOW), "Polled 2 of 2 feeds, all reachable; no article read yet. Next poll now."),
        (Progress(2, 2, 2, 0, NOW), "Polled 2 of 2 feeds; none of them could be read. Next poll now."),
        (Progress(2, 0, 0, 0, NOW), "None of 2 feeds has been polled yet. Next poll now."),
        (
            Progress(0, 0, 0, 5, None),
            "No feed is switched on, so nothing is read. Add one with “attache feeds add URL”.",
        ),
    ],
)
def test_an_empty_list_is_explained(progress, words):
    assert what_is_happening(progress, NOW) == words
