"""What the fault tests share."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

import services.fetcher.service
import services.notifier.dispatch
import shared.consume
from tests.servers.kafka import Broker
from tests.servers.postgresql import Server


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Leave out the line for each article: a failure's report should be readable."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), cache_logger_on_first_use=False
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause two seconds at most, so that a fault of seconds is to these pauses what one of minutes is to the real ones."""
    for module in (shared.consume, services.fetcher.service, services.notifier.dispatch):
        monkeypatch.setattr(module, "PAUSE_CAP", timedelta(seconds=2))


@pytest.fixture
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A LOG_URL of an empty log, of the kind the test is tried on."""
    if request.param == "kafka":
        url: str = request.getfixturevalue("kafka_url")
        return url
    return f"sqlite:///{tmp_path}/data/log.db"


@pytest.fixture
def kafka_broker(kafka_broker: Broker) -> Iterator[Broker]:
    """The session's broker, which a test may stop, kill and freeze: it is started again behind it."""
    yield kafka_broker
    if kafka_broker.process is None:
        kafka_broker.start()
    kafka_broker.thaw()


@pytest.fixture
def postgresql_server(postgresql_server: Server) -> Iterator[Server]:
    """The session's database server, which a test may stop and kill: it is started again behind it."""
    yield postgresql_server
    if postgresql_server.process is None:
        postgresql_server.start()
