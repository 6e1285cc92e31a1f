"""One membership of a consumer group: joined, given partitions, asked to hand them over, at last left or given up.

When the group changes, all partitions are taken back (the eager protocol) and given out anew. Before ours go, whoever
has a batch in hand gets a moment to commit it, so that the next owner need not read it again.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition, errors
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from shared.eventlog import BadLog, Mark, ReplicaInUse, Unavailable
from shared.eventlog.kafka.client import CLOSE_WITHIN, Brokers, milliseconds, troubles
from shared.eventlog.kafka.standing import Standing
from shared.eventlog.kafka.watchdog import Sight

HEARTBEAT_EVERY = timedelta(seconds=3)
HAND_OVER_WITHIN = timedelta(seconds=5)
REBALANCE_WITHIN = timedelta(seconds=60)
HANDLED_WITHIN = timedelta(minutes=15)
"""A member that asks for nothing for so long is stuck, and its partitions go to others."""
FETCH_BYTES = 1024 * 1024
FETCH_FOR = timedelta(seconds=1)
UUID_CHARS = 36


class Member(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """A member of `group` on `topic` (both as Kafka knows them); with `replica` a static one (KIP-345).

    Before partitions are taken back `handed_over` is waited for; then `on_loss` is called, and what was read is no
    longer ours to commit. Partitions are dealt out in turn: nothing is kept per partition, so there is nothing to gain
    from an assignor that remembers who had which.
    """

    def __init__(self, brokers: Brokers, topic: str, group: str, replica: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self._group = group
        self._replica = replica
        self.rebalances = 0
        self.twin: str | None = None
        self._name = ""
        self.handed_over = asyncio.Event()
        self.handed_over.set()
        self.on_loss: Callable[[], None] = lambda: None
        self._leaving = asyncio.Event()
        self._fetch: asyncio.Task[None] | None = None
        self._ahead: deque[Any] = deque()
        session = brokers.settings.session_timeout
        self._consumer = AIOKafkaConsumer(
            group_id=group,
            group_instance_id=replica or None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=milliseconds(session),
            heartbeat_interval_ms=milliseconds(min(HEARTBEAT_EVERY, session / 3)),
            rebalance_timeout_ms=milliseconds(REBALANCE_WITHIN),
            max_poll_interval_ms=milliseconds(HANDLED_WITHIN),
            max_partition_fetch_bytes=FETCH_BYTES,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            # A join waits for the slowest member; aiokafka measures its answer by the same clock as any other's.
            **brokers.options(request_within=REBALANCE_WITHIN + timedelta(seconds=10)),
        )

    async def join(self) -> None:
        """Connect and ask to be a member; partitions come later. Raises Unavailable or BadLog."""
        await self._brokers.knock()
        with troubles("consumer"):
            await self._consumer.start()
        self._watch_commits()
        self._consumer.subscribe([self._topic], listener=self)

    def _watch_commits(self) -> None:
        """Look at every commit's failure: aiokafka shields it from our giving up, and then nobody else does."""
        commit = self._coordinator._do_commit_offsets  # noqa: SLF001

        async def watched(assignment: Any, offsets: Any) -> None:
            if (task := asyncio.current_task()) is not None:
                task.add_done_callback(lambda done: _looked_at({done}))
            await commit(assignment, offsets)

        self._coordinator._do_commit_offsets = watched  # noqa: SLF001

    async def take(self, limit: int, seconds: float) -> list[Any]:
        """Return up to `limit` of aiokafka's records, or none after `seconds`. Raises Unavailable or BadLog.

        A fetch is never cancelled but left to the next call: aiokafka's bookkeeping does not outlive a cancellation.
        """
        if not self._ahead:
            if self._fetch is None:
                self._fetch = asyncio.create_task(self._fetch_ahead(limit))
            done, _ = await asyncio.wait({self._fetch}, timeout=seconds)
            if done:
                fetch, self._fetch = self._fetch, None
                if fetch.cancelled():  # a background task of the client's was, and passed it on
                    raise errors.KafkaError("the consumer's background task was cancelled")
                fetch.result()
        return [self._ahead.popleft() for _ in range(min(limit, len(self._ahead)))]

    async def _fetch_ahead(self, limit: int) -> None:
        pages = await self._consumer.getmany(timeout_ms=milliseconds(FETCH_FOR), max_records=limit)
        for page in pages.values():  # put by without waiting, so that no loss of partitions comes between
            self._ahead.extend(page)

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Commit offsets with their notes, by partition. Raises aiokafka's errors; takes as long as it takes."""
        await self._consumer.commit(
            {self._place(partition): OffsetAndMetadata(offset, note) for partition, (offset, note) in offsets.items()}
        )

    async def marks(self) -> list[Mark]:
        """Return the notes at the group's positions in our partitions. Raises aiokafka's errors."""
        committed = await self._coordinator.fetch_committed_offsets(list(self._consumer.assignment()))
        return [Mark(place.partition, at.offset, at.metadata) for place, at in committed.items() if at.metadata]

    def seek(self, starts: Mapping[int, int]) -> None:
        """Read on at these offsets, and in other partitions from the first record not yet given out by `take`."""
        to = {record.partition: record.offset for record in reversed(self._ahead)} | dict(starts)
        self._ahead.clear()
        for partition, offset in to.items():
            with contextlib.suppress(errors.IllegalStateError):  # no longer ours: its new owner begins at the commit
                self._consumer.seek(self._place(partition), offset)

    def sight(self) -> Sight:
        """Look at the consumer: aiokafka shows its state only in part, and waits where one asks it for a position."""
        subscription = self._consumer._subscription.subscription  # noqa: SLF001
        alive = self._coordinator is None or not self._coordinator._coordination_task.done()  # noqa: SLF001
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None or self._consumer._subscription.reassignment_in_progress:  # noqa: SLF001
            return Sight(alive, joined=False)
        standings = []
        for place in sorted(assignment.tps):
            state = assignment.state_value(place)
            position = state.position if state.has_valid_position else None
            if ahead := [record.offset for record in self._ahead if record.partition == place.partition]:
                position = ahead[0]
            standings.append(Standing(place.partition, position, state.highwater, state.timestamp))
        return Sight(alive, joined=True, partitions=standings)

    @property
    def _coordinator(self) -> Any:
        return self._consumer._coordinator  # noqa: SLF001 - what aiokafka knows of the group is told nowhere else

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Let the batch in hand be committed, then forget it. aiokafka joins anew only when this returns."""
        if self._replica and self._name and not self._coordinator.member_id and await self._find_twin():
            await self._leaving.wait()  # joining anew would throw the other out, which would throw us out
            return
        if revoked:
            waiting = [asyncio.ensure_future(event.wait()) for event in (self.handed_over, self._leaving)]
            await asyncio.wait(waiting, timeout=HAND_OVER_WITHIN.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
        self._ahead.clear()
        self.on_loss()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Take note of the name the broker gave us with them."""
        del assigned
        self.rebalances += 1
        self._name = self._coordinator.member_id

    async def refused(self) -> None:
        """Find out, when the group refuses us although we have a name there, whether another process has our place."""
        if self._replica and self._coordinator is not None and self._coordinator.member_id:
            await self._find_twin()
        self.refuse_twin()

    async def _find_twin(self) -> bool:
        """Ask the group whether another member is there under our replica's name; `twin` then says so.

        The broker has put that one in our place. aiokafka cannot tell this from a session that ran out, and would go
        on to take the place back. The broker makes a static member's name from the replica's and a UUID.
        """
        ours = {self._name, self._coordinator.member_id}
        with contextlib.suppress(Unavailable, BadLog, errors.KafkaError):
            async with self._brokers.admin() as admin:
                (answer,) = await admin.describe_consumer_groups([self._group])
                ((_, _, _, _, _, members, *_),) = answer.groups
                if any(name[:-UUID_CHARS] == f"{self._replica}-" and name not in ours for name, *_ in members):
                    self.twin = (
                        f"another process runs as REPLICA={self._replica} and has taken this one's place in group "
                        f"{self._group}; give each process of a service a REPLICA of its own"
                    )
        return self.twin is not None

    def refuse_twin(self) -> None:
        """Raise ReplicaInUse if another process has our place."""
        if self.twin is not None:
            raise ReplicaInUse(self.twin)

    async def leave(self) -> None:
        """Leave the group (a static member keeps its place until its session ends) and let go of the broker."""
        self._leaving.set()
        tasks = self._tasks()
        if self._fetch is not None:
            self._fetch.cancel()
        if self.twin is None:  # with one, leaving in good order would join once more
            stopping = asyncio.ensure_future(self._consumer.stop())
            await asyncio.wait({stopping}, timeout=CLOSE_WITHIN.total_seconds())
            if stopping.done() and not stopping.cancelled() and stopping.exception() is None:
                _looked_at(tasks)
                return
            stopping.cancel()
        await self._give_up(tasks)

    def _tasks(self) -> set[asyncio.Task[Any]]:
        """Return what aiokafka has running for this consumer."""
        coordinator, fetcher = self._coordinator, self._consumer._fetcher  # noqa: SLF001
        tasks = [self._fetch]
        if coordinator is not None:
            tasks += [coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task]  # noqa: SLF001
        if fetcher is not None:
            tasks += [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
        return {task for task in tasks if task is not None}

    async def _give_up(self, tasks: set[asyncio.Task[Any]]) -> None:
        """End what is running, where it does not end by itself; nobody is told."""
        self._consumer._closed = True  # noqa: SLF001
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_WITHIN.total_seconds())
        _looked_at(tasks)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._consumer._client.close(), CLOSE_WITHIN.total_seconds())  # noqa: SLF001


def _looked_at(tasks: set[asyncio.Task[Any]]) -> None:
    """Take note of failures, so that they are not reported as overlooked: the consumer is gone because of them."""
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()
