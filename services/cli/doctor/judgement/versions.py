"""Whether interpreter and libraries are those this version was written for."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.doctor.finding import Finding, failure, ok, warning

Version = tuple[int, ...]

PYTHON_FROM, PYTHON_TESTED = (3, 11), (3, 13)
SQLITE_FROM = (3, 35)
"""RETURNING."""
EXPAT_FROM = (2, 4, 1)
"""The first that bounds how far entities may blow a document up."""
LIBXML2_FROM = (2, 14)
"""The oldest whose bound on entities was tried."""
FEEDPARSER = (6, 0)
"""The tolerant parser's sanitiser and date reader are private to it and may change with a minor version."""


@dataclass(frozen=True)
class Versions:
    """What runs here. `broker_client` is the Kafka client's version; None where the log is not Kafka.

    `slow_client` says why the client has no C extension, if so.
    """

    attache: str
    python: Version
    sqlite: Version
    expat: Version
    libxml2: Version
    feedparser: Version
    broker_client: str | None = None
    slow_client: str | None = None


def judge_versions(seen: Versions) -> Sequence[Finding]:
    """Judge what runs here."""
    told = [
        f"Attaché {seen.attache}",
        f"Python {dotted(seen.python)}",
        f"SQLite {dotted(seen.sqlite)}",
        f"expat {dotted(seen.expat)}",
        f"libxml2 {dotted(seen.libxml2)}",
        f"feedparser {dotted(seen.feedparser)}",
        *([f"aiokafka {seen.broker_client}"] if seen.broker_client else []),
    ]
    return [ok(", ".join(told)), *_interpreter(seen), *_libraries(seen)]


def _interpreter(seen: Versions) -> list[Finding]:
    minor = seen.python[:2]
    if minor < PYTHON_FROM:
        return [failure(f"Python {dotted(seen.python)} is too old", f"Install Python {dotted(PYTHON_FROM)} or newer.")]
    if minor > PYTHON_TESTED:
        return [
            warning(
                f"Python {dotted(seen.python)} is newer than this version of Attaché was tested on",
                f"Use Python {dotted(PYTHON_FROM)} to {dotted(PYTHON_TESTED)}, or a later version of Attaché.",
            )
        ]
    return []


def _libraries(seen: Versions) -> list[Finding]:
    found: list[Finding] = []
    if seen.sqlite < SQLITE_FROM:
        found.append(
            failure(
                f"SQLite {dotted(seen.sqlite)} is too old",
                f"Use a Python built with SQLite {dotted(SQLITE_FROM)} or newer.",
            )
        )
    if seen.expat < EXPAT_FROM:
        found.append(
            failure(
                f"expat {dotted(seen.expat)} lets a hostile feed fill the memory",
                f"Update the system's expat to {dotted(EXPAT_FROM)} or newer.",
            )
        )
    if seen.libxml2 < LIBXML2_FROM:
        found.append(
            warning(
                f"libxml2 {dotted(seen.libxml2)} is older than its limits were tried on",
                f"Install lxml from its wheel, which brings libxml2 {dotted(LIBXML2_FROM)} or newer.",
            )
        )
    if seen.feedparser[:2] != FEEDPARSER:
        found.append(
            failure(
                f"feedparser {dotted(seen.feedparser)} is not the one this version was written for",
                f"Install feedparser {dotted(FEEDPARSER)}.x, as requirements/run.lock says.",
            )
        )
    if seen.slow_client:
        found.append(failure(seen.slow_client, "Install aiokafka as requirements/run.lock has it."))
    return found


def dotted(version: Version) -> str:
    """Write a version as people do."""
    return ".".join(map(str, version))
