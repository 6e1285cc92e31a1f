"""A proxy before a Kafka broker that answers requests with errors of a test's choice.

Either the request never reaches the broker (a broker that refuses), or it does and its answer is replaced (a broker
that did it and says it did not, as after a time-out). Answers keep the order of the requests, as Kafka's clients demand.
It knows the request versions that aiokafka picks with a broker of today, and says so where it meets another.
"""

import asyncio
import contextlib
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from threading import Lock
from typing import Any

from aiokafka.errors import BrokerResponseError
from aiokafka.protocol import commit, coordination, group, produce, transaction

from tests.faults.tools.proxy import Proxy, open_proxy


class Api(IntEnum):
    """The requests that can be refused, by their key on the wire."""

    PRODUCE = 0
    OFFSET_COMMIT = 8
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22


KINDS = {api.value: api for api in Api}
ALWAYS = 10**9
HEADER = struct.Struct(">ihhi")  # size, api key, version, correlation id
NOBODY = -1


def _produced(request: Any, code: int) -> list[Any]:
    topics = [
        (topic, [(partition, code, -1, -1, -1) for partition, _ in partitions]) for topic, partitions in request.topics
    ]
    return [topics, 0]


def _committed(request: Any, code: int) -> list[Any]:
    topics = [(topic, [(row[0], code) for row in partitions]) for topic, partitions in request.topics]
    return [0, topics]


ANSWERS: dict[tuple[Api, int], tuple[Any, Callable[[Any, int], list[Any]]]] = {
    (Api.PRODUCE, 7): (produce.ProduceRequest_v7, _produced),
    (Api.OFFSET_COMMIT, 3): (commit.OffsetCommitRequest_v3, _committed),
    (Api.FIND_COORDINATOR, 1): (
        coordination.FindCoordinatorRequest_v1,
        lambda _, code: [0, code, None, NOBODY, "", NOBODY],
    ),
    (Api.JOIN_GROUP, 5): (group.JoinGroupRequest_v5, lambda r, code: [0, code, -1, "", "", r.member_id, []]),
    (Api.HEARTBEAT, 1): (group.HeartbeatRequest_v1, lambda _, code: [0, code]),
    (Api.SYNC_GROUP, 3): (group.SyncGroupRequest_v3, lambda _, code: [0, code, b""]),
    (Api.INIT_PRODUCER_ID, 0): (transaction.InitProducerIdRequest_v0, lambda _, code: [0, code, -1, -1]),
}


@dataclass
class _Rule:
    api: Api
    error: type[BrokerResponseError]
    times: int
    done: bool
    skip: int


@dataclass
class KafkaProxy:
    """What `open_kafka_proxy` yields: the link, and what is refused on it."""

    link: Proxy = field(init=False)
    seen: Counter[Api] = field(default_factory=Counter)
    """Requests that came, by kind."""
    refused: Counter[tuple[Api, str]] = field(default_factory=Counter)
    """Answers that were ours, by kind of request and name of the error."""
    strange: list[str] = field(default_factory=list)
    """Requests that were to be refused in a version unknown here; they were passed on."""
    _rules: list[_Rule] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def refuse(
        self, api: Api, error: type[BrokerResponseError], *, times: int = 1, done: bool = False, skip: int = 0
    ) -> None:
        """Answer the next `times` requests of this kind with `error`; with `done` the broker gets and does them first.

        `skip` lets so many pass before. Rules are used up in the order made.
        """
        with self._lock:
            self._rules.append(_Rule(api, error, times, done, skip))

    def relent(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def verdict(self, request: bytes) -> tuple[bytes | None, bool]:
        """Return our answer to a request frame (None: the broker's), and whether the broker is to get it."""
        _, key, version, correlation = HEADER.unpack_from(request)
        with self._lock:
            api = KINDS.get(key)
            if api is None:
                return None, True
            self.seen[api] += 1
            rule = next((rule for rule in self._rules if rule.api is api and rule.times > 0), None)
            if rule is None:
                return None, True
            if rule.skip:
                rule.skip -= 1
                return None, True
            if (api, version) not in ANSWERS:
                self.strange.append(f"{api.name} v{version}")
                return None, True
            rule.times -= 1
            self.refused[api, rule.error.__name__] += 1
            return _answer(api, version, correlation, request, rule.error.errno), rule.done


def _answer(api: Api, version: int, correlation: int, request: bytes, code: int) -> bytes:
    kind, compose = ANSWERS[api, version]
    (client_chars,) = struct.unpack_from(">h", request, HEADER.size)
    body = request[HEADER.size + 2 + max(client_chars, 0) :]
    answer: bytes = kind.RESPONSE_TYPE(*compose(kind.decode(body), code)).encode()
    return struct.pack(">ii", len(answer) + 4, correlation) + answer


class _Frames:
    """A Kafka connection: pieces are whole requests and answers, which come in the order of the requests."""

    def __init__(self, judge: Callable[[bytes], tuple[bytes | None, bool]]) -> None:
        self._judge = judge
        self._owed: deque[tuple[bytes | None, bool]] = deque()
        """For each request not yet answered: our answer if there is one, and whether the broker answers too."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next frame with its size, empty at the end."""
        try:
            size = await reader.readexactly(4)
            return size + await reader.readexactly(int.from_bytes(size))
        except asyncio.IncompleteReadError:
            return b""

    def from_client(self, piece: bytes) -> tuple[bytes, bytes]:
        answer, forward = self._judge(piece)
        self._owed.append((answer, forward))
        return piece if forward else b"", self._ready()

    def from_server(self, piece: bytes) -> bytes:
        answer, _ = self._owed.popleft()
        return (answer if answer is not None else piece) + self._ready()

    def _ready(self) -> bytes:
        """Take our answers that nothing of the broker's stands before."""
        ready = b""
        while self._owed and not self._owed[0][1]:
            ready += self._owed.popleft()[0] or b""
        return ready


@contextlib.contextmanager
def open_kafka_proxy(behind: int, *, advertised: int) -> Iterator[KafkaProxy]:
    """Stand at the broker's `advertised` port and pass on to the one `behind` it."""
    proxy = KafkaProxy()
    with open_proxy(behind, port=advertised, conversation=lambda: _Frames(proxy.verdict)) as link:
        proxy.link = link
        yield proxy
