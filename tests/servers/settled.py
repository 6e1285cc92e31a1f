"""A log on Kafka as the contract's tests want it: like the others it has done what it was asked when it returns.

On Kafka a reader joins at its first read, other members hear of it at their next heartbeat, and what was appended is seen
when the next fetch is answered. Here readers have joined when their block begins, the other members have their new
partitions when it has ended, a read without patience waits for a fresh answer, and so does `lag`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from shared.eventlog import EventLog, Reader, Record
from shared.eventlog.kafka.reader import KafkaReader
from shared.eventlog.open import open_log

WITHIN = 30.0
ONE_LOOK = timedelta(milliseconds=50)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():
            await asyncio.sleep(0.01)


def joined(reader: KafkaReader) -> bool:
    return reader._member is not None and reader._member.sight().joined


def rebalances(reader: KafkaReader) -> int:
    return reader._member.rebalances if reader._member is not None else 0


async def join(reader: KafkaReader) -> None:
    """Let a reader join its group without reading anything."""
    async with asyncio.timeout(WITHIN):
        while await reader._joined(1.0) is None:
            pass
    await until(lambda: joined(reader))


class SettledReader:
    def __init__(self, reader: KafkaReader) -> None:
        self.reader = reader

    def __getattr__(self, name):
        return getattr(self.reader, name)

    def _fresh(self, since_ms: int) -> bool:
        """Whether every partition has answered since, and nothing is left to read there."""
        member = self.reader._member
        assert member is not None
        sight = member.sight()
        return sight.joined and all((s.answered or 0) > since_ms for s in sight.partitions)

    async def read(self, limit: int, timeout: timedelta) -> list[Record]:  # noqa: ASYNC109 - the port's
        if timeout > ONE_LOOK:
            return list(await self.reader.read(limit, timeout))
        since = int(time.time() * 1000) + 20
        async with asyncio.timeout(WITHIN):
            while not (found := await self.reader.read(limit, ONE_LOOK)):
                if joined(self.reader) and self._fresh(since):
                    assert self.reader._member is not None
                    if not any(s.behind for s in self.reader._member.sight().partitions):
                        break
        return list(found)

    async def lag(self):
        member = self.reader._member
        assert member is not None
        fetcher = member._consumer._fetcher
        fetcher._records.clear()  # a partition is not asked for its end again before what it gave is taken
        fetcher._notify(fetcher._wait_consume_future)
        since = int(time.time() * 1000) + 20

        def answered() -> bool:
            stored = {place.partition for place in fetcher._records}
            sight = member.sight()
            return sight.joined and all(s.partition in stored or (s.answered or 0) > since for s in sight.partitions)

        await until(answered)
        return await self.reader.lag()


class SettledLog:
    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._readers: dict[tuple[str, str], list[KafkaReader]] = {}

    def __getattr__(self, name):
        return getattr(self._log, name)

    @asynccontextmanager
    async def reader(self, topic: str, group: str) -> AsyncIterator[Reader]:
        members = self._readers.setdefault((topic, group), [])
        async with self._log.reader(topic, group) as reader:
            assert isinstance(reader, KafkaReader)
            await join(reader)
            await until(lambda: all(map(joined, members)))
            members.append(reader)
            try:
                yield SettledReader(reader)
            finally:
                members.remove(reader)
                before = [rebalances(member) for member in members]
        await until(lambda: all(joined(m) and rebalances(m) > b for m, b in zip(members, before, strict=True)))


@asynccontextmanager
async def open_settled(url: str, **options) -> AsyncIterator[EventLog]:
    async with open_log(url, **options) as log:
        yield SettledLog(log)
