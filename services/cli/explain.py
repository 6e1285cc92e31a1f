"""A tagging as a person reads it: decision, line, claims, and what was seen but does not count."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from services.tagger.decide import Suppressed, Tagging
from shared.events import Claim, Evidence
from shared.vocabulary import Place, Status

MAX_SUPPRESSED = 20
QUOTE_CHARS = 70
EN_DASH = "\u2013"
STATUS_STYLE = {
    Status.AGREED_SIGNED: "green",
    Status.BEGUN: "green",
    Status.RESUMED: "green",
    Status.EXPANDED: "green",
    Status.CONCLUDED: "cyan",
    Status.SUSPENDED: "yellow",
    Status.CANCELLED_ENDED: "yellow",
    Status.DENIED: "red",
    Status.CRITICISED: "red",
    Status.PROPOSED: "magenta",
    Status.UNDER_DISCUSSION: "magenta",
    Status.STANDING: "dim",
}


def explain(console: Console, tagging: Tagging, version: str) -> None:
    """Print the explanation of one text."""
    decision = tagging.decision
    head = Text("ALERT " if decision.alert else "no alert ", style="bold green" if decision.alert else "bold yellow")
    if decision.severity:
        head.append(f"{decision.severity} ", style="bold")
    head.append(f"score {decision.score:.2f} ", style="dim")
    head.append(f"rules {version}", style="dim")
    console.print(head)
    if decision.line:
        console.print(Padding(Text(decision.line, style="bold"), (0, 0, 0, 2)))
    if decision.topics:
        console.print(_list("topics ", decision.topics))
    if decision.context:
        console.print(_list("context ", decision.context))
    if not decision.alert or not decision.line:
        console.print(Text("why not: " + "; ".join(_plain(reason) for reason in decision.reasons), style="yellow"))
    if tagging.claims:
        console.print()
        _claims(console, tagging.claims)
    if tagging.suppressed:
        console.print()
        _suppressed(console, tagging.suppressed)


def _list(label: str, topics: Sequence[str]) -> Text:
    return Text.assemble((label, "dim"), ", ".join(topics))


_REASONS = {
    "no-defence-words": "no word of defence diplomacy in it",
    "no-claims": "nothing in it amounts to a claim",
    "context-only": "only military pressure or incidents, which are context and never alert alone",
    "background-only": "only background: past, biography or another story",
    "opinion": "an opinion piece, which never alerts alone",
    "language-not-supported": "the language is not supported yet",
}


def _plain(reason: str) -> str:
    return _REASONS.get(reason, reason)


def _claims(console: Console, claims: Sequence[Claim]) -> None:
    """Print each claim on a line of its own, its evidence below: readable at 80 columns and at 200."""
    console.print(Text("Claims", style="bold"))
    for claim in sorted(claims, key=lambda c: (c.place is not Place.NEWS, -c.score)):
        line = Text(f"{claim.score:.2f} ", style="dim")
        line.append(f"{claim.topic} ", style="bold")
        line.append(str(claim.status), style=STATUS_STYLE[claim.status])
        line.append(f" → {claim.aim}" if claim.aim else "")
        line.append(f" · {EN_DASH.join(claim.parties) or 'no party'}")
        if claim.place is Place.BACKGROUND:
            line.append(f" · background{f' {claim.year}' if claim.year else ''}", style="yellow")
        line.append(f" · {claim.certainty}" + (f", says {claim.said_by}" if claim.said_by else ""), style="dim")
        console.print(line)
        console.print(Padding(Text(" · ").join(_quote(e) for e in claim.evidence), (0, 0, 0, 5)))


def _quote(evidence: Evidence) -> Text:
    words = " ".join(evidence.quote.split())
    shown = words if len(words) <= QUOTE_CHARS else words[: QUOTE_CHARS - 1] + "…"
    return Text.assemble(f"“{shown}” ", (f"{evidence.field} {evidence.start}{EN_DASH}{evidence.end}", "dim"))


def _suppressed(console: Console, suppressed: Sequence[Suppressed]) -> None:
    console.print(Text("Seen, but does not count", style="bold"))
    for seen in suppressed[:MAX_SUPPRESSED]:
        words = Evidence(field=seen.field, start=seen.start, end=seen.end, quote=seen.quote)
        line = Text.assemble(
            ("     ", ""), f"{seen.rule.partition('.')[0]}: ", _quote(words), (f" {_short(seen.reason)}", "yellow")
        )
        console.print(line)
    if len(suppressed) > MAX_SUPPRESSED:
        console.print(Text(f"     and {len(suppressed) - MAX_SUPPRESSED} more", style="dim"))


def _short(reason: str) -> str:
    return reason if len(reason) <= QUOTE_CHARS else reason[: QUOTE_CHARS - 1] + "…"
