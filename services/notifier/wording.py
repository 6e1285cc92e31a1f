"""An alert in words: what the terminal, the e-mail and the webhook say. Pure.

Whatever came from a feed is cleaned here: control and direction-changing characters never reach a terminal or header.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.notifier.delivery import Delivery
from shared.events import Alert, AlertEvidence, Matter
from shared.vocabulary import TOPIC_TITLES, AlertKind

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
SUBJECT_CHARS = 150
QUOTES = 5
PAYLOAD_BYTES = 20_000
"""Standard Webhooks: a payload stays below 20 kB."""


def clean(text: str) -> str:
    """Return text in one line, without control characters and bidirectional overrides."""
    return " ".join(UNSAFE.sub("", text.replace("\r", " ")).split())


def when(moment: datetime) -> str:
    """Write a moment in UTC, to the minute."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def subject(alert: Alert) -> str:
    """Write an alert as the subject of a message, one line of at most 150 characters."""
    update = "update: " if alert.kind is AlertKind.UPDATED else ""
    text = clean(f"[{alert.severity}] {update}{alert.line}")
    return text if len(text) <= SUBJECT_CHARS else text[: SUBJECT_CHARS - 1].rstrip() + "…"


def matter_words(matter: Matter) -> tuple[str, str, str]:
    """Write a matter as topic title, status (with what it aims at), and parties."""
    aim = f" (towards: {matter.aim})" if matter.aim else ""
    return TOPIC_TITLES[matter.topic], f"{matter.status}{aim}", ", ".join(matter.parties)


def context(alert: Alert) -> str:
    """Write when, how often and in what languages an alert was reported."""
    reports = "1 report" if alert.reports == 1 else f"{alert.reports} reports"
    languages = f", in {', '.join(alert.languages)}" if alert.languages else ""
    return f"{alert.kind} {when(alert.raised_at)}, {reports}{languages}"


@dataclass(frozen=True)
class Source:
    """What one article says: its outlet, title and link, and the quotes from it."""

    outlet: str
    title: str
    url: str | None
    quotes: tuple[str, ...]


def sources(alert: Alert) -> tuple[Source, ...]:
    """Return the evidence worth showing, by article: each quote once, at most five, cleaned."""
    seen: set[str] = set()
    articles: dict[str, list[AlertEvidence]] = {}
    for evidence in alert.evidence:
        if len(seen) < QUOTES and evidence.quote not in seen:
            seen.add(evidence.quote)
            articles.setdefault(evidence.article_id, []).append(evidence)
    return tuple(
        Source(
            outlet=clean(spans[0].outlet),
            title=clean(spans[0].title),
            url=clean(spans[0].url) if spans[0].url else None,
            quotes=tuple(f"\u201c{clean(span.quote)}\u201d" for span in spans),
        )
        for spans in articles.values()
    )


def plain_text(delivery: Delivery) -> str:
    """Write an alert as the body of a plain message."""
    alert = delivery.alert
    lines = [
        clean(alert.line),
        "",
        f"Severity {alert.severity}, {context(alert)}",
        f"Parties: {', '.join(alert.parties)}",
    ]
    if alert.kind is AlertKind.UPDATED:
        lines.append(f"What changed: {clean('; '.join(alert.changes))}")
    lines.append("")
    lines.extend(f"- {title}: {status}; {parties}" for title, status, parties in map(matter_words, alert.matters))
    for source in sources(alert):
        lines += ["", *source.quotes, f"  {source.outlet}: {source.title}"]
        if source.url:
            lines.append(f"  {source.url}")
    lines += [
        "",
        "--",
        f"Sent for the subscription \u201c{clean(delivery.subscription_name)}\u201d: {clean(delivery.matched)}",
    ]
    return "\n".join(lines) + "\n"


def payload(delivery: Delivery) -> bytes:
    """Write an alert as the body of a webhook: {type, timestamp, data}, below 20 kB.

    `data` is the alert (shared.events.Alert) with `subscription` and `matched`. Where it would be too large, evidence
    is left out from the end and `evidence_omitted` says how many spans; then changes and matters likewise.
    """
    alert = delivery.alert
    data: dict[str, Any] = msgspec.to_builtins(alert)
    data["subscription"] = {"id": delivery.subscription_id, "name": delivery.subscription_name}
    data["matched"] = delivery.matched
    document = {
        "type": "alert.test" if delivery.test else f"alert.{alert.kind}",
        "timestamp": alert.raised_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    body = msgspec.json.encode(document)
    for shortened in ("evidence", "changes", "matters"):
        items = list(data[shortened])
        total = len(items)
        while len(body) >= PAYLOAD_BYTES and items:
            del items[-max(1, len(items) // 4) :]
            data[shortened] = items
            data[f"{shortened}_omitted"] = total - len(items)
            body = msgspec.json.encode(document)
    if len(body) >= PAYLOAD_BYTES:
        data["line"] = data["line"][:1000]
        data["matched"] = data["matched"][:1000]
        body = msgspec.json.encode(document)
    return body
