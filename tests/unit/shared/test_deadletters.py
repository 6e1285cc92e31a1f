from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.deadletters import (
    DeadLetterLimit,
    DeadLetterWindow,
    dead_letter,
    note,
    original,
    requeued_marker,
    requeued_message,
)
from shared.eventlog import Message, Record
from shared.events import BadEvent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER_NAMES = st.text(max_size=8).filter(lambda name: not name.startswith("dlq."))
MESSAGES = st.builds(
    Message,
    key=st.text(max_size=9),
    value=st.binary(max_size=50),
    headers=st.lists(st.tuples(HEADER_NAMES, st.binary(max_size=9)), max_size=4).map(tuple),
)


def at(topic: str, offset: int, message: Message) -> Record:
    return Record(topic, 1, offset, message.key, message.value, message.headers, NOW)


def bury(record: Record, reason: str = "bad-json") -> Message:
    return dead_letter(record, BadEvent(reason, "what and where"), stage="tagger", failed_at=NOW)


@given(MESSAGES)
def test_the_original_comes_back_byte_for_byte(message):
    letter = bury(at("articles", 7, message))
    assert (letter.key, letter.value) == (message.key, message.value)
    assert letter.headers[: len(message.headers)] == message.headers
    assert original(at("articles.dead", 0, letter)) == message


@given(MESSAGES)
def test_a_record_that_dies_again_is_still_its_original_and_says_why_it_died_last(message):
    first = at("articles.dead", 3, bury(at("articles", 7, message), "first"))
    again = requeued_message(first)
    second = at("articles.dead", 4, bury(at("articles", 9, again), "second"))
    assert original(second) == message
    assert note(second, "error.reason") == "second"
    assert note(second, "requeued_from") == "articles.dead/1@3"


def test_a_dead_letter_says_what_died_where_when_and_why():
    letter = at("articles.dead", 0, bury(at("articles", 7, Message("key", b"value"))))
    names = ("source.topic", "source.partition", "source.offset", "source.timestamp", "stage", "error.reason",
             "error.detail", "failed_at")  # fmt: skip
    assert [note(letter, name) for name in names] == [
        "articles", "1", "7", "2026-03-01T12:00:00+00:00", "tagger", "bad-json", "what and where",
        "2026-03-01T12:00:00+00:00",
    ]  # fmt: skip
    assert note(letter, "unheard-of") == ""


def test_a_long_detail_is_cut_and_what_cannot_be_written_is_replaced():
    record = at("articles", 7, Message("key", b"value"))
    letter = dead_letter(record, BadEvent("bad", "\ud800" + "x" * 9999), stage="tagger", failed_at=NOW)
    assert note(at("articles.dead", 0, letter), "error.detail") == "?" + "x" * 499


def test_a_marker_names_the_letter_that_was_requeued():
    letter = at("articles.dead", 3, bury(at("articles", 7, Message("key", b"value"))))
    marker = at("articles.dead", 4, requeued_marker(letter, at=NOW))
    assert (marker.key, marker.value) == ("key", b"")
    assert note(marker, "requeued") == "articles.dead/1@3"
    assert note(marker, "requeued_at") == "2026-03-01T12:00:00+00:00"


def test_the_limit_needs_enough_records_and_more_than_its_share():
    window = DeadLetterWindow(DeadLetterLimit(window=100, least=20, share=0.5))
    exceeded = []
    for handled, dead in ((0, 19), (0, 1), (20, 0)):
        window.record(handled=handled, dead=dead)
        exceeded.append(window.exceeded)
    assert exceeded == [False, True, False]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=20), st.integers(1, 50), st.floats(0, 1))
def test_the_window_is_the_last_outcomes(batches, size, share):
    window = DeadLetterWindow(DeadLetterLimit(window=size, least=1, share=share))
    outcomes: list[bool] = []
    for handled, dead in batches:
        window.record(handled=handled, dead=dead)
        outcomes += [False] * handled + [True] * dead
    last = outcomes[-size:]
    assert (window.total, window.dead) == (len(last), sum(last))
    assert window.exceeded == (bool(last) and sum(last) > share * len(last))
