"""A log on Kafka: its brokers, topics and groups, looked at once for three checks."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from services.cli.doctor.finding import Check, Finding, failure, skipped
from services.cli.doctor.judgement.broker import judge_brokers
from services.cli.doctor.judgement.groups import Group, judge_groups
from services.cli.doctor.judgement.topics import judge_topics
from shared.eventlog import BadLog
from shared.eventlog.kafka.address import parse
from shared.eventlog.kafka.inspection import LogReport, inspect_log
from shared.settings import Settings

CONNECT_SECONDS = 3
LOOK_WITHIN = timedelta(seconds=7)
DEFAULT_PORT = 9092


def kafka_checks(settings: Settings) -> Sequence[Check]:
    """Return the checks of broker, topics and groups; they share one look."""
    look = _Look(settings)
    return [Check("broker", look.brokers), Check("topics", look.topics), Check("groups", look.groups)]


@dataclass
class _Look:
    settings: Settings

    @cached_property
    def _report(self) -> asyncio.Task[LogReport]:
        return asyncio.create_task(inspect_log(self.settings.log_url, kafka=self.settings.kafka, within=LOOK_WITHIN))

    async def brokers(self) -> Sequence[Finding]:
        try:
            address = parse(self.settings.log_url)
        except BadLog as error:
            return [failure(str(error), "Correct LOG_URL.")]
        reached = await asyncio.gather(*map(_reach, address.servers))
        given = dict(zip(address.servers, reached, strict=True))
        return judge_brokers(given, await self._report, self.settings.kafka.security)

    async def topics(self) -> Sequence[Finding]:
        report = await self._seen()
        return judge_topics(report.topics, self.settings.kafka) if report else [skipped("see the broker")]

    async def groups(self) -> Sequence[Finding]:
        report = await self._seen()
        if report is None:
            return [skipped("see the broker")]
        prefix = report.address.prefix
        return judge_groups(
            [
                Group(
                    group.name.removeprefix(prefix).partition(".")[0],
                    group.topic.removeprefix(prefix),
                    group.lag,
                    group.members,
                )
                for group in report.groups
            ]
        )

    async def _seen(self) -> LogReport | None:
        try:
            report = await self._report
        except BadLog:
            return None
        return None if report.trouble else report


async def _reach(address: str) -> str | None:
    """Connect to an address and hang up; return why that fails, or None."""
    host, _, port = address.rpartition(":") if address.rpartition(":")[2].isdigit() else (address, "", "")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port or DEFAULT_PORT))
    except TimeoutError:
        return f"no answer within {CONNECT_SECONDS} s"
    except OSError as error:
        code = error.errno or 0
        return (os.strerror(code) if code > 0 else str(error.strerror or error)).lower()  # below 0: a name's trouble
    writer.close()
    return None
