from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.cursor import BadCursor, Cursor, read_cursor

MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=7))]))


@given(
    MOMENTS,
    st.integers(0, 2**31 - 1),
    st.text(min_size=1).filter(lambda text: "\x00" not in text and text.isprintable()),
)
def test_what_was_written_is_read_back(raised_at, sequence, alert_id):
    cursor = Cursor(raised_at, sequence, alert_id)
    assert read_cursor(cursor.write()) == cursor


@given(MOMENTS, st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True))
def test_a_cursor_needs_no_escaping_in_an_address(raised_at, alert_id):
    assert set(Cursor(raised_at, 0, alert_id).write()) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        cursor = read_cursor(text)
    except BadCursor:
        return
    assert cursor.raised_at.tzinfo is not None


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "2026-03-02T09:00:00+00:00|0|",
        "2026-03-02T09:00:00|0|alert_1",
        "2026-03-02T09:00:00+00:00|alert_1",
        "2026-03-02T09:00:00+00:00|-1|alert_1",
        "2026-03-02T09:00:00+00:00|99999999999|alert_1",
        "yesterday|0|alert_1",
        "alert_1",
    ],
)
def test_what_has_not_all_parts_is_refused(raw):
    import base64

    with pytest.raises(BadCursor):
        read_cursor(base64.urlsafe_b64encode(raw.encode()).decode())


def test_the_place_of_an_alert_is_kept_to_the_microsecond():
    moment = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
    assert read_cursor(Cursor(moment, 3, "alert_1").write()).raised_at == moment
