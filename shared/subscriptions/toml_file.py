"""subscriptions.toml: `[[subscription]]` tables, each as `parse` describes, mistakes with their line.

`tomllib` gives no positions, so the file is cut into statements (a header or a key with its value, however many
lines), each of which is TOML by itself.
"""

import re
import tomllib
from collections.abc import Iterator

from shared.subscriptions.mistakes import Mistake, Path, SubscriptionError
from shared.subscriptions.model import MADE_ID_PREFIX, Subscription, Webhook
from shared.subscriptions.parse import read_subscription
from shared.subscriptions.values import suggest_key

TABLE = "subscription"
AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def parse_subscriptions(text: str, *, file: str = "subscriptions.toml") -> tuple[Subscription, ...]:
    """Read every subscription of a file; raises SubscriptionError with all mistakes, each with file and line.

    A webhook needs its secret here, since nobody could be shown one that we made up. Ids are unique in the file.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = AT_LINE.search(str(error))
        line = int(found[1]) if found else len(text.split("\n")) or 1
        reason = AT_LINE.sub("", str(error)).replace("(at end of document)", "").strip()
        raise SubscriptionError((Mistake((), f"not TOML: {reason}", file=file, line=line),)) from error
    mistakes: list[Mistake] = []
    subscriptions = _read(document, mistakes)
    if mistakes:
        lines: dict[Path, tuple[int, int]] = {}
        for path, span in _positions(text):
            for end in range(1, len(path) + 1):
                lines.setdefault(path[:end], span)
        source = text.split("\n")
        placed = (Mistake(m.path, m.reason, m.suggestion, file, _line(m, document, lines, source)) for m in mistakes)
        raise SubscriptionError(tuple(sorted(placed, key=lambda m: m.line or 0)))
    return subscriptions


def _read(document: dict[str, object], mistakes: list[Mistake]) -> tuple[Subscription, ...]:
    mistakes.extend(
        Mistake((key,), f"unknown key {key!r}", suggest_key(key, (TABLE,))) for key in document if key != TABLE
    )
    tables = document.get(TABLE, [])
    if not isinstance(tables, list):
        mistakes.append(Mistake((TABLE,), "must be written as a list", "begin each with [[subscription]]"))
        return ()
    found: list[Subscription] = []
    for index, table in enumerate(tables):
        path: Path = (TABLE, index)
        subscription = read_subscription(table, path, mistakes)
        if subscription is None:
            continue
        if subscription.id in (other.id for other in found):
            mistakes.append(Mistake((*path, "id"), f"id {subscription.id!r} is taken by another", "give it its own id"))
        if subscription.id.startswith(MADE_ID_PREFIX):
            mistakes.append(Mistake((*path, "id"), f"ids with {MADE_ID_PREFIX!r} belong to the API"))
        if isinstance(subscription.channel, Webhook) and not subscription.channel.secret:
            mistakes.append(
                Mistake(
                    (*path, "channel", "webhook"),
                    "a webhook needs a secret, or its receiver cannot tell our messages from anyone's",
                    "`attache subscriptions secret` makes one",
                )
            )
        found.append(subscription)
    return tuple(found)


def _line(mistake: Mistake, document: object, lines: dict[Path, tuple[int, int]], source: list[str]) -> int | None:
    """Return the line of the nearest known ancestor of the path; within its statement, the one that shows the value."""
    path = mistake.path
    while path and path not in lines:
        path = path[:-1]
    if path not in lines:
        return None
    first, last = lines[path]
    value = document
    for part in mistake.path:
        if isinstance(value, dict | list):
            try:
                value = value[part]  # type: ignore[index]  # a key for a table, an index for a list
            except (KeyError, IndexError):
                break
    for word in _spellings(value, mistake.path[-1]):
        for number in range(first, last + 1):
            if word in source[number - 1]:
                return number
    return first


def _spellings(value: object, key: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (f'"{value}"', f"'{value}'", value)
    if isinstance(key, str):
        yield key


def _positions(text: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield the path of each statement with its first and last line."""
    here: Path = ()
    counts: dict[Path, int] = {}
    for first, last, statement, written in _statements(text):
        keys: list[str] = []
        value: object = statement
        while isinstance(value, dict) and len(value) == 1:
            key, value = next(iter(value.items()))
            keys.append(key)
        if not written.lstrip().startswith("["):
            yield (*here, *keys), (first, last)
            continue
        here = ()
        repeated = written.lstrip().startswith("[[")
        for depth, key in enumerate(keys):
            here = (*here, key)
            if repeated and depth == len(keys) - 1:
                counts[here] = counts.get(here, -1) + 1
            if here in counts:
                here = (*here, counts[here])
        yield here, (first, last)


def _statements(text: str) -> Iterator[tuple[int, int, dict[str, object], str]]:
    pending: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending:
            first = number
        pending.append(line)
        written = "\n".join(pending)
        try:
            statement = tomllib.loads(written)
        except tomllib.TOMLDecodeError:
            continue
        pending.clear()
        if statement:
            yield first, number, statement, written
