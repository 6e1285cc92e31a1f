"""Exercises, bases and agreements: the names that tell one matter of a dyad from another."""

import re
from collections.abc import Iterable, Mapping

from shared.gazetteer import Gazetteer
from shared.gazetteer.model import Kind

INSTRUMENT_KINDS = (Kind.EXERCISE, Kind.BASE, Kind.AGREEMENT)

Kinds = Mapping[str, str]
"""From a name as it stands in `Decision.names` to the kind of instrument it is; people and forums are left out."""


def instrument_kinds(gazetteer: Gazetteer) -> dict[str, str]:
    """Return the kind of every instrument the gazetteer knows, by its slug."""
    return {slug(one.name): str(one.kind) for one in gazetteer.mentions if one.kind in INSTRUMENT_KINDS}


def instruments(names: Iterable[str], kinds: Kinds) -> frozenset[str]:
    """Return those of `names` that are instruments, each as "kind:name"."""
    return frozenset(f"{kinds[name]}:{name}" for name in names if name in kinds)


def contradict(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether both name instruments of one kind, say exercises, and none of any kind is common to them."""
    return one.isdisjoint(other) and not _kinds(one).isdisjoint(_kinds(other))


def slug(name: str) -> str:
    """Write a canonical name as it stands in `Decision.names`: "Angkor Sentinel" is angkor-sentinel."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _kinds(named: frozenset[str]) -> set[str]:
    return {one.partition(":")[0] for one in named}
