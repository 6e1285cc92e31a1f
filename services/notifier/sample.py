"""An alert that never happened, for trying out a channel; its text says so."""

from datetime import datetime

from shared.events import Alert, AlertEvidence, Matter
from shared.identity import stable_id
from shared.vocabulary import AlertKind, Certainty, Severity, Status, Topic

QUOTE = "agreed to hold a joint exercise"


def sample_alert(now: datetime) -> Alert:
    """Return a test alert dated `now`, between two countries that do not exist (ISO 3166 user codes)."""
    stamp = now.isoformat()
    return Alert(
        id=stable_id("alr", "sample", stamp),
        development_id=stable_id("dev", "sample", stamp),
        kind=AlertKind.RAISED,
        sequence=0,
        severity=Severity.P2,
        dyad=("XAF", "XAS"),
        parties=("XAF", "XAS"),
        matters=(Matter(topic=Topic.JOINT_EXERCISE, status=Status.AGREED_SIGNED, parties=("XAF", "XAS")),),
        line="TEST, not news: Freedonia and Sylvania agree on a joint exercise",
        changes=("test of the channel",),
        evidence=(
            AlertEvidence(
                article_id=stable_id("art", "sample"),
                outlet="Attaché test",
                url="https://example.org/attache-test",
                title="Test message of Attaché",
                topic=Topic.JOINT_EXERCISE,
                status=Status.AGREED_SIGNED,
                parties=("XAF", "XAS"),
                certainty=Certainty.REPORTED,
                field="text",
                start=0,
                end=len(QUOTE),
                quote=QUOTE,
                rule="test",
            ),
        ),
        languages=("en",),
        raised_at=now,
    )
