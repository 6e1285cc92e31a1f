"""The files that people write: feeds and subscriptions."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from services.cli.doctor.finding import Finding, failure, ok, skipped, warning
from services.fetcher.sources import BadSources, Source, load_sources
from shared.settings import Settings
from shared.subscriptions import SubscriptionError, lint, parse_subscriptions


async def examine_feeds(settings: Settings) -> Sequence[Finding]:
    """Read the feeds file, or the starter list, as the fetcher would."""
    try:
        sources = await asyncio.to_thread(load_sources, settings.feeds_file)
    except BadSources as error:
        return [failure(_one_line(str(error)), "Correct the file where it says; `attache run` refuses it as it is.")]
    return [ok(f"{settings.feeds_file or 'the starter list'}: {len(sources)} feeds")]


async def read_sources(settings: Settings) -> tuple[Source, ...]:
    """Read the feeds for other checks; none where the file is bad, which its own check tells."""
    try:
        return await asyncio.to_thread(load_sources, settings.feeds_file)
    except BadSources:
        return ()


async def examine_subscriptions(settings: Settings) -> Sequence[Finding]:
    """Read the subscriptions file as the notifier would, with lint's remarks."""
    if settings.subscriptions_file is None:
        return [
            skipped("SUBSCRIPTIONS_FILE is not set; subscriptions in the database are `attache subscriptions list`")
        ]
    return await asyncio.to_thread(_read_subscriptions, settings.subscriptions_file)


def _read_subscriptions(path: Path) -> Sequence[Finding]:
    try:
        found = parse_subscriptions(path.read_text("utf-8"), file=str(path))
    except (SubscriptionError, UnicodeDecodeError, OSError) as error:
        return [failure(_one_line(str(error)), f"Correct it; `attache subscriptions check {path}` tells all mistakes.")]
    remarks = lint(found)
    return [
        ok(f"{path}: {len(found)} subscriptions"),
        *(
            warning(
                f"{remark.subscription_id}: {remark.message}",
                f"See `attache subscriptions check {path}`, and change the subscription if it is not meant so.",
            )
            for remark in remarks
        ),
    ]


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()).replace(":;", ":")
