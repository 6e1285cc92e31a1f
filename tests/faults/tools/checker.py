"""What a fault may not have done: the sets, orders and resources that are compared once it has healed.

After ducktape's produce-consume-validate and Jepsen's queue checker: what was acknowledged must be stored, what is
stored must have been sent, a key's records must first appear in the order sent, an offset must have one value.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shared.eventlog import Record

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Verdict:
    """`lost`: acknowledged, not stored. `phantom`: stored, never sent. `doubled`: stored more than once."""

    lost: frozenset[Hashable] = frozenset()
    phantom: frozenset[Hashable] = frozenset()
    doubled: frozenset[Hashable] = frozenset()


FLAWLESS = Verdict()


def judge(*, acked: Iterable[T], stored: Iterable[T], sent: Iterable[T] | None = None) -> Verdict:
    """Compare what was acknowledged with what is stored; `sent` is all that was tried, if that is more."""
    promised, there = set(acked), Counter(stored)
    tried = promised if sent is None else set(sent) | promised
    return Verdict(
        lost=frozenset(promised - there.keys()),
        phantom=frozenset(there.keys() - tried),
        doubled=frozenset(one for one, count in there.items() if count > 1),
    )


def misplaced(arrivals: Iterable[tuple[Hashable, int]]) -> list[tuple[Hashable, int, int]]:
    """Return where, of one key, a higher number appeared for the first time before a lower one.

    Given (key, number) in order of arrival, numbers rising as they were sent. A number that comes again is a replay.
    """
    highest: dict[Hashable, int] = {}
    seen: defaultdict[Hashable, set[int]] = defaultdict(set)
    found = []
    for key, number in arrivals:
        if number not in seen[key] and number < highest.get(key, number):
            found.append((key, highest[key], number))
        seen[key].add(number)
        highest[key] = max(highest.get(key, number), number)
    return found


def ambiguous(*readings: Iterable[Record]) -> frozenset[str]:
    """Return the places (topic, partition, offset) at which different readings found different values."""
    values: defaultdict[str, set[tuple[str, bytes]]] = defaultdict(set)
    for reading in readings:
        for record in reading:
            values[record.where].add((record.key, record.value))
    return frozenset(where for where, found in values.items() if len(found) > 1)


def with_several_ids(deliveries: Iterable[tuple[T, str]]) -> frozenset[T]:
    """Return what was delivered under more than one id, given (what, id); under one id it may come often."""
    ids: defaultdict[T, set[str]] = defaultdict(set)
    for what, name in deliveries:
        ids[what].add(name)
    return frozenset(what for what, found in ids.items() if len(found) > 1)


@dataclass(frozen=True)
class Resources:
    """What a process holds now: resident bytes, open files, threads."""

    resident_bytes: int
    files: int
    threads: int


def resources(pid: int) -> Resources:
    """Read what process `pid` holds."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return Resources(
        resident_bytes=int(status["VmRSS"].split()[0]) * 1024,
        files=sum(1 for _ in (process / "fd").iterdir()),
        threads=int(status["Threads"]),
    )
