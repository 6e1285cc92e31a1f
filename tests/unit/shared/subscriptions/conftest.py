from datetime import UTC, datetime

import msgspec
import pytest

from services.notifier.sample import sample_alert
from shared.events import Alert, AlertEvidence, Matter
from shared.subscriptions import parse_subscription
from shared.vocabulary import Aim, AlertKind, Severity, Status, Topic


@pytest.fixture
def alert() -> Alert:
    """USA and KHM met and talk of resuming drills; KHM denies bases to CHN. English, P3, raised."""
    base = sample_alert(datetime(2024, 6, 4, 12, tzinfo=UTC))
    evidence: AlertEvidence = msgspec.structs.replace(
        base.evidence[0], title="Minister visits Ream", quote="Général Tea Seiha’s staff spoke of drills"
    )
    return msgspec.structs.replace(
        base,
        kind=AlertKind.RAISED,
        severity=Severity.P3,
        dyad=("KHM", "USA"),
        parties=("KHM", "USA", "CHN"),
        matters=(
            Matter(topic=Topic.SENIOR_MEETING, status=Status.CONCLUDED, parties=("KHM", "USA")),
            Matter(topic=Topic.JOINT_EXERCISE, status=Status.UNDER_DISCUSSION, aim=Aim.RESUMED, parties=("KHM", "USA")),
            Matter(topic=Topic.BASING_ACCESS, status=Status.DENIED, parties=("CHN", "KHM")),
        ),
        line="KHM–USA · Austin meets Hun Manet · discussed: resume joint drills",
        evidence=(evidence,),
        languages=("en-GB",),
    )


@pytest.fixture
def subscribe():
    def make(**keys):
        return parse_subscription({"name": "Test", "channel": "terminal", **keys})

    return make
