"""Who of a group reads which partition. As in Kafka, every change of members sends all of them back to the commit."""

from typing import Generic, TypeVar

M = TypeVar("M")


class Group(Generic[M]):
    """The members of one group on one topic within this process; partitions are dealt out in turn.

    `generation` changes with every join and leave. A member that read under an older one must forget what it has
    not committed, because the partition may be another's now.
    """

    def __init__(self) -> None:
        self._members: list[M] = []
        self.generation = 0

    def join(self, member: M) -> None:
        """Take a member in."""
        self._members.append(member)
        self.generation += 1

    def leave(self, member: M) -> None:
        """Let a member go."""
        self._members.remove(member)
        self.generation += 1

    def share(self, member: M, partitions: int) -> tuple[int, ...]:
        """Return the partitions that are the member's to read; more members than partitions leave some with none."""
        place = self._members.index(member)
        return tuple(p for p in range(partitions) if p % len(self._members) == place)
