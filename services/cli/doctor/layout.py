"""How findings are shown: one block per check, what to do under what was found; or JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from services.cli.doctor.finding import Examined, Finding, State
from shared.telemetry import printable

STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILURE: "bold red", State.SKIPPED: "dim"}
SUMMED = (State.OK, State.WARNING, State.FAILURE, State.SKIPPED)


def findings_table(examined: Sequence[Examined]) -> Group:
    """Lay findings out for reading, in any width."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for one in examined:
        for number, finding in enumerate(one.findings):
            name = Text(one.name, "bold") if number == 0 else Text()
            table.add_row(name, Text(finding.state, STYLES[finding.state]), _told(finding))
    return Group(table, Text(), summary(examined))


def _told(finding: Finding) -> Text:
    told = Text(printable(finding.found), "dim" if finding.state is State.SKIPPED else "")
    return told.append(f"\n→ {printable(finding.advice)}", "cyan") if finding.advice else told


def summary(examined: Sequence[Examined]) -> Text:
    """Count the checks by the weightiest finding of each."""
    counts = Counter(one.state for one in examined)
    told = Text(f"{len(examined)} checks: ")
    for number, state in enumerate(state for state in SUMMED if counts[state]):
        told.append(", " if number else "")
        told.append(f"{counts[state]} {state}", STYLES[state])
    return told


def as_json(examined: Sequence[Examined]) -> str:
    """Write findings for machines."""
    document: dict[str, Any] = {
        "state": worst(examined),
        "checks": [
            {
                "name": one.name,
                "state": one.state,
                "findings": [
                    {"state": finding.state, "found": finding.found, "advice": finding.advice or None}
                    for finding in one.findings
                ],
            }
            for one in examined
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def worst(examined: Sequence[Examined]) -> State:
    """Return the weightiest state of all."""
    order = list(State)
    return max((one.state for one in examined), key=order.index)


def width_of(console: Console) -> int:
    """Return how wide to print: long lines are hard to read, and wider than the terminal is none."""
    return min(console.width, 140)
