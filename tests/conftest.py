"""Real servers for whichever tests ask for them: one broker and one database server for the whole session.

Where one cannot be started its tests are skipped and the last lines say what is missing; with CI=true that is a failure.
"""

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.servers import Missing
from tests.servers.kafka import Broker, open_broker
from tests.servers.postgresql import Server, open_server
from tests.servers.prometheus import program

RAN: Counter[str] = Counter()
ABSENT: dict[str, str] = {}
SKIPPED: Counter[str] = Counter()


def _absent(what: str, why: Missing) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"no real {what}: {why}", pytrace=False)
    ABSENT[what] = str(why)


@pytest.fixture(scope="session")
def _broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | None]:
    try:
        with open_broker(tmp_path_factory.mktemp("broker")) as broker:
            yield broker
    except Missing as why:
        _absent("Kafka", why)
        yield None


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Server | None]:
    try:
        with open_server() as server:
            yield server
    except Missing as why:
        _absent("PostgreSQL", why)
        yield None


@pytest.fixture
def kafka_broker(_broker: Broker | None) -> Broker:
    """The session's broker; a test that stops it must start it again. One that needs its own opens its own."""
    return _present("Kafka", _broker)


@pytest.fixture
def kafka_url(kafka_broker: Broker) -> str:
    """A LOG_URL on the session's broker, with a name space no other test uses."""
    return f"kafka://{kafka_broker.address}/t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def postgresql_server(_postgresql: Server | None) -> Server:
    """The session's database server."""
    return _present("PostgreSQL", _postgresql)


@pytest.fixture
def postgresql_url(postgresql_server: Server) -> str:
    """A DB_URL of an empty database that no other test uses."""
    return postgresql_server.url(postgresql_server.new_database())


@pytest.fixture
def promtool() -> str:
    """The path of promtool; where it is, a Prometheus server is too."""
    try:
        found = program("promtool")
    except Missing as why:
        _absent("Prometheus", why)
        pytest.skip("no real Prometheus here")
    RAN["Prometheus"] += 1
    return found


S = TypeVar("S", Broker, Server)


def _present(what: str, server: S | None) -> S:
    if server is None:
        pytest.skip(f"no real {what} here")
    RAN[what] += 1
    return server


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what was skipped for want of a server, in whichever fixture."""
    if report.skipped and isinstance(report.longrepr, tuple):
        for what in ABSENT:
            SKIPPED[what] += f"no real {what} here" in report.longrepr[2]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on real servers, and what was skipped and how to get it."""
    for what, count in RAN.items():
        terminalreporter.write_line(f"{count} tests on a real {what}")
    for what, why in ABSENT.items():
        terminalreporter.write_line(f"{SKIPPED[what]} tests skipped that need a real {what}: {why}", yellow=True)
