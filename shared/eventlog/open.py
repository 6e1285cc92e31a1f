"""One URL, the right log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.clock import Clock, utc_now
from shared.eventlog import BadLog, EventLog
from shared.metrics import Metrics
from shared.settings import KafkaSettings

SQLITE = "sqlite:///"


@asynccontextmanager
async def open_log(
    url: str,
    *,
    owner: bool = True,
    now: Clock = utc_now,
    kafka: KafkaSettings | None = None,
    replica: str = "",
    metrics: Metrics | None = None,
) -> AsyncIterator[EventLog]:
    """Open the log that `url` names, until the block ends; `now` stamps what is appended.

    `sqlite:///data/log.db` (four slashes begin an absolute path), `kafka://host:port,host:port/namespace`, or
    `memory:`. One process at a time may own a SQLite log; visitors (`owner=False`) may append and scan while another
    owns it. On Kafka `kafka` says how to get in, and a process with a `replica` name comes back to its partitions under
    it; none need be there yet. Raises BadLog, LogInUse, or Unavailable where the file is busy.
    """
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        from shared.eventlog.sqlite import open_sqlite_log

        async with open_sqlite_log(Path(url.removeprefix(SQLITE)), owner=owner, now=now) as log:
            yield log
    elif url == "memory:":
        from shared.eventlog.memory import MemoryLog

        yield MemoryLog(now=now)
    elif url.startswith("kafka:"):
        from shared.eventlog.kafka.log import open_kafka_log

        async with open_kafka_log(
            url, kafka=kafka or KafkaSettings(), replica=replica, now=now, metrics=metrics
        ) as kafka_log:
            yield kafka_log
    else:
        raise BadLog(f"LOG_URL {url!r}: must be sqlite:///path, kafka://host:port or memory:")
