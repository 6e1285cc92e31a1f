"""Domain objects to table rows and back; text that one database would refuse is made fit for both."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import String, Table

from services.store.intake import Arrival, Membership
from services.store.state import Development, State
from shared.database.tables.store import alert as alert_table
from shared.database.tables.store import alert_matter, alert_party, article, claim, development, development_article
from shared.events import Alert, BadEvent
from shared.vocabulary import Severity

Row = dict[str, Any]

LARGEST_INTEGER = 2**31 - 1
"""PostgreSQL's INTEGER."""

_encoder = msgspec.json.Encoder()
_state_decoder = msgspec.json.Decoder(State)


def article_row(arrival: Arrival, *, now: datetime) -> Row:
    """Write an article with the bytes it came in; raises BadEvent where a value does not fit its column."""
    one, decision = arrival.article, arrival.tagged.decision
    return _fit(
        article,
        {
            "id": one.id,
            "revision": one.revision,
            "feed_id": one.source.feed_id,
            "outlet": one.source.name,
            "outlet_country": one.source.country,
            "grade": one.source.grade,
            "url": one.url,
            "title": one.title,
            "text": one.text,
            "language": one.language or one.source.language,
            "published": one.published,
            "observed_at": one.observed_at,
            "stored_at": now,
            "backfill": one.backfill,
            "alerting": decision.alert,
            "decision": _json(decision),
            "rules_version": arrival.tagged.rules_version,
            "raw": bytes(arrival.tagged.article),
            "trace_id": arrival.trace_id,
        },
    )


def claim_rows(arrival: Arrival) -> list[Row]:
    """Write an article's claims, one row per claim id."""
    rows = {
        one.id: _fit(
            claim,
            {
                "article_id": arrival.article.id,
                "id": one.id,
                "topic": str(one.topic),
                "status": str(one.status),
                "aim": str(one.aim) if one.aim else None,
                "parties": " ".join(one.parties),
                "place": str(one.place),
                "certainty": str(one.certainty),
                "score": one.score,
                "rule": one.rule,
                "evidence": _json(one.evidence),
                "body": _json(one),
            },
        )
        for one in arrival.tagged.claims
    }
    return list(rows.values())


def development_row(one: Development) -> Row:
    """Write a development."""
    return _fit(
        development,
        {
            "id": one.id,
            "dyad": dyad_key(one.dyad),
            "opened_at": one.opened_at,
            "last_report_at": one.last_report_at,
            "severity": str(one.severity),
            "state": _json(one.state),
            "reports": one.reports,
            "alerts": one.alerts,
        },
    )


def read_development(row: Any) -> Development:
    """Read a development's row."""
    return Development(
        id=row.id,
        dyad=tuple(row.dyad.split("-")) if row.dyad else (),
        opened_at=row.opened_at,
        last_report_at=row.last_report_at,
        severity=Severity(row.severity),
        reports=row.reports,
        alerts=row.alerts,
        state=_state_decoder.decode(row.state),
    )


def membership_row(one: Membership, *, now: datetime) -> Row:
    """Write that an article belongs to a development."""
    return _fit(
        development_article,
        {
            "development_id": one.development_id,
            "article_id": one.article_id,
            "joined_at": now,
            "reason": one.reason,
        },
    )


def alert_row(one: Alert) -> Row:
    """Write an alert."""
    return _fit(
        alert_table,
        {
            "id": one.id,
            "development_id": one.development_id,
            "sequence": one.sequence,
            "kind": str(one.kind),
            "severity": str(one.severity),
            "dyad": dyad_key(one.dyad),
            "line": one.line,
            "raised_at": one.raised_at,
            "body": _json(one),
        },
    )


def party_rows(one: Alert) -> list[Row]:
    """Write who appears in an alert."""
    parties = sorted({*one.dyad, *one.parties})
    return [_fit(alert_party, {"alert_id": one.id, "party": party}) for party in parties]


def matter_rows(one: Alert) -> list[Row]:
    """Write what an alert is about, once per topic and status."""
    pairs = dict.fromkeys((str(matter.topic), str(matter.status)) for matter in one.matters)
    return [_fit(alert_matter, {"alert_id": one.id, "topic": topic, "status": status}) for topic, status in pairs]


def dyad_key(dyad: Iterable[str]) -> str:
    """Join a dyad's codes."""
    return "-".join(dyad)


def lock_key(pair: Iterable[str]) -> int:
    """Return the signed 64-bit number that stands for two parties among PostgreSQL's advisory locks."""
    return int.from_bytes(hashlib.sha256(b"attache pair " + dyad_key(pair).encode()).digest()[:8], "big", signed=True)


def _json(value: object) -> str:
    return _encoder.encode(value).decode()


def _fit(table: Table, row: Mapping[str, Any]) -> Row:
    """Replace NUL, which PostgreSQL's text cannot hold, by U+FFFD, so that offsets stay; refuse what is too long."""
    fitted = dict(row)
    for name, value in row.items():
        if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= LARGEST_INTEGER:
            raise BadEvent("does-not-fit", f"{table.name}.{name} holds 0 to {LARGEST_INTEGER:,}, got {value}")
        if not isinstance(value, str):
            continue
        if "\0" in value:
            fitted[name] = value.replace("\0", "\ufffd")
        kind = table.c[name].type
        limit = kind.length if isinstance(kind, String) else None
        if limit is not None and len(value) > limit:
            raise BadEvent(
                "does-not-fit",
                f"{table.name}.{name} holds {limit} characters, got {len(value):,}: {value[:80]!r}",
            )
    return fitted
