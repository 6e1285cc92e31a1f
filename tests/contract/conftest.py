"""Both databases, migrated and empty, for whatever promises the same on each."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.database.tables import METADATA
from tests.servers.postgresql import Server

DATABASES = ("sqlite", "postgresql")
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


def migrate(url: str) -> None:
    async def upgrade() -> None:
        async with open_database(url) as engine:
            await ensure_schema(engine)

    asyncio.run(upgrade())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template(_postgresql: Server | None) -> str | None:
    """The name of a migrated, empty PostgreSQL database to copy."""
    if _postgresql is None:
        return None
    name = _postgresql.new_database()
    migrate(_postgresql.url(name))
    return name


@pytest.fixture
def postgresql_database(postgresql_server: Server, migrated_template: str) -> str:
    """A DB_URL of a migrated, empty database that no other test uses."""
    name = postgresql_server.new_database(template=migrated_template)
    return postgresql_server.url(name)


@pytest.fixture(scope="session")
def _swept() -> list[str]:
    return []


@pytest.fixture
def swept_database(request: pytest.FixtureRequest, _swept: list[str]) -> Iterator[str]:
    """A DB_URL of a migrated, empty database; sweeping one is ten times quicker than making one.

    One whose tables a test took away is not used again.
    """
    present = request.getfixturevalue("postgresql_server")
    url = _swept.pop() if _swept else str(request.getfixturevalue("postgresql_database"))
    yield url
    tables = "; ".join(f"DELETE FROM {table.name}" for table in reversed(METADATA.sorted_tables))  # noqa: S608 - ours
    if METADATA.tables.keys() <= set(present.sql(TABLES, url.rpartition("/")[2]).split()):
        present.sql(tables, url.rpartition("/")[2])
        _swept.append(url)


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> str:
    """The DB_URL of a migrated, empty database, once of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("swept_database"))
    shutil.copy(migrated_file, tmp_path / "attache.db")
    return f"sqlite:///{tmp_path}/attache.db"


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    async with open_database(url) as opened:
        yield opened
