from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.delivery import Delivery
from services.notifier.repository import Repository
from services.notifier.sample import sample_alert
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.metrics import Metrics
from shared.subscriptions import Terminal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


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
    )


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with open_database(f"sqlite:///{tmp_path}/attache.db") as opened:
        await ensure_schema(opened)
        yield opened


@pytest.fixture
def repository(engine: AsyncEngine) -> Repository:
    return Repository(engine)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def clock() -> Hands:
    return Hands(NOW)
