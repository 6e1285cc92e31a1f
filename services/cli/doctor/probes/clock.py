"""Clocks: ours against others, and how evenly it runs."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from services.cli.doctor.finding import Finding
from services.cli.doctor.judgement.clock import judge_pace
from services.cli.doctor.probes.database import examine_database_clock
from services.cli.doctor.probes.network import examine_feed_clocks
from shared.clock import Clock
from shared.settings import Settings

WATCHED = timedelta(seconds=1)


async def examine_clock(settings: Settings, now: Clock) -> Sequence[Finding]:
    """Compare our clock with the database server's and with feed hosts', and watch it for a second."""
    pace, *others = await asyncio.gather(
        _pace(now), examine_database_clock(settings, now), examine_feed_clocks(settings, now)
    )
    return [*pace, *(finding for findings in others for finding in findings)]


async def _pace(now: Clock) -> Sequence[Finding]:
    loop = asyncio.get_running_loop()
    wall, monotonic = now(), loop.time()
    await asyncio.sleep(WATCHED.total_seconds())
    return [judge_pace(now() - wall, timedelta(seconds=loop.time() - monotonic))]
