"""Records that end the process each time they are handled: found out by notes that outlive it, and put aside.

A process that dies leaves no word about which record did it, and the next one reads the same records again. So at a
start the first batch of each partition is noted at the group's position before it is handled; the commit behind it
voids the note, and from then on nothing is noted: steady work costs nothing. A note that is found means that a process
ended with that batch in hand. Its records are then taken one by one, each noted before it is handled, until the end
of that batch; one that was alone in hand at the end of two processes is condemned at its third turn.
"""

from collections.abc import Sequence
from enum import StrEnum

from shared.eventlog import Mark, Reader, Record

TURNS = 2
"""How many processes may end with a record alone in hand. One could be chance: a kill from outside that hit it."""
PATIENCE = 2_000
"""How many records are taken one by one at most, should the partition in doubt have become another member's."""


class Verdict(StrEnum):
    """What to do with records just read."""

    HANDLE = "handle"
    READ_SINGLY = "read singly"
    CONDEMNED = "condemned"


class Caution:
    """Judges what one reader reads. `doubtful` is whether the next read should ask for a single record."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._begun: set[int] = set()
        self._doubt: dict[int, int] = {}  # partition: where the batch that was in hand ended
        self._turns: dict[tuple[int, int], int] = {}
        self._open: dict[int, int] = {}  # partition: the offset of our note, until a commit voids it
        self._patience = 0

    @property
    def doubtful(self) -> bool:
        """Whether some records must be taken one by one."""
        return bool(self._doubt)

    async def judge(self, records: Sequence[Record]) -> Verdict:
        """Say how to go on with `records`, having noted what must be. Raises Unavailable; then nothing is decided.

        After READ_SINGLY the reader is to be rewound, and asked for one record at a time while `doubtful`.
        """
        first, end = _extents(records)
        new = first.keys() - self._begun
        if new and await self._found(first, new) and len(records) > 1:
            return Verdict.READ_SINGLY
        if self._doubt and len(records) == 1:
            return await self._judge_single(records[0])
        if new:
            await self._note({p: (first[p], 1 if len(records) == 1 else 0, end[p]) for p in new})
            self._begun |= new
        return Verdict.HANDLE

    def settled(self, records: Sequence[Record]) -> None:
        """Take note that `records` are committed."""
        for record in records:
            self._open.pop(record.partition, None)
            if record.offset + 1 >= self._doubt.get(record.partition, record.offset + 2):
                del self._doubt[record.partition]
        if self._doubt:
            self._patience -= len(records)
            if self._patience <= 0:
                self._doubt.clear()

    async def withdraw(self) -> None:
        """Take back the notes of what was in hand: the process ends for another reason. Raises Unavailable."""
        if self._open:
            await self._reader.mark([Mark(partition, offset, "") for partition, offset in self._open.items()])
            self._open.clear()

    async def _found(self, first: dict[int, int], new: set[int]) -> bool:
        """Read the notes at the beginning of partitions that are new; return whether there were any."""
        marks = [mark for mark in await self._reader.marks() if mark.partition in new and mark.note]
        for mark in marks:
            turns, _, end = mark.note.partition(" ")
            self._turns[mark.partition, first[mark.partition]] = int(turns)
            self._doubt[mark.partition] = int(end)
            self._begun.add(mark.partition)
            self._patience = PATIENCE
        return bool(marks)

    async def _judge_single(self, record: Record) -> Verdict:
        partition, offset = record.partition, record.offset
        turns = self._turns.get((partition, offset), 0)
        if turns >= TURNS:
            return Verdict.CONDEMNED
        await self._note({partition: (offset, turns + 1, max(self._doubt.get(partition, 0), offset + 1))})
        self._begun.add(partition)
        return Verdict.HANDLE

    async def _note(self, notes: dict[int, tuple[int, int, int]]) -> None:
        marks = [Mark(partition, offset, f"{turns} {end}") for partition, (offset, turns, end) in notes.items()]
        await self._reader.mark(marks)
        self._open.update({mark.partition: mark.offset for mark in marks})


def _extents(records: Sequence[Record]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first offset of each partition, and the one behind its last."""
    first: dict[int, int] = {}
    end: dict[int, int] = {}
    for record in records:
        first.setdefault(record.partition, record.offset)
        end[record.partition] = record.offset + 1
    return first, end
