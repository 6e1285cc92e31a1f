"""Under aiohttp: names looked up in our threads, and sockets only for addresses that may be connected to."""

import socket
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.addresses import Network, refusal
from shared.http.resolver import NameResolver

refused: ContextVar[list[str] | None] = ContextVar("refused", default=None)
"""Addresses refused during the request in hand; aiohttp folds the errors of several addresses into one text."""


class RefusedAddressError(OSError):
    """Raised before a socket exists, as if the network had refused."""


def guarded_connector(names: NameResolver, allowed: Sequence[Network]) -> TCPConnector:
    """Make a connector whose every connection, whoever asked for it, goes to a public or allowed address."""

    def open_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = info
        reason = refusal(str(where[0]), allowed)
        if reason is not None:
            told = f"{where[0]} is {reason}"
            seen = refused.get()
            if seen is not None:
                seen.append(told)
            raise RefusedAddressError(told)
        return socket.socket(family, kind, protocol)

    return TCPConnector(
        resolver=_Resolver(names),
        socket_factory=open_socket,
        limit=0,  # the callers bound their own concurrency
    )


class _Resolver(AbstractResolver):
    """Our threads as aiohttp wants to be served."""

    def __init__(self, names: NameResolver) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address.host,
                port=port,
                family=address.family,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._names.lookup(host, family)
        ]

    async def close(self) -> None:
        await self._names.close()
