import asyncio
import os
import signal
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared.process import pause, run_until_stopped

GRACE = timedelta(seconds=20)
NONE = timedelta(milliseconds=1)


async def waits(stop):
    await stop.wait()


async def test_services_run_until_the_stop_event():
    stop = asyncio.Event()
    ended = []

    async def service(event):
        await event.wait()
        ended.append("one")

    async def other(event):
        stop.set()
        await event.wait()
        ended.append("two")

    await run_until_stopped(service, other, grace=GRACE, stop=stop)
    assert sorted(ended) == ["one", "two"]


async def test_a_stop_that_comes_before_the_start_is_not_lost():
    stop = asyncio.Event()
    stop.set()
    await run_until_stopped(waits, waits, grace=GRACE, stop=stop)


async def test_the_first_service_to_return_stops_the_others():
    async def returns(_stop):
        await asyncio.sleep(0)

    await run_until_stopped(waits, returns, grace=GRACE)


async def test_a_crash_cancels_the_others_and_reaches_the_caller_as_itself():
    cancelled = []

    async def crashes(_stop):
        await asyncio.sleep(0)
        raise ZeroDivisionError("mine")

    async def deaf(_stop):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("deaf")
            raise

    with pytest.raises(ZeroDivisionError, match="mine"):
        await run_until_stopped(deaf, crashes, grace=GRACE)
    assert cancelled == ["deaf"]


async def test_a_crash_inside_a_services_own_tasks_reaches_the_caller_as_itself():
    async def crashes(_stop):
        async with asyncio.TaskGroup() as group:
            group.create_task(boom())

    async def boom():
        raise ZeroDivisionError("deep")

    with pytest.raises(ZeroDivisionError, match="deep"):
        await run_until_stopped(waits, crashes, grace=GRACE)


async def test_two_crashes_reach_the_caller_together():
    async def crashes(stop):
        try:
            await stop.wait()
        finally:
            raise ZeroDivisionError("each")

    async def first(_stop):
        raise ValueError("first")

    with pytest.raises(ExceptionGroup) as caught:
        await run_until_stopped(crashes, first, grace=GRACE)
    assert {type(error) for error in caught.value.exceptions} == {ValueError, ZeroDivisionError}


async def test_a_crash_while_stopping_reaches_the_caller():
    async def crashes_late(stop):
        await stop.wait()
        raise ZeroDivisionError("late")

    stop = asyncio.Event()
    stop.set()
    with pytest.raises(ZeroDivisionError, match="late"):
        await run_until_stopped(waits, crashes_late, grace=GRACE, stop=stop)


async def test_a_service_that_does_not_stop_is_cut_off_after_the_grace():
    async def deaf(_stop):
        await asyncio.Event().wait()

    stop = asyncio.Event()
    stop.set()
    with capture_logs() as lines:
        await run_until_stopped(deaf, waits, grace=NONE, stop=stop)
    assert [line["event"] for line in lines] == ["cut-off"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_and_the_handlers_are_gone_afterwards(number):
    before = signal.getsignal(signal.SIGTERM)

    async def kills(stop):
        os.kill(os.getpid(), number)
        await stop.wait()

    with capture_logs() as lines:
        await run_until_stopped(kills, waits, grace=GRACE)
    assert [(line["event"], line["signal"]) for line in lines] == [("stopping", number.name)]
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
async def test_a_second_signal_meets_the_default_handler_whichever_came_first(first):
    seen = []

    async def kills(stop):
        os.kill(os.getpid(), first)
        await stop.wait()
        seen.extend([signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)])

    await run_until_stopped(kills, grace=GRACE)
    assert seen == [signal.default_int_handler, signal.SIG_DFL]


async def test_a_pause_ends_at_the_stop_event():
    stop = asyncio.Event()
    pausing = asyncio.create_task(pause(stop, timedelta(days=1)))
    await asyncio.sleep(0)
    stop.set()
    assert await pausing is True


async def test_a_pause_ends_after_its_length():
    assert await pause(asyncio.Event(), NONE) is False


async def test_a_pause_of_no_length_does_not_wait():
    assert await pause(asyncio.Event(), timedelta(0)) is False
    assert await pause(asyncio.Event(), timedelta(seconds=-5)) is False
