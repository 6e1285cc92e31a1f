"""The event log, whichever engine it is."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from services.cli.doctor.finding import Check, Finding, skipped
from services.cli.doctor.judgement.files import SqliteFile, judge_file
from services.cli.doctor.judgement.groups import Group, judge_groups
from shared.eventlog import BadLog, Unavailable
from shared.eventlog.lock import owner
from shared.eventlog.sqlite_file import LogFile
from shared.settings import Settings
from shared.topics import ALERTS, ARTICLES, TAGGED_ARTICLES

READERS = (("tagger", ARTICLES), ("store", TAGGED_ARTICLES), ("notifier", ALERTS))
"""Which stage reads which topic; a stage's name is its group's."""
SQLITE = "sqlite:///"


def log_checks(settings: Settings) -> Sequence[Check]:
    """Return the checks that the engine of LOG_URL calls for."""
    if settings.log_url.startswith("kafka:"):
        from services.cli.doctor.probes.kafka import kafka_checks  # loads the client only where it is used

        return kafka_checks(settings)
    if settings.log_url.startswith(SQLITE):
        path = Path(settings.log_url.removeprefix(SQLITE))
        return [Check("log", partial(_examine_file, path)), Check("groups", partial(_examine_groups, path))]
    return [Check("log", _examine_memory)]


async def _examine_memory() -> Sequence[Finding]:
    return [skipped("the log is in memory")]


async def _examine_file(path: Path) -> Sequence[Finding]:
    return judge_file(await asyncio.to_thread(_look_at_file, path))


def _look_at_file(path: Path) -> SqliteFile:
    try:
        if not path.is_file():
            return SqliteFile("log", str(path), trouble="is no file" if path.exists() else None)
        with closing(LogFile(path)):
            return SqliteFile("log", str(path), size_bytes=path.stat().st_size, owner=owner(path))
    except (BadLog, Unavailable) as trouble:
        return SqliteFile("log", str(path), trouble=str(trouble))
    except OSError as error:
        return SqliteFile("log", str(path), trouble=error.strerror)


async def _examine_groups(path: Path) -> Sequence[Finding]:
    try:
        return judge_groups(await asyncio.to_thread(_look_at_groups, path))
    except (BadLog, Unavailable, OSError):
        return [skipped("the log cannot be used; see there")]


def _look_at_groups(path: Path) -> list[Group]:
    if not path.is_file():
        return []
    with closing(LogFile(path)) as file:
        return [Group(stage, topic.name, file.lag(topic.name, stage).records) for stage, topic in READERS]
