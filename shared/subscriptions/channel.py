"""Reading a subscription's channel: {webhook, secret}, {email}, {terminal}, or "terminal"."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.subscriptions.mistakes import CONTROL, Mistake, Path, SubscriptionError, read_table, show
from shared.subscriptions.model import SECRET_BYTES, SECRET_PREFIX, Channel, Email, Terminal, Webhook

CHANNEL_KEYS = ("webhook", "secret", "email", "terminal")
ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[^@\s<>,;:\"()\[\]\\]{1,253}")
URL_CHARS = 2000


def parse_channel(document: object) -> Channel:
    """Read a channel alone; raises SubscriptionError."""
    mistakes: list[Mistake] = []
    channel = read_channel(document, ("channel",), mistakes)
    if channel is None or mistakes:
        raise SubscriptionError(tuple(mistakes))
    return channel


def read_channel(written: object, here: Path, mistakes: list[Mistake]) -> Channel | None:
    """Read a channel that stands at `here`, adding to `mistakes`; None where it cannot be read at all."""
    if written is None:
        mistakes.append(Mistake(here, "missing", 'one of {webhook = "https://…"}, {email = "…"}, {terminal = true}'))
        return None
    if written == "terminal":
        return Terminal()
    channel = read_table(written, here, mistakes, CHANNEL_KEYS)
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
        return f"must be an http or https URL of at most {URL_CHARS} characters, not {show(url)}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"is no URL: {error}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"must begin with https:// (or http://) and name a host, not {show(url)}"
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
        mistakes.append(Mistake((*path, "email"), f"must be an address or a list of them, not {show(written)}"))
        return None
    for index, address in enumerate(addresses):
        if not isinstance(address, str) or not ADDRESS.fullmatch(address) or CONTROL.search(address):
            where = (*path, "email") if isinstance(written, str) else (*path, "email", index)
            mistakes.append(Mistake(where, f"{show(address)} is no address like name@example.org"))
    return Email(to=tuple(map(str, addresses)))


def _terminal(channel: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Terminal:
    if channel["terminal"] is not True:
        mistakes.append(Mistake((*path, "terminal"), "must be true", "use enabled = false to switch it off"))
    return Terminal()
