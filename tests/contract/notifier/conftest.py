from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.delivery import Delivery
from services.notifier.sample import sample_alert
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.subscriptions import Terminal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATABASES = ("sqlite",)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(params=DATABASES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    assert request.param == "sqlite"
    async with open_database(f"sqlite:///{tmp_path}/attache.db") as opened:
        await ensure_schema(opened)
        yield opened


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
