"""A TCP proxy whose link is made bad while it runs: late, slow, hanging (half-open), cut, reset.

It lives in a thread of its own, so that a test, its subprocesses and a blocked event loop can all stand on either side.
What a hanging link holds back arrives once it is healed, as TCP does after a partition.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from enum import Enum
from typing import Any, Protocol, TypeVar

R = TypeVar("R")

CHUNK_BYTES = 64 * 1024
CONTROL_SECONDS = 10
SLICE_SECONDS = 0.05
"""A slow link passes a slice this often, so that it is slow and not merely late."""


class Way(Enum):
    """A direction of the link."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


BOTH = frozenset(Way)


class Conversation(Protocol):
    """What one connection's bytes are cut into and turned into; the plain one leaves them as they are."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next piece, empty at the end."""
        ...

    def from_client(self, piece: bytes) -> tuple[bytes, bytes]:
        """Return what goes on to the server, and what goes back to the client at once."""
        ...

    def from_server(self, piece: bytes) -> bytes:
        """Return what goes on to the client."""
        ...


class Plain:
    """A conversation that is passed on as it is."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        return await reader.read(CHUNK_BYTES)

    def from_client(self, piece: bytes) -> tuple[bytes, bytes]:
        return piece, b""

    def from_server(self, piece: bytes) -> bytes:
        return piece


class Proxy:
    """A running proxy; made by `open_proxy`. Its methods may be called from any thread and return once done."""

    def __init__(self, host: str, target: int, port: int, conversation: Callable[[], Conversation]) -> None:
        self.port = port
        self.accepted = 0
        """Connections ever taken."""
        self._host = host
        self._target = target
        self._conversation = conversation
        self._late = 0.0
        self._bytes_per_second: float | None = None
        self._flowing = {way: asyncio.Event() for way in Way}
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._mistakes: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def address(self) -> str:
        """Where clients connect, as host:port."""
        return f"{self._host}:{self.port}"

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._links)

    def heal(self) -> None:
        """Make the link whole: take connections, pass everything at once."""
        self._do(self._heal())

    def delay(self, seconds: float) -> None:
        """Make every piece late by so much, both ways."""
        self._do(self._set(late=seconds))

    def drip(self, bytes_per_second: float) -> None:
        """Let only so many bytes pass each second, both ways."""
        self._do(self._set(bytes_per_second=bytes_per_second))

    def hang(self, *ways: Way) -> None:
        """Hold back everything in these directions (both, if none is given); connections are taken and stay open."""
        self._do(self._hang(frozenset(ways) or BOTH))

    def cut(self) -> None:
        """Close all connections and refuse new ones."""
        self._do(self._cut())

    def reset(self) -> None:
        """End all connections with RST; new ones are taken."""
        self._do(self._drop(abruptly=True))

    def start(self) -> None:
        """Listen and pass on."""
        self._thread.start()
        self.heal()

    def close(self) -> None:
        """End everything. Raises what went wrong in a conversation."""
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONTROL_SECONDS)
        self._loop.close()
        if self._mistakes:
            raise self._mistakes[0]

    def _do(self, what: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(CONTROL_SECONDS)

    async def _heal(self) -> None:
        self._late, self._bytes_per_second = 0.0, None
        for flowing in self._flowing.values():
            flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self._host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, *, late: float = 0.0, bytes_per_second: float | None = None) -> None:
        self._late, self._bytes_per_second = late, bytes_per_second

    async def _hang(self, ways: frozenset[Way]) -> None:
        for way in ways:
            self._flowing[way].clear()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._drop(abruptly=False)

    async def _drop(self, *, abruptly: bool) -> None:
        for writers in self._links.values():
            for writer in writers:
                if abruptly:
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = asyncio.current_task()
        assert link is not None
        self._links[link] = writers = [writer]
        try:
            there_reader, there_writer = await asyncio.open_connection(self._host, self._target)
            writers.append(there_writer)
            talk = self._conversation()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._to_server(talk, reader, there_writer, writer))
                both.create_task(self._to_client(talk, there_reader, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # a link that ends, whoever ended it
        except* Exception as mistake:  # noqa: BLE001 - raised by `close`, in the test's own thread
            self._mistakes.append(mistake)
        finally:
            for each in writers:
                each.transport.abort()
            del self._links[link]

    async def _to_server(
        self, talk: Conversation, client: asyncio.StreamReader, server: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while piece := await talk.read(client):
            onward, answer = talk.from_client(piece)
            await self._pass(Way.TO_SERVER, onward, server)
            await self._pass(Way.TO_CLIENT, answer, back)
        await self._flowing[Way.TO_SERVER].wait()
        raise ConnectionAbortedError

    async def _to_client(self, talk: Conversation, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while piece := await talk.read(server):
            await self._pass(Way.TO_CLIENT, talk.from_server(piece), client)
        await self._flowing[Way.TO_CLIENT].wait()
        raise ConnectionAbortedError

    async def _pass(self, way: Way, piece: bytes, to: asyncio.StreamWriter) -> None:
        if self._late:
            await asyncio.sleep(self._late)
        while piece:
            await self._flowing[way].wait()
            size = len(piece)
            if self._bytes_per_second is not None:
                size = max(int(self._bytes_per_second * SLICE_SECONDS), 1)
                await asyncio.sleep(size / self._bytes_per_second)
            to.write(piece[:size])
            await to.drain()
            piece = piece[size:]


@contextlib.contextmanager
def open_proxy(
    target: int,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    conversation: Callable[[], Conversation] = Plain,
) -> Iterator[Proxy]:
    """Run a proxy to `target` (a port) for the block, on `port` or any free one."""
    proxy = Proxy(host, target, port, conversation)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()
