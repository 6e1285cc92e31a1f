"""Records that end the process each time they are handled: found out by notes that outlive it, and put aside.

A process that dies leaves no word about which record did it, and the next one reads the same records again. So at a
start the first batch of each partition is noted at the group's position before it is handled; the commit behind it
voids the note, and from then on nothing is noted: steady work costs nothing. A note that is found means that a process
ended with those records in hand. They are then handled in smaller portions, each noted before: few together, then one
by one. A record that was alone in hand at the end of two processes is condemned; one end could be a kill from outside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from shared.eventlog import Mark, Reader, Record

FEW_RECORDS = 20


class Suspicion(IntEnum):
    """What was in hand when a process ended: many records, few, one, or one for the second time."""

    MANY = 0
    FEW = 1
    ALONE = 2
    ALONE_AGAIN = 3


@dataclass(frozen=True)
class Note:
    """Says of the records from `start` up to `end` of a partition that they are in hand."""

    suspicion: Suspicion
    start: int
    end: int

    @classmethod
    def read(cls, text: str) -> "Note":
        """Read what `text` wrote."""
        suspicion, start, end = text.split()
        return cls(Suspicion(int(suspicion)), int(start), int(end))

    @property
    def text(self) -> str:
        """The note as the log keeps it."""
        return f"{int(self.suspicion)} {self.start} {self.end}"


@dataclass(frozen=True)
class Portion:
    """Records to be handled together, between `marks` that are left `before` and `after`; or, condemned, not at all."""

    records: Sequence[Record]
    before: tuple[Mark, ...] = ()
    after: tuple[Mark, ...] = ()
    condemned: bool = False


class Caution:
    """Divides what one reader reads into portions, nearly always one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._looked: set[int] = set()  # partitions whose notes were asked for
        self._noted: set[int] = set()  # and those that need none from us any more
        self._doubt: dict[int, Note] = {}
        self._open: dict[int, int] = {}  # partition: where our note stands until a commit voids it

    async def divide(self, records: Sequence[Record]) -> list[Portion]:
        """Return the portions to handle, in order. Raises Unavailable."""
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        if new := by_partition.keys() - self._looked:
            marks = await self._reader.marks()
            self._doubt.update({mark.partition: Note.read(mark.note) for mark in marks if mark.partition in new})
            self._looked |= new
        portions: list[Portion] = []
        free: list[Record] = []
        for partition, mine in by_partition.items():
            if partition in self._doubt:
                portions.extend(_portions(mine, self._doubt[partition]))
            else:
                free.extend(mine)
        if free:
            unnoted = [by_partition[p] for p in by_partition.keys() - self._noted - self._doubt.keys()]
            portions.append(Portion(free, tuple(_mark(mine, _of(len(records))) for mine in unnoted)))
        return portions

    async def begin(self, portion: Portion) -> None:
        """Leave the notes of a portion that is about to be handled. Raises Unavailable."""
        if portion.before:
            await self._reader.mark(portion.before)
            self._noted |= {mark.partition for mark in portion.before}
            self._open.update({mark.partition: mark.offset for mark in portion.before})

    async def end(self, portion: Portion) -> None:
        """Leave the notes of a portion that was handled. Raises Unavailable."""
        if portion.after:
            await self._reader.mark(portion.after)
            for mark in portion.after:
                self._open.pop(mark.partition, None)

    def settled(self, records: Sequence[Record]) -> None:
        """Take note that `records` are committed."""
        for record in records:
            self._noted.add(record.partition)
            self._open.pop(record.partition, None)
            doubt = self._doubt.get(record.partition)
            if doubt is not None and record.offset + 1 >= doubt.end:
                del self._doubt[record.partition]

    async def withdraw(self) -> None:
        """Take back the notes of what was in hand: the process ends for another reason. Raises Unavailable."""
        if self._open:
            await self._reader.mark([Mark(partition, offset, "") for partition, offset in self._open.items()])
            self._open.clear()


def _of(count: int) -> Suspicion:
    if count > FEW_RECORDS:
        return Suspicion.MANY
    return Suspicion.FEW if count > 1 else Suspicion.ALONE


def _mark(part: Sequence[Record], suspicion: Suspicion) -> Mark:
    """Return the note about records of one partition, standing where they begin."""
    note = Note(suspicion, part[0].offset, part[-1].offset + 1)
    return Mark(part[0].partition, part[0].offset, note.text)


def _portions(mine: Sequence[Record], doubt: Note) -> Iterator[Portion]:
    """Divide the records of one partition, those in doubt finely. Each portion is over before the next begins."""
    before = [record for record in mine if record.offset < doubt.start]
    suspects = [record for record in mine if doubt.start <= record.offset < doubt.end]
    after = [record for record in mine if record.offset >= doubt.end]
    if before:
        yield _portion(before, _of(len(before)))
    size = FEW_RECORDS if doubt.suspicion is Suspicion.MANY else 1
    for start in range(0, len(suspects), size):
        part = suspects[start : start + size]
        if doubt.suspicion is Suspicion.ALONE_AGAIN:
            yield Portion(part, after=(_void(part),), condemned=True)
        elif doubt.suspicion is Suspicion.ALONE:
            yield _portion(part, Suspicion.ALONE_AGAIN)
        else:
            yield _portion(part, _of(len(part)))
    if after:
        yield _portion(after, _of(len(after)))


def _portion(part: Sequence[Record], suspicion: Suspicion) -> Portion:
    return Portion(part, before=(_mark(part, suspicion),), after=(_void(part),))


def _void(part: Sequence[Record]) -> Mark:
    return Mark(part[-1].partition, part[-1].offset + 1, "")
