"""The event log port: what every backend promises, and nothing about how.

Promised. Messages of one key arrive in the order appended. What a group committed it does not see again; what it
read and did not commit (crash, rebalance) it may see again. Groups do not disturb each other. `append` returns
only when every message is as durable as the backend can make it. `read` returns empty after its timeout.

Not promised: order across keys, exactly once. Handlers are therefore idempotent: every id comes from content.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.failures import Refused


class Unavailable(Refused):
    """Infrastructure (log, database, disk) cannot serve now; nothing was lost and trying again later is right."""


class TooLarge(Refused):
    """A message is larger than the log takes; the data are at fault, and trying again will not help."""


class LogInUse(Refused):
    """Another process owns this log; the message names the file and, where known, the process."""


class ReplicaInUse(Refused):
    """Another process took this one's place under the same replica name; this one must end. The message names both."""


class LogStuck(Refused):
    """The log answers, but this process gets nowhere with it and could not mend that; a new process may."""


class BadLog(Refused):
    """The log cannot be used as it is (URL, folder, a damaged or foreign file); the message names it and why."""


@dataclass(frozen=True)
class Message:
    """What is appended: a key that orders, bytes, and headers in order (names may repeat, as in Kafka).

    `partition` puts it there (modulo the topic's partitions) instead of where its key belongs: for heartbeats, which
    must pass every replica.
    """

    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


@dataclass(frozen=True)
class Record:
    """What is read: a message where it stands. `timestamp` is when the log took it (aware UTC)."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp: datetime

    @property
    def where(self) -> str:
        """Topic, partition and offset in one word, for messages to people."""
        return f"{self.topic}/{self.partition}@{self.offset}"

    def header(self, name: str) -> bytes | None:
        """Return the last value of a header, or None."""
        for key, value in reversed(self.headers):
            if key == name:
                return value
        return None


@dataclass(frozen=True)
class Lag:
    """How far a group is behind: records not yet committed, and when the oldest of them was appended.

    Where several processes share a group, each tells of the partitions that are its own, from the log's last answer;
    their sum is the group's. The oldest is then exact if it was read already; if not, `oldest` is a moment it is not
    older than, as close as can be told without asking the log.
    """

    records: int
    oldest: datetime | None


@dataclass(frozen=True)
class Mark:
    """A note left where a group stands in a partition: `offset` is the first record it has not committed."""

    partition: int
    offset: int
    note: str


class Reader(Protocol):
    """One member of a group reading one topic."""

    async def read(self, limit: int, timeout: timedelta) -> Sequence[Record]:  # noqa: ASYNC109 - part of the promise
        """Return 1 to `limit` records as soon as there are any, or none after `timeout`. Raises Unavailable."""
        ...

    async def commit(self) -> None:
        """Record that everything read so far is handled. Raises Unavailable; then all of it may come again.

        Where the partitions became another member's meanwhile nothing is committed, and that one reads it again.
        """
        ...

    async def rewind(self) -> None:
        """Go back to what was last committed, so that uncommitted records are read again."""
        ...

    async def lag(self) -> Lag:
        """Tell how far the group is behind."""
        ...

    async def mark(self, marks: Sequence[Mark]) -> None:
        """Commit these partitions up to the marks' offsets, with a note for whoever reads on from there.

        The next commit in the partition voids it; an empty note is none. Raises Unavailable; then nothing is marked.
        """
        ...

    async def marks(self) -> Sequence[Mark]:
        """Return the notes that stand where the group does, in partitions this member reads. Raises Unavailable."""
        ...


class EventLog(Protocol):
    """Topics of records. Opened with `open_log`, closed by its context manager."""

    async def append(self, topic: str, messages: Sequence[Message]) -> None:
        """Append all, in order, durably, or raise Unavailable (then some may have been appended).

        Raises TooLarge before anything is appended when the log would never take one of the messages.
        """
        ...

    async def partitions(self, topic: str) -> int:
        """Return into how many partitions the topic is divided. Raises Unavailable."""
        ...

    def reader(self, topic: str, group: str) -> AbstractAsyncContextManager[Reader]:
        """Join `group` on `topic`; a new group starts at the oldest record retained. Trouble shows at `read`."""
        ...

    def scan(self, topic: str) -> AsyncIterator[Record]:
        """Every record retained when the call was made, oldest first, without any group."""
        ...

    async def prune(self, now: datetime) -> int:
        """Forget records older than their topic's retention; return how many. Kafka does this by itself."""
        ...
