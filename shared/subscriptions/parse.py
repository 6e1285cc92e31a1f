"""Reading a subscription from JSON data (or TOML, `toml_file`): every mistake at once, each with its place.

    {"name": "US and Cambodia, beyond talk",
     "dyads": ["KHM-USA"], "statuses": ["agreed-signed", "begun", "resumed"], "min_severity": "P2",
     "match": {"any": [{"topic": "joint-exercise"}, {"text": "Ream"}], "none": [{"status": "denied"}]},
     "channel": {"webhook": "https://example.org/hook"}}

Keys of a condition, in the singular with one value or in the plural with a list: topic(s), status(es), aim(s),
party/parties, dyad(s), language(s), kind(s), text, min_severity. Beside `name` they are short for one more condition
under `match.all`. Channel: one of webhook (with secret), email, terminal.
"""

import re
from collections.abc import Mapping
from typing import Any

from shared.subscriptions.channel import read_channel
from shared.subscriptions.mistakes import CONTROL, Mistake, Path, SubscriptionError, kind, read_table, show
from shared.subscriptions.model import Condition, Match, Subscription
from shared.subscriptions.values import Refused, value_of

CONDITION_KEYS = {
    "topic": "topics",
    "status": "statuses",
    "aim": "aims",
    "party": "parties",
    "dyad": "dyads",
    "language": "languages",
    "kind": "kinds",
}
"""Singular and plural of the keys that take several values."""
PLURALS = {plural: singular for singular, plural in CONDITION_KEYS.items()}
CONDITION_WORDS = (*CONDITION_KEYS, *PLURALS, "text", "min_severity")
OWN_KEYS = ("id", "name", "enabled", "match", "channel")
MATCH_KEYS = ("all", "any", "none")
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NAME_CHARS = 120
MANY = 200
"""More values than this in one list are a data file, not a subscription."""


def parse_subscription(document: object, *, subscription_id: str | None = None) -> Subscription:
    """Read one subscription from JSON data; raises SubscriptionError with every mistake in it.

    `subscription_id` overrules the document's own id; without either the id is made from the name. A webhook's
    secret may be missing here: who keeps the subscription makes one (`new_secret`, `with_secret`).
    """
    mistakes: list[Mistake] = []
    subscription = read_subscription(document, (), mistakes, subscription_id=subscription_id)
    if subscription is None or mistakes:
        raise SubscriptionError(tuple(mistakes))
    return subscription


def read_subscription(
    document: object, path: Path, mistakes: list[Mistake], *, subscription_id: str | None = None
) -> Subscription | None:
    """Read one subscription, adding to `mistakes`; None if there were any."""
    before = len(mistakes)
    table = read_table(document, path, mistakes, (*OWN_KEYS, *CONDITION_WORDS))
    if table is None:
        return None
    name = _name(table, path, mistakes)
    own_id = subscription_id or _id(table, name, path, mistakes)
    enabled = table.get("enabled", True)
    if not isinstance(enabled, bool):
        mistakes.append(Mistake((*path, "enabled"), f"must be true or false, not {enabled!r}"))
    match = _match(table, path, mistakes)
    channel = read_channel(table.get("channel"), (*path, "channel"), mistakes)
    if len(mistakes) > before or channel is None:
        return None
    return Subscription(id=own_id, name=name, enabled=bool(enabled), match=match, channel=channel)


def _name(table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> str:
    name = table.get("name")
    if name is None:
        mistakes.append(Mistake((*path, "name"), "missing", 'say in a few words what it is for: name = "…"'))
    elif not isinstance(name, str) or not name.strip() or len(name) > NAME_CHARS or CONTROL.search(name):
        mistakes.append(Mistake((*path, "name"), f"must be one line of 1 to {NAME_CHARS} letters, not {show(name)}"))
    else:
        return name.strip()
    return ""


def _id(table: Mapping[str, Any], name: str, path: Path, mistakes: list[Mistake]) -> str:
    written = table.get("id")
    if written is None:
        made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
        if name and not made:
            mistakes.append(Mistake((*path, "id"), "missing, and the name has no Latin letter to make one of"))
        return made
    if isinstance(written, str) and ID.fullmatch(written):
        return written
    mistakes.append(Mistake((*path, "id"), f"must be up to 63 small letters, digits, '-' and '_', not {show(written)}"))
    return ""


def _match(table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Match:
    lists: dict[str, tuple[Condition, ...]] = dict.fromkeys(MATCH_KEYS, ())
    short = {key: value for key, value in table.items() if key in CONDITION_WORDS}
    if short:
        lists["all"] = (_condition(short, path, mistakes),)
    written = table.get("match")
    if written is not None:
        match = read_table(written, (*path, "match"), mistakes, MATCH_KEYS)
        for key in MATCH_KEYS:
            lists[key] += _conditions((match or {}).get(key, []), (*path, "match", key), mistakes)
    return Match(all=lists["all"], any=lists["any"], none=lists["none"])


def _conditions(written: object, path: Path, mistakes: list[Mistake]) -> tuple[Condition, ...]:
    if not isinstance(written, list | tuple):
        mistakes.append(Mistake(path, f"must be a list of conditions, not {kind(written)}", "put it into [ ]"))
        return ()
    if len(written) > MANY:
        mistakes.append(Mistake(path, f"has {len(written)} conditions, the limit is {MANY}"))
        return ()
    found: list[Condition] = []
    for index, one in enumerate(written):
        table = read_table(one, (*path, index), mistakes, CONDITION_WORDS)
        if table is None:
            continue
        if not table:
            mistakes.append(Mistake((*path, index), "an empty condition says nothing"))
        found.append(_condition(table, (*path, index), mistakes))
    return tuple(found)


def _condition(table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Condition:
    values: dict[str, Any] = {}
    for key, written in table.items():
        plural = CONDITION_KEYS.get(key, key)
        if key in CONDITION_KEYS and plural in table:
            mistakes.append(Mistake((*path, key), f"{key} and {plural} are the same key; keep one"))
        elif key == "min_severity":
            values[key] = _one("min_severity", written, (*path, key), mistakes)
        elif plural in PLURALS or key == "text":
            values[plural] = _several(PLURALS.get(plural, "text"), written, (*path, key), mistakes)
    return Condition(**values)


def _several(kind: str, written: object, path: Path, mistakes: list[Mistake]) -> tuple[Any, ...]:
    if isinstance(written, str):
        one = _one(kind, written, path, mistakes)
        return () if one is None else (one,)
    if not isinstance(written, list | tuple) or not written:
        mistakes.append(Mistake(path, f"must be a text or a list of at least one, not {show(written)}"))
        return ()
    if len(written) > MANY:
        mistakes.append(Mistake(path, f"has {len(written)} values, the limit is {MANY}"))
        return ()
    found = (_one(kind, one, (*path, index), mistakes) for index, one in enumerate(written))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _one(kind: str, written: object, path: Path, mistakes: list[Mistake]) -> Any:
    try:
        return value_of(kind, written)
    except Refused as refused:
        mistakes.append(Mistake(path, refused.reason, refused.suggestion))
        return None
