"""What the terminal shows of the pipeline's outcome: alerts as a table, and how the feeds fared."""

from collections import Counter
from collections.abc import Sequence

from prometheus_client.samples import Sample
from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.web.queries.alerts import AlertFilter, all_alerts
from services.web.queries.feeds import StoredFeed, all_feeds
from shared.events import Alert, Matter
from shared.gazetteer import load_gazetteer
from shared.metrics import Metrics
from shared.vocabulary import STATUS_WORDS, AlertKind, Severity

SEVERITY_STYLE = {
    Severity.P1: "bold white on red",
    Severity.P2: "bold black on yellow",
    Severity.P3: "bold white on blue",
    Severity.P4: "black on white",
}
SUMMARY = (
    ("feeds polled", "attache_fetcher_polls_total", "outcome"),
    ("items read", "attache_fetcher_items_total", "outcome"),
    ("articles tagged", "attache_tagger_articles_total", "decision"),
    ("articles stored", "attache_store_articles_total", "outcome"),
    ("alerts", "attache_store_alerts_total", "kind"),
    ("deliveries", "attache_notifier_deliveries_total", "outcome"),
    ("dead letters", "attache_dead_letters_total", "reason"),
)
EVIDENCE_SHOWN = 2


async def read_alerts(engine: AsyncEngine) -> tuple[Alert, ...]:
    """Return all alerts in the order they were raised."""
    found = [stored.read() async for stored in all_alerts(engine, AlertFilter())]
    return tuple(reversed(found))


def alerts_table(alerts: Sequence[Alert]) -> Table:
    """Lay alerts out for reading: severity, parties, what, status of each matter, and the words that show it."""
    table = Table(box=box.SIMPLE_HEAD, show_lines=True, expand=True, title=None, padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("parties", no_wrap=True)
    table.add_column("what changed, and the words that show it", ratio=3, overflow="fold")
    table.add_column("matter · status", ratio=2, overflow="fold")
    for alert in alerts:
        mark = Text(f" {alert.severity} ", style=SEVERITY_STYLE[alert.severity])
        if alert.kind is AlertKind.UPDATED:
            mark.append("\nupdate", style="bold")
        table.add_row(mark, _parties(alert.dyad), _told(alert), "\n".join(matter_words(m) for m in alert.matters))
    return table


def matter_words(matter: Matter) -> str:
    """Say a matter in words: topic, status, and what it would become."""
    words = f"{matter.topic.replace('-', ' ')} · {STATUS_WORDS[matter.status]}"
    return f"{words} → {STATUS_WORDS[matter.aim]}" if matter.aim else words


def _parties(codes: Sequence[str]) -> str:
    gazetteer = load_gazetteer()
    return "\n".join(gazetteer.party_name(code) or code for code in codes)


def _told(alert: Alert) -> Text:
    told = Text(alert.line, style="bold")
    for change in alert.changes if alert.kind is AlertKind.UPDATED else ():
        told.append(f"\n{change}", style="not bold italic")
    for piece in alert.evidence[:EVIDENCE_SHOWN]:
        told.append("\n“", style="not bold dim")
        told.append(piece.quote, style="not bold green")
        told.append(f"” {piece.outlet}", style="not bold dim")
    if alert.reports > 1:
        told.append(f"\n{alert.reports} reports", style="not bold dim")
    return told


def pipeline_table(metrics: Metrics) -> Table:
    """Sum up what each stage did, from the metrics it exports."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for heading, justify in (("stage", "left"), ("outcome", "left"), ("count", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for stage, name, label in SUMMARY:
        for sample in sorted(_samples(metrics, name), key=lambda s: s.labels[label]):
            if sample.value:
                table.add_row(stage, sample.labels[label].replace("-", " "), f"{sample.value:,.0f}")
                stage = ""  # noqa: PLW2901 - named once per block of rows
    return table


def _samples(metrics: Metrics, name: str) -> list[Sample]:
    return [s for family in metrics.registry.collect() for s in family.samples if s.name == name]


async def feeds_report(engine: AsyncEngine, *, width_of: Console) -> Panel | Group:
    """Say how many feeds answered and, plainly, which did not and why."""
    feeds = [feed for feed in await all_feeds(engine) if feed.enabled]
    dark = [feed for feed in feeds if feed.polls and feed.last_success_at is None]
    waiting = sum(not feed.polls for feed in feeds)
    head = f"{len(feeds)} feeds: {len(feeds) - len(dark) - waiting} read"
    if dark:
        head += f", {len(dark)} could not be reached"
    if waiting:
        head += f", {waiting} not polled yet"
    if not dark:
        return Group(Text(head))
    return Panel(_dark_feeds(dark), title=head, title_align="left", width=min(width_of.width, 110))


def _dark_feeds(dark: Sequence[StoredFeed]) -> Text:
    told = Text()
    for outcome, count in Counter(feed.last_outcome or "unknown" for feed in dark).most_common():
        names = [feed.name for feed in dark if (feed.last_outcome or "unknown") == outcome]
        told.append(f"{outcome} ({count}): ", style="bold")
        told.append(", ".join(names) + "\n")
    told.append("They stay in the schedule and are tried again; `attache feeds list` shows each with its reason.")
    return told
