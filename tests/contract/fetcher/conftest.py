"""Two fetchers' ways into one database, each over connections of its own."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from services.fetcher.hosts import Hosts
from services.fetcher.state import FeedState
from shared.database.engine import open_database
from shared.settings import Settings
from tests.unit.fetcher.conftest import Bench, Hand, server

__all__ = ["server"]  # the fixture


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


class Sharing(Bench):
    """A bench where several fetchers, each under its name, meet in one database."""

    @asynccontextmanager
    async def fetcher(self, name):
        mine = replace(self, settings=replace(self.settings, replica=name, contact=f"{name}@example.org"))
        async with mine.opened() as opened:
            yield opened


@pytest.fixture
async def bench(server, tmp_path, engine):
    settings = Settings(
        allow_networks=(ip_network("127.0.0.0/8"),),
        allow_ports=(server.port,),
        poll_floor=timedelta(seconds=0.01),
        heartbeat_every=timedelta(hours=1),
    )
    return Sharing(server, engine, Hand(), settings, tmp_path)
