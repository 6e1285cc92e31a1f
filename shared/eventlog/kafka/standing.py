"""What a member of a group has in hand, and how far the group is behind in its partitions. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.eventlog import Lag, Record


@dataclass(frozen=True)
class Standing:
    """A partition of ours as the client last saw it: where it reads on, the partition's end, the last answer's stamp.

    Any of them is None while unknown. The stamp changes with every answer of the broker, even an empty one.
    """

    partition: int
    position: int | None
    end: int | None
    answered: int | None

    @property
    def behind(self) -> bool:
        """Whether there is something to read."""
        return self.position is not None and self.end is not None and self.position < self.end


@dataclass
class _Held:
    first: int
    since: datetime
    next: int


class Hand:
    """The records read and not yet committed, by partition."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def take(self, records: Sequence[Record]) -> None:
        """Add records just read; those of a partition come in order."""
        for record in records:
            held = self._held.setdefault(record.partition, _Held(record.offset, record.timestamp, record.offset))
            held.next = record.offset + 1

    def ends(self) -> dict[int, int]:
        """Return what to commit: of each partition the offset behind the last record read."""
        return {partition: held.next for partition, held in self._held.items()}

    def starts(self) -> dict[int, int]:
        """Return what is committed: of each partition in hand the offset of the first record read."""
        return {partition: held.first for partition, held in self._held.items()}

    def since(self) -> dict[int, datetime]:
        """Return the timestamp of the first record in hand of each partition."""
        return {partition: held.since for partition, held in self._held.items()}

    def clear(self) -> None:
        """Forget all: it is committed, or another's."""
        self._held.clear()


def lag(standings: Iterable[Standing], hand: Hand, not_before: Mapping[int, datetime]) -> Lag:
    """Return how far the group is behind in these partitions.

    The oldest record is known where it is in hand. Where it is not yet read, `not_before` has a moment that it is not
    older than: when the record before it was taken, or when nothing was left to read.
    """
    starts, since = hand.starts(), hand.since()
    records = 0
    moments: list[datetime] = []
    for standing in standings:
        committed = starts.get(standing.partition, standing.position)
        if committed is None or standing.end is None or committed >= standing.end:
            continue
        records += standing.end - committed
        moment = since.get(standing.partition, not_before.get(standing.partition))
        if moment is not None:
            moments.append(moment)
    return Lag(records, min(moments, default=None))
