"""The log in one SQLite file, for one process: durable, ordered, one partition per topic.

Write-ahead log with `synchronous=FULL`: what `append` returned for survives a power cut. All SQL runs in one worker
thread. Other processes may append and scan (`attache dead-letters`); readers see such records within a second.
"""

import asyncio
import functools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from shared.clock import Clock
from shared.eventlog import BadLog, Lag, Mark, Message, Reader, Record
from shared.eventlog.bell import Bell
from shared.eventlog.lock import own
from shared.eventlog.membership import Group
from shared.eventlog.sqlite_file import PATIENCE, LogFile

P = ParamSpec("P")
R = TypeVar("R")

SCAN_RECORDS = 500


@asynccontextmanager
async def open_sqlite_log(
    path: Path, *, owner: bool, now: Clock, patience: timedelta = PATIENCE
) -> AsyncIterator["SqliteLog"]:
    """Open the log at `path`; the owner makes file and folder where missing and locks out other owners.

    `patience` is how long another process's write is waited for before Unavailable. Raises LogInUse and BadLog.
    """
    with ExitStack() as stack:
        stack.enter_context(_place(path, owner=owner))
        worker = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="eventlog"))
        loop = asyncio.get_running_loop()
        file = await loop.run_in_executor(worker, functools.partial(LogFile, path, patience=patience))
        stack.callback(worker.submit, file.close)
        yield SqliteLog(file, worker, now)


@contextmanager
def _place(path: Path, *, owner: bool) -> Iterator[None]:
    if not owner:
        if not path.is_file():
            raise BadLog(f"event log {path}: no such file; `attache run` makes it")
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadLog(f"event log {path}: cannot make its folder: {error.strerror}") from error
    with own(path):
        yield


class SqliteLog:
    """An EventLog over a LogFile. Opened by `open_log`."""

    def __init__(self, file: LogFile, worker: ThreadPoolExecutor, now: Clock) -> None:
        self._file = file
        self._worker = worker
        self._now = now
        self._groups: dict[tuple[str, str], Group[_SqliteReader]] = defaultdict(Group)
        self._bells: dict[str, Bell] = defaultdict(Bell)

    async def do(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one of the file's methods in the worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, functools.partial(call, *args, **kwargs))

    async def append(self, topic: str, messages: Sequence[Message]) -> None:
        """Append all in one transaction, or raise Unavailable and append none."""
        if messages:
            await self.do(self._file.append, topic, messages, self._now())
            self._bells[topic].ring()

    async def partitions(self, topic: str) -> int:
        """Return 1: the file keeps one order per topic."""
        del topic
        return 1

    @asynccontextmanager
    async def reader(self, topic: str, group: str) -> AsyncIterator[Reader]:
        """Join the group. One member reads; others stand by until it leaves."""
        members = self._groups[topic, group]
        reader = _SqliteReader(self, self._file, topic, group, members, self._bells[topic])
        members.join(reader)
        try:
            yield reader
        finally:
            members.leave(reader)
            self._bells[topic].ring()

    async def scan(self, topic: str) -> AsyncIterator[Record]:
        """Yield what the topic holds now, in pages, so that no read transaction stays open between them."""
        end = await self.do(self._file.end, topic)
        start = 0
        while page := await self.do(self._file.read, topic, start, SCAN_RECORDS, before=end):
            for record in page:
                yield record
            start = page[-1].offset + 1

    async def prune(self, now: datetime) -> int:
        """Forget by shared.eventlog.retention; return how many."""
        return await self.do(self._file.prune, now)


class _SqliteReader:
    def __init__(
        self,
        log: SqliteLog,
        file: LogFile,
        topic: str,
        group: str,
        members: Group["_SqliteReader"],
        bell: Bell,
    ) -> None:
        self._log = log
        self._file = file
        self._topic = topic
        self._group = group
        self._members = members
        self._bell = bell
        self._generation = -1
        self._read_to: int | None = None

    async def read(self, limit: int, timeout: timedelta) -> Sequence[Record]:  # noqa: ASYNC109 - the port's
        """Read on from where the last read ended, or from the commit."""
        return await self._bell.first(lambda: self._look(limit), timeout)

    async def _look(self, limit: int) -> Sequence[Record]:
        generation = self._members.generation
        if self._generation != generation:
            self._generation, self._read_to = generation, None
        if not self._members.share(self, 1):
            return ()
        start = self._read_to
        if start is None:
            start = await self._log.do(self._file.join, self._topic, self._group)
        found = await self._log.do(self._file.read, self._topic, start, limit)
        if self._members.generation != generation:
            return ()
        self._read_to = found[-1].offset + 1 if found else start
        return found

    async def commit(self) -> None:
        """Commit what was read, unless the members changed meanwhile: then another may have it, and it comes again."""
        if self._read_to is not None and self._generation == self._members.generation:
            await self._log.do(self._file.commit, self._topic, self._group, self._read_to)

    async def rewind(self) -> None:
        """Forget what was read and not committed."""
        self._read_to = None

    async def lag(self) -> Lag:
        """Count what the group has not committed."""
        return await self._log.do(self._file.lag, self._topic, self._group)

    async def mark(self, marks: Sequence[Mark]) -> None:
        """Commit with a note, unless the members changed meanwhile."""
        for mark in marks:
            if self._generation == self._members.generation:
                await self._log.do(self._file.mark, self._topic, self._group, mark.offset, mark.note)

    async def marks(self) -> Sequence[Mark]:
        """Return the note that stands where the group does, to the member that reads."""
        found = await self._log.do(self._file.marked, self._topic, self._group)
        return [Mark(0, *found)] if found and found[1] and self._members.share(self, 1) else []
