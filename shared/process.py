"""Running services until told to stop: the only place that touches signals.

A service is a coroutine function that takes the stop event and returns soon after it is set.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import structlog

log = structlog.get_logger()

SIGNALS = (signal.SIGINT, signal.SIGTERM)

Service = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


async def run_until_stopped(*services: Service, grace: timedelta, stop: asyncio.Event | None = None) -> None:
    """Run all services; the first signal (INT, TERM) or the first return of any sets the stop event for all.

    After that they have `grace` to finish, then they are cancelled. If one raises, all others are cancelled and
    the error passes to the caller (as the exception itself when there is one, else as a group). A second signal
    meets the default handler.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        for each in SIGNALS:
            loop.remove_signal_handler(each)

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(service, stop)) for service in services]
            await stop.wait()
            _, late = await asyncio.wait(tasks, timeout=grace.total_seconds())
            for task in late:
                log.warning("cut-off", task=task.get_name(), after_seconds=grace.total_seconds())
                task.cancel()
    except BaseExceptionGroup as group_error:
        raise _the_one(group_error) from None
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _the_one(error: BaseException) -> BaseException:
    """Unwrap groups of one, however deep: a service may have task groups of its own."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _run(service: Service, stop: asyncio.Event) -> None:
    try:
        await service(stop)
    finally:
        stop.set()


async def pause(stop: asyncio.Event, length: timedelta) -> bool:
    """Wait for `length` or for the stop event, whichever comes first; return whether to stop."""
    if length > timedelta(0):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), length.total_seconds())
    return stop.is_set()
