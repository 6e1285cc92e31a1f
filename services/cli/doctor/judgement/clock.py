"""Whether this machine's clock agrees with others and runs evenly."""

from collections.abc import Mapping
from datetime import timedelta

from services.cli.doctor.finding import Finding, failure, ok, skipped, warning

SYNC = "Run an NTP client such as chrony here and there; leases, ages and signatures compare clocks."
DATABASE_OFF, DATABASE_FAR_OFF = timedelta(seconds=2), timedelta(seconds=60)
"""Leases last from 15 s; replicas whose clocks differ by more take each other's work."""
FEEDS_OFF, FEEDS_FAR_OFF = timedelta(seconds=30), timedelta(minutes=5)
"""Receivers of signed webhooks refuse timestamps that are five minutes off."""
STEP = timedelta(seconds=0.5)


def judge_database_clock(ahead: timedelta) -> Finding:
    """Judge how far this clock is ahead of the database server's."""
    told = f"{_words(ahead)} the database server's clock"
    if abs(ahead) >= DATABASE_FAR_OFF:
        return failure(told, SYNC)
    return warning(told, SYNC) if abs(ahead) >= DATABASE_OFF else ok(told)


def judge_feed_clocks(ahead: Mapping[str, timedelta]) -> Finding:
    """Judge by the Date that hosts of feeds sent; their median, since some publishers' clocks are wrong."""
    if not ahead:
        return skipped("no feed host told its time: the network is down, or none sends a Date")
    ordered = sorted(ahead.values())
    median = ordered[len(ordered) // 2]
    told = f"{_words(median)} the clocks of {', '.join(ahead)}"
    if abs(median) >= FEEDS_FAR_OFF:
        return failure(told, SYNC)
    return warning(told, SYNC) if abs(median) >= FEEDS_OFF else ok(told)


def judge_pace(wall: timedelta, monotonic: timedelta) -> Finding:
    """Judge how far the wall clock went while the monotonic one went its way."""
    step = wall - monotonic
    if abs(step) < STEP:
        return ok("runs evenly")
    return warning(
        f"the clock was set by {step.total_seconds():+.1f} s while we looked",
        "Let the NTP client slew the clock instead of stepping it; find out what else sets it.",
    )


def _words(ahead: timedelta) -> str:
    seconds = ahead.total_seconds()
    if abs(seconds) < 1:
        return "within 1 s of"
    return f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'}"
