"""Dates as publishers write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.feed.dates import parse_date


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("Mon, 06 Jan 2025 10:00:00 GMT", "2025-01-06T10:00"),
        ("Mon, 6 Jan 25 10:00 EST", "2025-01-06T15:00"),
        ("06 January 2025 10:00:00 +07:00", "2025-01-06T03:00"),
        ("Mon, 06 Jan 2025 10:00:00 WIB", "2025-01-06T03:00"),
        ("Mon, 06 Jan 2025 10:00:00 +0000 (UTC)", "2025-01-06T10:00"),
        ("Mon, 06 Jan 2025 24:00:00 GMT", "2025-01-07T00:00"),
        ("January 6, 2025 7:48 PM", "2025-01-06T19:48"),
        ("Monday, January 6, 2025 - 10:00", "2025-01-06T10:00"),
        ("lun., 06 janv. 2025 10:00:00 +0100", "2025-01-06T09:00"),
        ("06 Mei 2025 10:00:00", "2025-05-06T10:00"),
        ("6 de enero de 2025", "2025-01-06T00:00"),
        ("2025-01-06T10:00:00Z", "2025-01-06T10:00"),
        ("2025-01-06T10:00:00.5+0700", "2025-01-06T03:00"),
        ("2025-01-06 10:00:00 UTC", "2025-01-06T10:00"),
        ("2025/01/06 10:00:00", "2025-01-06T10:00"),
        ("20250106", "2025-01-06T00:00"),
        ("2025-01", "2025-01-01T00:00"),
        ("2025", "2025-01-01T00:00"),
        ("1736157600", "2025-01-06T10:00"),
        ("2025년 01월 06일 10:00:00", "2025-01-06T01:00"),
        ("2025-01-06 오후 1:23:17", "2025-01-06T13:23"),
        ("2025年1月6日", "2025-01-06T00:00"),
        ("2025-január-06T10:00-05:00", "2025-01-06T15:00"),
        ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00"),
        ("Mon Jan  6 10:00:00 2025", "2025-01-06T10:00"),
    ],
)
def test_date_is_read(written, utc):
    moment = parse_date(written)
    assert moment is not None
    assert moment.replace(second=0, microsecond=0) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "written", [None, "", "yesterday", "0000-00-00 00:00:00", "Mon, 32 Jan 2025 10:00:00 GMT", "9" * 500]
)
def test_what_is_no_date_is_none(written):
    assert parse_date(written) is None


@given(st.text(max_size=60))
def test_any_text_is_a_date_in_utc_or_none(written):
    moment = parse_date(written)
    assert moment is None or moment.tzinfo is UTC


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_iso_dates_come_back_unchanged(moment):
    assert parse_date(moment.isoformat()) == moment
