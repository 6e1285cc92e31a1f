"""Waiting for records: woken by an append in this process, and looking again now and then for those of another."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from shared.eventlog import Record

LOOK_AGAIN = timedelta(seconds=1)


class Bell:
    """Rung after every append to a topic; no ring between looking and waiting is missed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits now."""
        self._next.set()
        self._next = asyncio.Event()

    async def first(
        self,
        look: Callable[[], Awaitable[Sequence[Record]]],
        timeout: timedelta,  # noqa: ASYNC109 - Reader.read's
    ) -> Sequence[Record]:
        """Return what `look` finds as soon as it finds anything, or nothing after `timeout`. Looks at least once."""
        clock = asyncio.get_running_loop().time
        end = clock() + timeout.total_seconds()
        while True:
            ring = self._next
            found = await look()
            left = end - clock()
            if found or left <= 0:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ring.wait(), min(left, LOOK_AGAIN.total_seconds()))
