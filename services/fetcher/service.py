"""The fetcher: polls feeds as they become due, many hosts at once, each host gently, no feed given up for ever."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.fetcher import breaker, politeness
from services.fetcher.dispatch import Choice, Due, choose
from services.fetcher.heartbeat import beat
from services.fetcher.hosts import Hosts, Taken
from services.fetcher.parsing import ParserPool
from services.fetcher.politeness import Gate
from services.fetcher.poller import NAME, Poller, Summary
from services.fetcher.schedule import Bounds
from services.fetcher.sources import load_sources
from services.fetcher.state import FeedState
from shared.backoff import delay
from shared.clock import Clock, utc_now
from shared.consume import PAUSE_BASE, PAUSE_CAP
from shared.eventlog import EventLog, Unavailable
from shared.failpoints import passing
from shared.http import open_http
from shared.metrics import Metrics
from shared.process import pause
from shared.settings import Settings
from shared.telemetry import Health

log = structlog.get_logger()

CONCURRENT = 16
LOOK_EVERY = timedelta(seconds=5)
"""How often to look for feeds another process added; our own schedule wakes the loop by itself."""
SHORTEST_REST = timedelta(milliseconds=20)
AFTER_MISSING = timedelta(milliseconds=200)
WIND_UP = timedelta(seconds=5)
"""How long polls under way may take to end when the service is to stop; one abandoned is simply repeated."""
RELEASE_WITHIN = timedelta(seconds=2)
STUCK_AFTER = timedelta(minutes=5)
LONGEST_WAIT_ONCE = timedelta(seconds=30)


@asynccontextmanager
async def open_fetcher(
    settings: Settings,
    *,
    eventlog: EventLog,
    engine: AsyncEngine,
    metrics: Metrics,
    health: Health,
    now: Clock = utc_now,
    draw: Callable[[], float] = random.random,
    token: Callable[[int], str] = secrets.token_hex,
) -> AsyncIterator["Fetcher"]:
    """Open the fetcher: `run` polls until told to stop, `poll_due_once` polls each due feed exactly once.

    Brings the database to what the feeds file (or the starter list) says. Raises BadSources with every mistake.
    """
    sources = load_sources(settings.feeds_file)
    hosts = Hosts(engine, replica=settings.replica_name, token=token(4))
    state = FeedState(engine, owner=hosts.owner)
    await hosts.take_back()
    synced = await state.sync(sources, now())
    log.info("feeds-file", feeds=len(sources), **vars(synced))
    async with open_http(settings, now=now) as http, ParserPool() as parser:
        poller = Poller(
            state=state,
            hosts=hosts,
            http=http,
            parser=parser,
            eventlog=eventlog,
            metrics=metrics,
            bounds=Bounds(settings.poll_floor, settings.poll_ceiling),
            now=now,
            draw=draw,
            token=token,
        )
        poller.gates.update(await hosts.closed_gates(now()))
        fetcher = Fetcher(settings, poller, state, hosts, eventlog, metrics, now=now, draw=draw)
        await fetcher.export_states()
        health.checks[NAME] = fetcher.trouble
        try:
            yield fetcher
        finally:
            await fetcher.release()


class Fetcher:
    """Decides which feed is polled when; made by `open_fetcher`."""

    def __init__(
        self,
        settings: Settings,
        poller: Poller,
        state: FeedState,
        hosts: Hosts,
        eventlog: EventLog,
        metrics: Metrics,
        *,
        now: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._poller = poller
        self._state = state
        self._hosts = hosts
        self._eventlog = eventlog
        self._metrics = metrics
        self._now = now
        self._draw = draw
        self._space = politeness.spacing(settings.poll_floor)
        self._heartbeat_every = settings.heartbeat_every
        self._woken = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._unavailable: Unavailable | None = None
        self._ticked: float | None = None

    def trouble(self) -> str | None:
        """Say what keeps the fetcher from working: infrastructure, or a loop that no longer turns."""
        if self._unavailable is not None:
            return str(self._unavailable)
        if self._ticked is not None:
            still = asyncio.get_running_loop().time() - self._ticked
            if still > STUCK_AFTER.total_seconds():
                return f"nothing dispatched for {still:.0f} s"
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Poll feeds as they become due and send heartbeats, until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            group.create_task(
                beat(
                    self._eventlog,
                    self._metrics,
                    every=self._heartbeat_every,
                    stage=NAME,
                    also=self.export_states,
                    now=self._now,
                    stop=stop,
                )
            )
            await self._dispatch(stop, group)
            self._ticked = None
            if self._in_flight:
                _, late = await asyncio.wait(self._in_flight.values(), timeout=WIND_UP.total_seconds())
                for task in late:
                    task.cancel()

    async def poll_due_once(self) -> Summary:
        """Poll each feed that is due now exactly once, and tell how it went. Raises Unavailable.

        Feeds of hosts that asked for a longer silence are not polled; they count as "host-closed", those of hosts
        that another fetcher has under lease as "host-leased".
        """
        summary = Summary()
        waiting = {due.feed_id: due for due in await self._state.due(self._now())}
        async with asyncio.TaskGroup() as group:
            while waiting and self._unavailable is None:
                for due in self._closed_for_long(waiting.values()):
                    del waiting[due.feed_id]
                    summary.outcomes["host-closed"] += 1
                choice = self._choose(list(waiting.values()), CONCURRENT)
                taken = await self._begin(choice, group, summary)
                for due in [*waiting.values()]:
                    if due.feed_id in self._in_flight:
                        del waiting[due.feed_id]
                    elif due.host in taken.elsewhere:
                        del waiting[due.feed_id]
                        summary.outcomes["host-leased"] += 1
                await self._renew()
                if waiting:
                    await self._rest(self._sooner(choice, taken))
        await self.export_states()
        if self._unavailable is not None:
            trouble, self._unavailable = self._unavailable, None
            raise trouble
        return summary

    async def export_states(self) -> None:
        """Export how many feeds are in which state."""
        for state, count in (await self._state.count_by_state()).items():
            self._metrics.feeds.labels(state).set(count)

    async def _dispatch(self, stop: asyncio.Event, group: asyncio.TaskGroup) -> None:
        pauses = 0
        while not stop.is_set():
            self._ticked = asyncio.get_running_loop().time()
            try:
                if self._unavailable is not None:
                    raise self._unavailable
                look_again = await self._begin_due(group, room=1 if pauses else CONCURRENT)
            except Unavailable as trouble:
                self._unavailable = trouble
                self._metrics.pauses.labels(NAME).inc()
                wait = delay(pauses, base=PAUSE_BASE, cap=PAUSE_CAP, draw=self._draw())
                pauses += 1
                log.warning("pause", stage=NAME, seconds=round(wait.total_seconds(), 1), reason=str(trouble))
                await pause(stop, wait)
                self._unavailable = None
                continue
            await self._rest(look_again, stop)
            if not self._in_flight and self._unavailable is None:
                pauses = 0

    async def _begin_due(self, group: asyncio.TaskGroup, *, room: int) -> datetime | None:
        """Begin the polls that may begin now; return when there will be more to do, as far as is known."""
        now = self._now()
        due = [one for one in await self._state.due(now) if one.feed_id not in self._in_flight]
        self._export_overdue(due, now)
        look_again = [await self._state.next_due(now)]
        if self._poller.breaker.is_open:
            probe_at = self._poller.breaker.next_probe
            if due and probe_at is not None and probe_at > now:
                look_again.append(probe_at)
            due = self._while_network_is_down(due, now)
        choice = self._choose(due, room)
        if self._poller.breaker.is_open and any(one.polled for one in choice.begin):
            self._poller.breaker = breaker.probed(self._poller.breaker, now)
        taken = await self._begin(choice, group, None)
        await self._renew()
        return min(filter(None, (*look_again, self._sooner(choice, taken))), default=None)

    def _while_network_is_down(self, due: Sequence[Due], now: datetime) -> list[Due]:
        """Return feeds never tried yet, so that each can be told reachable or not; when there are none, one probe."""
        never = [one for one in due if not one.polled]
        probe_at = self._poller.breaker.next_probe
        if never or self._in_flight or (probe_at is not None and now < probe_at):
            return never
        return list(due[:1])

    def _choose(self, due: Sequence[Due], room: int) -> Choice:
        free = max(room - len(self._in_flight), 0)
        return choose(due, self._poller.gates, now=self._now(), space=self._space, room=free)

    async def _begin(self, choice: Choice, group: asyncio.TaskGroup, summary: Summary | None) -> Taken:
        """Lease the hosts of what was chosen, all at once, and start the polls of those that were to be had.

        How the others stand is remembered: another fetcher was told to be silent there, or has just asked.
        """
        now = self._now()
        if not choice.begin:
            return Taken(now, frozenset(), {}, frozenset())
        taken = await self._hosts.take([due.host for due in choice.begin], now, self._space)
        passing("fetcher.leased")
        self._poller.leases.took(taken.hosts, taken.until)
        for due in choice.begin:
            if due.host in taken.hosts:
                self._start(group, due, summary)
        gates = self._poller.gates
        gates.update({host: politeness.heard(gates.get(host, Gate()), gate) for host, gate in taken.refused.items()})
        return taken

    def _sooner(self, choice: Choice, taken: Taken) -> datetime | None:
        """Return when to look again: soon where another fetcher came first, for there may be hosts it did not take."""
        missed = len(taken.hosts) < len({due.host for due in choice.begin})
        return self._now() + AFTER_MISSING if missed else choice.look_again

    async def _renew(self) -> None:
        """Renew the leases of hosts whose polls take long."""
        now, leases = self._now(), self._poller.leases
        if ageing := leases.ageing(now):
            leases.took(ageing, await self._hosts.renew(ageing, now))

    async def release(self) -> None:
        """End all leases, so that others need not wait until they run out; without the database that must do."""
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(RELEASE_WITHIN.total_seconds()):
                await self._hosts.release_all()

    def _start(self, group: asyncio.TaskGroup, due: Due, summary: Summary | None) -> None:
        gates = self._poller.gates
        gates[due.host] = politeness.started(gates.get(due.host, Gate()), self._now())
        self._poller.leases.need(due.host, due.feed_id)
        task = group.create_task(self._poll(due, summary), name=f"poll {due.url}")
        self._in_flight[due.feed_id] = task

        def done(_task: asyncio.Task[None]) -> None:
            del self._in_flight[due.feed_id]
            gates[due.host] = politeness.ended(gates[due.host])
            self._poller.leases.done(due.host, due.feed_id)
            self._woken.set()

        task.add_done_callback(done)

    async def _poll(self, due: Due, summary: Summary | None) -> None:
        """Poll one feed; trouble with log or database stops the dispatching, anything unforeseen the process."""
        try:
            await self._poller.poll(due, summary)
        except Unavailable as trouble:
            self._unavailable = trouble

    async def _rest(self, look_again: datetime | None, stop: asyncio.Event | None = None) -> None:
        """Wait until `look_again`, the end of a poll, or `stop`; never longer than LOOK_EVERY."""
        length = LOOK_EVERY if look_again is None else min(max(look_again - self._now(), SHORTEST_REST), LOOK_EVERY)
        events = [self._woken, stop] if stop is not None else [self._woken]
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=length.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self._woken.clear()

    def _closed_for_long(self, waiting: Iterable[Due]) -> list[Due]:
        horizon = self._now() + LONGEST_WAIT_ONCE
        return [due for due in waiting if _is_closed(self._poller.gates, due.host, horizon)]

    def _export_overdue(self, due: Sequence[Due], now: datetime) -> None:
        late = [now - one.since for one in due if not _is_closed(self._poller.gates, one.host, now)]
        self._metrics.feed_overdue.set(max(late, default=timedelta(0)).total_seconds())


def _is_closed(gates: Mapping[str, Gate], host: str, moment: datetime) -> bool:
    closed_until = gates.get(host, Gate()).closed_until
    return closed_until is not None and closed_until > moment
