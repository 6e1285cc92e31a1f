"""Two fetchers' ways into one database, each over connections of its own."""

import pytest

from services.fetcher.hosts import Hosts
from services.fetcher.state import FeedState
from shared.database.engine import open_database


@pytest.fixture
async def other_engine(url):
    async with open_database(url) as opened:
        yield opened


@pytest.fixture
def hosts(engine):
    return Hosts(engine, replica="one", token="a")


@pytest.fixture
def other_hosts(other_engine):
    return Hosts(other_engine, replica="two", token="b")


@pytest.fixture
def state(engine, hosts):
    return FeedState(engine, owner=hosts.owner)


@pytest.fixture
def other_state(other_engine, other_hosts):
    return FeedState(other_engine, owner=other_hosts.owner)
