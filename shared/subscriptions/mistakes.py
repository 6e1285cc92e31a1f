"""How mistakes in a subscription are told: each with its place, its reason, and what to write instead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.subscriptions.values import suggest_key

Path = tuple[str | int, ...]
"""Keys and indices from the document's root to a value."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Mistake:
    """One thing wrong: where (path, and line in a file), why, and what to write instead where we know."""

    path: Path
    reason: str
    suggestion: str | None = None
    file: str | None = None
    line: int | None = None

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer (RFC 6901), for problem details of the API."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    @property
    def place(self) -> str:
        """The place in the way people write it: match.any[0].topic."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.lstrip(".")

    def __str__(self) -> str:
        """Write the mistake in one line."""
        where = [f"{self.file}:{self.line}" if self.line else self.file] if self.file else []
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return ": ".join((*(w for w in where if w), *((self.place,) if self.path else ()), self.reason + hint))


class SubscriptionError(Exception):
    """One or more subscriptions cannot be used; `mistakes` lists every reason, the message has one a line."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def read_table(document: object, path: Path, mistakes: list[Mistake], keys: tuple[str, ...]) -> dict[str, Any] | None:
    """Read a table that may have only `keys`, adding to `mistakes`; None if it is no table."""
    if not isinstance(document, Mapping):
        mistakes.append(Mistake(path, f"must be a table of keys, not {kind(document)}"))
        return None
    mistakes.extend(
        Mistake((*path, str(key)), f"unknown key {key!r}", suggest_key(str(key), keys))
        for key in document
        if key not in keys
    )
    return dict(document)


def show(value: object) -> str:
    """Return a value as it was written, short enough for a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…'"  # noqa: PLR2004 - what fits a line


def kind(value: object) -> str:
    """Name what sort of value it is."""
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "nothing" if value is None else type(value).__name__)
