"""Parsing outside the event loop, in processes that can be killed: no feed can stop the fetcher.

A worker is this module run as a program. Requests and answers are MessagePack after a length of four bytes, so
nothing a hostile feed makes of the parser is ever executed here.
"""

import asyncio
import contextlib
import math
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from services.fetcher.feed.document import NotAFeed, ParsedFeed
from services.fetcher.feed.parse import MAX_BODY_BYTES, parse

CPU_LIMIT = timedelta(seconds=5)
WALL_LIMIT = timedelta(seconds=30)
"""The backstop for a worker that neither answers nor computes, as on a machine that swaps."""
MEMORY_LIMIT_BYTES = 1_500_000_000
WORKERS = 2
GOODBYE = timedelta(seconds=2)
_LENGTH_BYTES = 4
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Request:
    """What `parse` takes, and the CPU seconds it may."""

    body: bytes
    content_type: str | None
    url: str | None
    content_location: str | None
    content_language: str | None
    cpu_seconds: int


@dataclass(frozen=True)
class Answer:
    """A feed, or why there is none."""

    feed: ParsedFeed | None = None
    reason: str = ""
    detail: str = ""


_requests = msgspec.msgpack.Decoder(Request)
_answers = msgspec.msgpack.Decoder(Answer)
_encode = msgspec.msgpack.Encoder().encode


class ParserPool:
    """Parses feeds in worker processes, started when first needed and replaced when they had to be stopped."""

    def __init__(
        self, workers: int = WORKERS, cpu_limit: timedelta = CPU_LIMIT, wall_limit: timedelta = WALL_LIMIT
    ) -> None:
        self._idle: list[asyncio.subprocess.Process] = []
        self._slots = asyncio.Semaphore(workers)
        self._cpu_seconds = max(1, math.ceil(cpu_limit.total_seconds()))
        self._wall_seconds = wall_limit.total_seconds()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        workers, self._idle = self._idle, []
        for worker in workers:
            await _dismiss(worker)

    async def parse(
        self,
        body: bytes,
        *,
        content_type: str | None = None,
        url: str | None = None,
        content_location: str | None = None,
        content_language: str | None = None,
    ) -> ParsedFeed:
        """Read a feed as `feed.parse.parse` does; raises NotAFeed only.

        Beyond its reasons: too-slow (CPU or wall limit), too-much-memory, parser-failed (a mistake of ours).
        """
        if len(body) > MAX_BODY_BYTES:
            raise NotAFeed("too-large", f"{len(body):,} bytes; the limit is {MAX_BODY_BYTES:,}")
        request = Request(body, content_type, url, content_location, content_language, self._cpu_seconds)
        async with self._slots, self._worker() as worker:
            answer = await self._ask(worker, _encode(request))
        if answer.feed is None:
            raise NotAFeed(answer.reason, answer.detail)
        return answer.feed

    @contextlib.asynccontextmanager
    async def _worker(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Lend a worker; one that did not finish its work cleanly is stopped, not lent again."""
        worker = self._idle.pop() if self._idle else await _start()
        try:
            yield worker
        except BaseException:
            await _stop(worker)
            raise
        if worker.returncode is None:
            self._idle.append(worker)

    async def _ask(self, worker: asyncio.subprocess.Process, request: bytes) -> Answer:
        assert worker.stdin is not None  # noqa: S101 - both are pipes, see _start
        assert worker.stdout is not None  # noqa: S101 - the same
        try:
            async with asyncio.timeout(self._wall_seconds):
                worker.stdin.write(len(request).to_bytes(_LENGTH_BYTES, "big") + request)
                await worker.stdin.drain()
                length = int.from_bytes(await worker.stdout.readexactly(_LENGTH_BYTES), "big")
                return _answers.decode(await worker.stdout.readexactly(length))
        except TimeoutError:
            await _stop(worker)
            return Answer(reason="too-slow", detail=f"not read within {self._wall_seconds:g} s")
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
            code = await worker.wait()
            if code == -signal.SIGXCPU:
                return Answer(reason="too-slow", detail=f"not read within {self._cpu_seconds} s of computing")
            return Answer(reason="parser-failed", detail=f"the parser's process ended with code {code}")


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.fetcher.parsing",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,  # Ctrl-C is for the fetcher, which then dismisses its workers
    )


async def _stop(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()


async def _dismiss(worker: asyncio.subprocess.Process) -> None:
    """End an idle worker: it leaves when its input ends."""
    if worker.stdin is not None:
        worker.stdin.close()
    try:
        async with asyncio.timeout(GOODBYE.total_seconds()):
            await worker.wait()
    except TimeoutError:
        await _stop(worker)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Be a worker: answer requests until there are no more."""
    with contextlib.suppress(ValueError, OSError):  # not every system limits address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, resource.RLIM_INFINITY))
    while head := requests.read(_LENGTH_BYTES):
        request = _requests.decode(requests.read(int.from_bytes(head, "big")))
        allowed = math.ceil(time.process_time()) + request.cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
        answer = _encode(_answer(request))
        answers.write(len(answer).to_bytes(_LENGTH_BYTES, "big") + answer)
        answers.flush()


def _answer(request: Request) -> Answer:
    try:
        return Answer(
            parse(
                request.body,
                content_type=request.content_type,
                url=request.url,
                content_location=request.content_location,
                content_language=request.content_language,
            )
        )
    except NotAFeed as failure:
        return Answer(reason=failure.reason, detail=failure.detail)
    except MemoryError:
        return Answer(reason="too-much-memory", detail=f"reading it takes more than {MEMORY_LIMIT_BYTES:,} bytes")
    except Exception as error:  # noqa: BLE001 - a mistake of ours costs one feed, told by name, never the fetcher
        return Answer(reason="parser-failed", detail=f"{type(error).__name__}: {error}"[:500])


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
