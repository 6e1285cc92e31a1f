"""Names to addresses in threads of their own.

`getaddrinfo` cannot be cancelled: behind a name server that never answers it holds its thread for half a minute. In
the event loop's shared pool a few dead names would then stop everything that needs a thread. Here lookups have their
own threads, as many as fit; one name is looked up once however many ask for it; and none of the threads keeps the
process alive.
"""

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass

THREADS = 64


@dataclass(frozen=True)
class Address:
    """One address of a name, and its family (socket.AF_INET or AF_INET6)."""

    host: str
    family: int


class NameResolver:
    """Looks up names; `lookup` raises socket.gaierror as `getaddrinfo` does."""

    def __init__(self, threads: int = THREADS) -> None:
        self._free = asyncio.Semaphore(threads)
        self._asking: dict[tuple[str, int], asyncio.Task[list[Address]]] = {}

    async def lookup(self, name: str, family: int = socket.AF_UNSPEC) -> list[Address]:
        """Return the addresses of `name`. To stop waiting does not stop the lookup; others may wait for it too."""
        key = (name, family)
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(name, family))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: tuple[str, int], task: asyncio.Task[list[Address]]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    async def _ask(self, name: str, family: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        async with self._free:
            answer: asyncio.Future[list[Address]] = loop.create_future()

            def settle(found: list[Address] | OSError) -> None:
                if answer.done():
                    return
                if isinstance(found, OSError):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)

            def ask() -> None:
                found = _getaddrinfo(name, family)
                with contextlib.suppress(RuntimeError):  # the loop is gone and nobody asks any more
                    loop.call_soon_threadsafe(settle, found)

            threading.Thread(target=ask, name=f"lookup {name}", daemon=True).start()
            return await answer

    async def close(self) -> None:
        """Stop waiting for open lookups."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _getaddrinfo(name: str, family: int) -> list[Address] | OSError:
    try:
        found = socket.getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError as error:
        return socket.gaierror(socket.EAI_NONAME, f"no host name: {error}")
    hosts = ((str(where[0]), int(kind)) for kind, _, _, _, where in found if kind in {socket.AF_INET, socket.AF_INET6})
    return [Address(host, kind) for host, kind in dict.fromkeys(hosts)]
