"""The log in memory, for tests: several partitions, interleaved on purpose.

Whoever relies on order across keys is found out here, since one SQLite file would hide it.
"""

import asyncio
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from shared.clock import Clock, utc_now
from shared.eventlog import Lag, Mark, Message, Reader, Record
from shared.eventlog.bell import Bell
from shared.eventlog.membership import Group
from shared.eventlog.retention import cutoffs, keep_from

PARTITIONS = 3


class _Partition:
    """Records whose first has offset `base`; those before it were pruned."""

    def __init__(self) -> None:
        self.base = 0
        self.records: list[Record] = []

    @property
    def end(self) -> int:
        return self.base + len(self.records)

    def from_(self, offset: int, limit: int) -> list[Record]:
        start = max(offset - self.base, 0)
        return self.records[start : start + limit]

    def first_since(self, moment: datetime) -> int:
        return self.base + bisect_left(self.records, moment, key=lambda record: record.timestamp)

    def forget_before(self, offset: int) -> int:
        gone = max(offset - self.base, 0)
        del self.records[:gone]
        self.base += gone
        return gone


class MemoryLog:
    """An EventLog that lives as long as this object; reopening a reader finds what its group committed."""

    def __init__(self, *, partitions: int = PARTITIONS, now: Clock = utc_now) -> None:
        self._now = now
        self._topics: dict[str, tuple[_Partition, ...]] = defaultdict(
            lambda: tuple(_Partition() for _ in range(partitions))
        )
        self._committed: dict[str, dict[str, dict[int, int]]] = defaultdict(dict)
        self._marks: dict[tuple[str, str], dict[int, Mark]] = defaultdict(dict)
        self._groups: dict[tuple[str, str], Group[_MemoryReader]] = defaultdict(Group)
        self._bells: dict[str, Bell] = defaultdict(Bell)

    async def append(self, topic: str, messages: Sequence[Message]) -> None:
        """Append each message to the partition its key hashes to."""
        await asyncio.sleep(0)  # a log that never lets others run would hide races
        moment = self._now()
        partitions = self._topics[topic]
        for message in messages:
            chosen = message.partition
            number = (chosen if chosen is not None else _hash(message.key)) % len(partitions)
            to = partitions[number]
            to.records.append(
                Record(topic, number, to.end, message.key, bytes(message.value), tuple(message.headers), moment)
            )
        self._bells[topic].ring()

    async def partitions(self, topic: str) -> int:
        """Return how many partitions every topic has."""
        return len(self._topics[topic])

    @asynccontextmanager
    async def reader(self, topic: str, group: str) -> AsyncIterator[Reader]:
        """Join the group; its members share the partitions."""
        committed = self._committed[topic].setdefault(group, {})
        members = self._groups[topic, group]
        reader = _MemoryReader(self._topics[topic], committed, self._marks[topic, group], members, self._bells[topic])
        members.join(reader)
        try:
            yield reader
        finally:
            members.leave(reader)
            self._bells[topic].ring()

    async def scan(self, topic: str) -> AsyncIterator[Record]:
        """Yield what the topic holds now, partition by partition."""
        for record in [record for partition in self._topics[topic] for record in partition.records]:
            yield record

    async def prune(self, now: datetime) -> int:
        """Forget by shared.eventlog.retention; return how many."""
        gone = 0
        for topic, partitions in self._topics.items():
            if (cut := cutoffs(topic, now)) is None:
                continue
            groups = self._committed[topic].values()
            for number, partition in enumerate(partitions):
                gone += partition.forget_before(
                    keep_from(
                        first_unsettled=partition.first_since(cut.settled),
                        first_owable=partition.first_since(cut.owed),
                        committed=min((group.get(number, 0) for group in groups), default=None),
                    )
                )
        return gone


def _hash(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "surrogatepass"))


class _MemoryReader:
    def __init__(
        self,
        partitions: tuple[_Partition, ...],
        committed: dict[int, int],
        marks: dict[int, Mark],
        members: Group["_MemoryReader"],
        bell: Bell,
    ) -> None:
        self._partitions = partitions
        self._committed = committed
        self._marks = marks
        self._members = members
        self._bell = bell
        self._generation = -1
        self._read_to: dict[int, int] = {}

    async def read(self, limit: int, timeout: timedelta) -> Sequence[Record]:  # noqa: ASYNC109 - the port's
        """Take from the member's partitions in turn, the last one first."""
        return await self._bell.first(lambda: self._look(limit), timeout)

    async def _look(self, limit: int) -> Sequence[Record]:
        await asyncio.sleep(0)
        if self._generation != self._members.generation:
            self._generation = self._members.generation
            self._read_to.clear()
        found: list[Record] = []
        while len(found) < limit:
            before = len(found)
            for number in reversed(self._members.share(self, len(self._partitions))):
                position = self._read_to.get(number, self._committed.get(number, 0))
                for record in self._partitions[number].from_(position, min(1, limit - len(found))):
                    found.append(record)
                    self._read_to[number] = record.offset + 1
            if len(found) == before:
                break
        return found

    async def commit(self) -> None:
        """Commit what was read, unless the members changed meanwhile: then others may have it, and it comes again."""
        await asyncio.sleep(0)
        if self._generation == self._members.generation:
            self._committed.update(self._read_to)

    async def rewind(self) -> None:
        """Forget what was read and not committed."""
        self._read_to.clear()

    async def lag(self) -> Lag:
        """Count what the whole group has not committed."""
        waiting = [
            partition.from_(self._committed.get(number, 0), len(partition.records))
            for number, partition in enumerate(self._partitions)
        ]
        oldest = min((records[0].timestamp for records in waiting if records), default=None)
        return Lag(sum(map(len, waiting)), oldest)

    async def mark(self, marks: Sequence[Mark]) -> None:
        """Commit with notes, unless the members changed meanwhile."""
        await asyncio.sleep(0)
        if self._generation == self._members.generation:
            self._marks.update({mark.partition: mark for mark in marks})
            self._committed.update({mark.partition: mark.offset for mark in marks})

    async def marks(self) -> Sequence[Mark]:
        """Return notes of this member's partitions that no commit has passed."""
        await asyncio.sleep(0)
        mine = self._members.share(self, len(self._partitions))
        standing = [mark for number, mark in self._marks.items() if number in mine and mark.note]
        return [mark for mark in standing if self._committed.get(mark.partition, 0) == mark.offset]
