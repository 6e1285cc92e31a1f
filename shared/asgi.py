"""The one ASGI server: uvicorn, bound by us first so that a taken port is a clear error, and stopped by our event."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from shared.process import Service
from shared.settings import BadSettings


class PortTaken(BadSettings):
    """The address cannot be listened on; the message names it, the reason, and the setting that changes it."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: shared.process owns them."""
        yield


def listen(host: str, port: int, *, setting: str) -> socket.socket:
    """Bind and listen on `host`:`port` (0: any free port); raises PortTaken naming `setting`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise PortTaken(
            f"cannot listen on {host}:{port}: {error.strerror or error}; set {setting} to another port"
        ) from error
    sock.setblocking(False)
    return sock


def serve(app: Any, sock: socket.socket) -> Service:
    """Return a service that serves `app` on `sock` until the stop event, then lets open requests finish for 3 s."""

    async def run(stop: asyncio.Event) -> None:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=3, server_header=False
        )
        server = _Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[sock]))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also when cancelled because another service crashed: nothing may go on serving then
            stopping.cancel()
            server.should_exit = True
            await asyncio.wait({serving})
            sock.close()
        await serving

    return run
