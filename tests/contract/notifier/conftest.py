from datetime import UTC, datetime

import pytest

from services.notifier.delivery import Delivery
from services.notifier.sample import sample_alert
from shared.subscriptions import Terminal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def delivery() -> Delivery:
    """A first delivery of the sample alert to the terminal."""
    return Delivery(
        id="dlv_one",
        alert=sample_alert(NOW),
        subscription_id="sub_one",
        subscription_name="One",
        channel=Terminal(),
        matched="topic joint-exercise",
        created_at=NOW,
        trace_id="0af7651916cd43dd8448eb211c80319c",
    )
