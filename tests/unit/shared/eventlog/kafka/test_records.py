from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog.kafka.records import key_bytes, key_text, record_of, timestamp_ms


@given(st.binary(max_size=50))
def test_a_key_somebody_wrote_is_the_same_bytes_when_written_again(raw):
    assert key_bytes(key_text(raw)) == raw


@given(st.text(max_size=50))
def test_a_key_of_ours_is_the_same_text_when_read(key):
    assert key_text(key_bytes(key)) == key


def test_a_key_that_is_no_text_at_all_still_has_bytes():
    assert key_bytes("\ud800") == b"\xed\xa0\x80"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_timestamp_is_exact_to_the_millisecond(moment):
    found = SimpleNamespace(partition=1, offset=2, key=b"k", value=b"v", headers=(), timestamp=timestamp_ms(moment))
    assert timedelta(0) <= moment - record_of(found, "topic").timestamp < timedelta(milliseconds=1)


def test_what_others_left_out_reads_as_empty():
    found = SimpleNamespace(partition=0, offset=0, key=None, value=None, headers=(("h", None),), timestamp=0)
    record = record_of(found, "topic")
    assert (record.topic, record.key, record.value, record.headers) == ("topic", "", b"", (("h", b""),))
