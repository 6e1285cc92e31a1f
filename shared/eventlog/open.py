"""One URL, the right log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.clock import Clock, utc_now
from shared.eventlog import BadLog, EventLog

SQLITE = "sqlite:///"


@asynccontextmanager
async def open_log(url: str, *, owner: bool = True, now: Clock = utc_now) -> AsyncIterator[EventLog]:
    """Open the log that `url` names, until the block ends; `now` stamps what is appended.

    `sqlite:///data/log.db` (four slashes begin an absolute path) or `memory:`. One process at a time may own a
    SQLite log; visitors (`owner=False`) may append and scan while another owns it. Raises BadLog, LogInUse, or
    Unavailable where the file is busy.
    """
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        from shared.eventlog.sqlite import open_sqlite_log

        async with open_sqlite_log(Path(url.removeprefix(SQLITE)), owner=owner, now=now) as log:
            yield log
    elif url == "memory:":
        from shared.eventlog.memory import MemoryLog

        yield MemoryLog(now=now)
    elif url.startswith("kafka:"):
        raise BadLog(f"LOG_URL {url!r}: Kafka is not in this version; use sqlite:///path")
    else:
        raise BadLog(f"LOG_URL {url!r}: must be sqlite:///path or memory:")
