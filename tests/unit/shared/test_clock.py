from datetime import UTC, datetime

from shared.clock import utc_now


def test_now_is_aware_and_in_utc():
    before = datetime.now(UTC)
    found = utc_now()
    assert before <= found <= datetime.now(UTC)
    assert found.tzinfo is UTC
