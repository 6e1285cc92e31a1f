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
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from shared.subscriptions.model import (
    SECRET_BYTES,
    SECRET_PREFIX,
    Channel,
    Condition,
    Email,
    Match,
    Subscription,
    Terminal,
    Webhook,
)
from shared.subscriptions.values import Refused, suggest_key, value_of

V = TypeVar("V")
Path = tuple[str | int, ...]

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
CHANNEL_KEYS = ("webhook", "secret", "email", "terminal")
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[^@\s<>,;:\"()\[\]\\]{1,253}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NAME_CHARS = 120
URL_CHARS = 2000
MANY = 200
"""More values than this in one list are a data file, not a subscription."""


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
    table = _table(document, path, mistakes, (*OWN_KEYS, *CONDITION_WORDS))
    if table is None:
        return None
    name = _name(table, path, mistakes)
    own_id = subscription_id or _id(table, name, path, mistakes)
    enabled = table.get("enabled", True)
    if not isinstance(enabled, bool):
        mistakes.append(Mistake((*path, "enabled"), f"must be true or false, not {enabled!r}"))
    match = _match(table, path, mistakes)
    channel = _channel(table.get("channel"), (*path, "channel"), mistakes)
    if len(mistakes) > before or channel is None:
        return None
    return Subscription(id=own_id, name=name, enabled=bool(enabled), match=match, channel=channel)


def _table(document: object, path: Path, mistakes: list[Mistake], keys: tuple[str, ...]) -> dict[str, Any] | None:
    if not isinstance(document, Mapping):
        mistakes.append(Mistake(path, f"must be a table of keys, not {_kind(document)}"))
        return None
    mistakes.extend(
        Mistake((*path, str(key)), f"unknown key {key!r}", suggest_key(str(key), keys))
        for key in document
        if key not in keys
    )
    return dict(document)


def _name(table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> str:
    name = table.get("name")
    if name is None:
        mistakes.append(Mistake((*path, "name"), "missing", 'say in a few words what it is for: name = "…"'))
    elif not isinstance(name, str) or not name.strip() or len(name) > NAME_CHARS or CONTROL.search(name):
        mistakes.append(Mistake((*path, "name"), f"must be one line of 1 to {NAME_CHARS} letters, not {_show(name)}"))
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
    mistakes.append(
        Mistake((*path, "id"), f"must be up to 63 small letters, digits, '-' and '_', not {_show(written)}")
    )
    return ""


def _match(table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Match:
    lists: dict[str, tuple[Condition, ...]] = dict.fromkeys(MATCH_KEYS, ())
    short = {key: value for key, value in table.items() if key in CONDITION_WORDS}
    if short:
        lists["all"] = (_condition(short, path, mistakes),)
    written = table.get("match")
    if written is not None:
        match = _table(written, (*path, "match"), mistakes, MATCH_KEYS)
        for key in MATCH_KEYS:
            lists[key] += _conditions((match or {}).get(key, []), (*path, "match", key), mistakes)
    return Match(all=lists["all"], any=lists["any"], none=lists["none"])


def _conditions(written: object, path: Path, mistakes: list[Mistake]) -> tuple[Condition, ...]:
    if not isinstance(written, list | tuple):
        mistakes.append(Mistake(path, f"must be a list of conditions, not {_kind(written)}", "put it into [ ]"))
        return ()
    if len(written) > MANY:
        mistakes.append(Mistake(path, f"has {len(written)} conditions, the limit is {MANY}"))
        return ()
    found: list[Condition] = []
    for index, one in enumerate(written):
        table = _table(one, (*path, index), mistakes, CONDITION_WORDS)
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
        mistakes.append(Mistake(path, f"must be a text or a list of at least one, not {_show(written)}"))
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


def parse_channel(document: object) -> Channel:
    """Read a channel alone; raises SubscriptionError."""
    mistakes: list[Mistake] = []
    channel = _channel(document, ("channel",), mistakes)
    if channel is None or mistakes:
        raise SubscriptionError(tuple(mistakes))
    return channel


def _channel(written: object, here: Path, mistakes: list[Mistake]) -> Channel | None:
    if written is None:
        mistakes.append(Mistake(here, "missing", 'one of {webhook = "https://…"}, {email = "…"}, {terminal = true}'))
        return None
    if written == "terminal":
        return Terminal()
    channel = _table(written, here, mistakes, CHANNEL_KEYS)
    if channel is None:
        return None
    named = [key for key in ("webhook", "email", "terminal") if key in channel]
    if len(named) != 1:
        mistakes.append(Mistake(here, f"must have exactly one of webhook, email, terminal, not {len(named)}"))
        return None
    if "secret" in channel and named != ["webhook"]:
        mistakes.append(Mistake((*here, "secret"), "only a webhook has a secret"))
    read: dict[str, Callable[[Mapping[str, Any], Path, list[Mistake]], Channel | None]] = {
        "webhook": _webhook,
        "email": _email,
        "terminal": _terminal,
    }
    return read[named[0]](channel, here, mistakes)


def _webhook(channel: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Webhook | None:
    url, secret = channel["webhook"], channel.get("secret", "")
    if reason := bad_url(url):
        mistakes.append(Mistake((*path, "webhook"), reason))
    if "secret" in channel and (reason := bad_secret(secret)):
        mistakes.append(Mistake((*path, "secret"), reason, "`attache subscriptions secret` makes one"))
    return Webhook(url=url, secret=secret) if isinstance(url, str) and isinstance(secret, str) else None


def bad_url(url: object) -> str | None:
    """Return why `url` cannot be a webhook's address, or None. Where it leads is checked at connect."""
    if not isinstance(url, str) or len(url) > URL_CHARS or CONTROL.search(url) or " " in url:
        return f"must be an http or https URL of at most {URL_CHARS} characters, not {_show(url)}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"is no URL: {error}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"must begin with https:// (or http://) and name a host, not {_show(url)}"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or password; the signature is what the receiver checks"
    return None


def bad_secret(secret: object) -> str | None:
    """Return why `secret` is no Standard Webhooks secret, or None. The secret itself is never repeated."""
    if not isinstance(secret, str) or not secret.startswith(SECRET_PREFIX):
        return f"must begin with {SECRET_PREFIX}"
    try:
        raw = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        return f"must be base64 after {SECRET_PREFIX}"
    return None if len(raw) in SECRET_BYTES else f"must hold 24 to 64 bytes, not {len(raw)}"


def _email(channel: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Email | None:
    written = channel["email"]
    addresses = [written] if isinstance(written, str) else written
    if not isinstance(addresses, list | tuple) or not addresses:
        mistakes.append(Mistake((*path, "email"), f"must be an address or a list of them, not {_show(written)}"))
        return None
    for index, address in enumerate(addresses):
        if not isinstance(address, str) or not ADDRESS.fullmatch(address) or CONTROL.search(address):
            where = (*path, "email") if isinstance(written, str) else (*path, "email", index)
            mistakes.append(Mistake(where, f"{_show(address)} is no address like name@example.org"))
    return Email(to=tuple(map(str, addresses)))


def _terminal(channel: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Terminal:
    if channel["terminal"] is not True:
        mistakes.append(Mistake((*path, "terminal"), "must be true", "use enabled = false to switch it off"))
    return Terminal()


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…'"  # noqa: PLR2004 - what fits a line


def _kind(value: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "nothing" if value is None else type(value).__name__)
