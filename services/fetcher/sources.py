"""The feeds file: TOML with one `[[feed]]` table per feed, checked whole, every mistake told with file and line."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.gazetteer import load_gazetteer
from shared.identity import stable_id
from shared.settings import BadSettings
from shared.vocabulary import BODIES

KINDS = (
    "ministry",
    "armed-forces",
    "army",
    "navy",
    "air-force",
    "government",
    "alliance",
    "wire",
    "broadcaster",
    "newspaper",
    "trade",
    "think-tank",
    "media",
)
GRADES = "ABCDEF"
"""The Admiralty code's reliability of a source: A completely reliable … E unreliable, F cannot be judged."""
REQUIRED = ("name", "url", "kind", "grade")
OPTIONAL = ("site", "country", "language", "id")
MAX_URL_CHARS = 2_000
MAX_NAME_CHARS = 200

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TABLE = re.compile(r"\s*\[\[\s*feed\s*\]\]")


class BadSources(BadSettings):
    """A feeds file that cannot be used; the message lists every mistake with its place."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A feed as people describe it. `id` is the feed's identity: given, or made from the URL it first had."""

    id: str
    name: str
    url: str
    site: str | None = None
    country: str | None = None
    language: str | None = None
    kind: str = "media"
    grade: str = "F"


@dataclass(frozen=True)
class Fault:
    """A mistake in one feed's description: which key, and why."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


def load_sources(path: Path | None) -> tuple[Source, ...]:
    """Read the feeds file at `path`, or the starter list. Raises BadSources naming every mistake."""
    if path is None:
        return parse_sources(files(__package__).joinpath("sources.toml").read_text("utf-8"), "sources.toml")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSources(f"feeds file {path}: {error}") from error
    return parse_sources(text, str(path))


def parse_sources(text: str, where: str) -> tuple[Source, ...]:
    """Read a feeds file's text; `where` names it in messages. Raises BadSources."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSources(f"{where}: {error}") from error
    lines = _Lines(text)
    faults = [f"{where}: {key!r} is not known; feeds are [[feed]] tables" for key in document if key != "feed"]
    rows = document.get("feed", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadSources(f"{where}: feeds must be written as [[feed]] tables")
    if not rows:
        faults.append(f"{where}: no feeds")
    sources: list[Source] = []
    for number, row in enumerate(rows):
        checked = check(row)
        if isinstance(checked, Source):
            sources.append(checked)
        else:
            name = str(row.get("name", row.get("url", "unnamed")))[:80]
            faults += [f"{where}:{lines.of(number, fault.key)}: {name}: {fault}" for fault in checked]
    places = {id(source): lines.of(number, "url") for number, source in enumerate(sources)}  # exact without faults
    faults += [f"{where}:{places[id(twin)]}: {reason}" for twin, reason in repeats(sources)]
    if faults:
        raise BadSources("bad feeds file:\n  " + "\n  ".join(faults))
    return tuple(sources)


def check(row: Mapping[str, Any]) -> Source | tuple[Fault, ...]:
    """Read one feed's description, or tell everything that is wrong with it."""
    faults = [Fault(key, "missing") for key in REQUIRED if not row.get(key)]
    faults += [Fault(key, "not known here") for key in row if key not in REQUIRED + OPTIONAL]
    given = {key: row[key] for key in REQUIRED + OPTIONAL if row.get(key)}
    for key, value in given.items():
        if not isinstance(value, str):
            faults.append(Fault(key, f"must be a text, not {value!r}"[:120]))
        elif (reason := _CHECKS[key](value)) is not None:
            faults.append(Fault(key, reason))
    if faults:
        return tuple(faults)
    return Source(**{"id": feed_id(given["url"]), **given})


def feed_id(url: str) -> str:
    """Make the identity of a feed first seen at `url`."""
    return stable_id("feed", same_url(url))


def same_url(url: str) -> str:
    """Return what URLs of the same feed have in common: scheme, "www." and a slash at the end make no difference."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{port}{parts.path.rstrip('/')}{query}"


def repeats(sources: list[Source]) -> list[tuple[Source, str]]:
    """Find feeds that repeat an earlier one's URL, name or id."""
    found: list[tuple[Source, str]] = []
    seen: dict[tuple[str, str], Source] = {}
    for source in sources:
        for what, value in (("url", same_url(source.url)), ("name", source.name.casefold()), ("id", source.id)):
            earlier = seen.setdefault((what, value), source)
            if earlier is not source:
                found.append((source, f"{source.name}: has the same {what} as {earlier.name}"))
                break
    return found


def url_fault(url: str) -> str | None:
    """Return why a URL cannot be polled, or None."""
    if len(url) > MAX_URL_CHARS or any(c.isspace() or not c.isprintable() for c in url):
        return "is too long or holds blanks or control characters"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"http", "https"} or not host:
        return "must begin with http:// or https:// and name a host"
    if "@" in parts.netloc:
        return "must not carry a user name or password"
    return None


def _name_fault(value: str) -> str | None:
    fine = value.strip() == value and value.isprintable() and len(value) <= MAX_NAME_CHARS
    return None if fine else f"must be one printable line of at most {MAX_NAME_CHARS} characters without outer blanks"


def _country_fault(value: str) -> str | None:
    if load_gazetteer().is_party(value):
        return None
    return f"{value!r} is neither an ISO 3166-1 alpha-3 code nor one of {', '.join(sorted(BODIES))}"


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "name": _name_fault,
    "url": url_fault,
    "site": url_fault,
    "country": _country_fault,
    "language": lambda value: (
        None if _LANGUAGE.fullmatch(value) else f"{value!r} is no BCP 47 tag such as en or zh-Hans"
    ),
    "kind": lambda value: None if value in KINDS else f"{value!r} is not one of {', '.join(KINDS)}",
    "grade": lambda value: None if len(value) == 1 and value in GRADES else f"{value!r} is not one of A to F",
    "id": lambda value: None if _ID.fullmatch(value) else "must be 1 to 64 of a-z, 0-9, _ and -",
}


class _Lines:
    """Where things stand in the file; tomllib does not tell."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._starts = [n for n, line in enumerate(self._lines) if _TABLE.match(line)]

    def of(self, table: int, key: str) -> int:
        """Return the line of a key of the n-th feed, or of the feed where the key is missing; 1 where unclear."""
        if table >= len(self._starts):
            return 1
        start = self._starts[table]
        end = self._starts[table + 1] if table + 1 < len(self._starts) else len(self._lines)
        for number in range(start + 1, end):
            if re.match(rf'\s*["\']?{re.escape(key)}["\']?\s*=', self._lines[number]):
                return number + 1
        return start + 1
