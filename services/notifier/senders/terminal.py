"""Alerts as readable blocks on standard output."""

from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.notifier.delivery import Accepted, Delivery, Outcome, Refused
from services.notifier.wording import clean, context, matter_words, sources
from shared.events import Alert
from shared.vocabulary import AlertKind, Severity

COLOURS = {Severity.P1: "bold white on red", Severity.P2: "bold black on yellow", Severity.P3: "bold white on blue"}


class TerminalSender:
    """Prints to the console given (standard output by default)."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()

    async def send(self, delivery: Delivery, now: datetime) -> Outcome:
        """Print the alert; a closed terminal refuses it."""
        del now
        try:
            self._console.print(block(delivery.alert))
        except (OSError, SystemExit) as error:  # rich leaves the process on a broken pipe; the other channels need it
            return Refused(f"terminal-closed: {error}")
        return Accepted("printed")


def block(alert: Alert) -> Group:
    """Lay an alert out: severity and line, what stands how between whom, then the words that show it."""
    head = Table.grid(padding=(0, 1))
    head.add_column(no_wrap=True)
    head.add_column(overflow="fold")
    head.add_row(
        Text(f" {alert.severity} ", style=COLOURS.get(alert.severity, "reverse")), Text(clean(alert.line), style="bold")
    )
    changes = f" · {clean('; '.join(alert.changes))}" if alert.kind is AlertKind.UPDATED and alert.changes else ""
    head.add_row("", Text(context(alert) + changes, style="dim"))
    matters = Table.grid(padding=(0, 2))
    for title, status, parties in map(matter_words, alert.matters):
        matters.add_row(Text(title), Text(status, style="bold"), Text(parties, style="cyan"))
    told: list[RenderableType] = []
    for source in sources(alert):
        told.extend(Text(quote, style="italic") for quote in source.quotes)
        where = f"{source.outlet}\n{source.url}" if source.url else source.outlet
        told.append(Padding(Text(where, style="dim", overflow="fold"), (0, 0, 0, 2)))
    return Group(head, Padding(matters, (0, 0, 0, 5)), Padding(Group(*told), (0, 0, 1, 5)))
