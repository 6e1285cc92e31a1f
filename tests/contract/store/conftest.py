"""The databases every repository test runs on; PostgreSQL joins where ATTACHE_TEST_POSTGRESQL names an empty one."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import open_database
from shared.database.migrate import alembic_config, ensure_schema
from tests.unit.store.conftest import a_claim, an_arrival

POSTGRESQL = os.environ.get("ATTACHE_TEST_POSTGRESQL")
DATABASES = ("sqlite", "postgresql") if POSTGRESQL else ("sqlite",)


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/attache.db"
        return
    assert POSTGRESQL is not None
    yield POSTGRESQL
    async with open_database(POSTGRESQL) as opened, opened.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "base"))


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    async with open_database(url) as opened:
        await ensure_schema(opened)
        yield opened


@pytest.fixture
def arrival():
    return an_arrival


@pytest.fixture
def claim():
    return a_claim
