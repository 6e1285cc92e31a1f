import dataclasses
import json
from typing import Any

import msgspec
import pytest

from services.notifier.delivery import Delivery
from services.notifier.wording import PAYLOAD_BYTES, clean, payload, plain_text, subject
from shared.vocabulary import AlertKind


def with_alert(delivery: Delivery, **changes: Any) -> Delivery:
    return dataclasses.replace(delivery, alert=msgspec.structs.replace(delivery.alert, **changes))


def test_the_payload_has_type_timestamp_and_the_alert(delivery):
    document = json.loads(payload(delivery))
    assert (document["type"], document["timestamp"]) == ("alert.raised", "2026-03-01T12:00:00Z")
    assert document["data"]["dyad"] == ["XAF", "XAS"]
    assert document["data"]["matters"][0]["status"] == "agreed-signed"
    assert document["data"]["subscription"] == {"id": "sub_one", "name": "One"}
    assert document["data"]["matched"] == "topic joint-exercise"


def test_an_update_and_a_test_say_so_in_their_type(delivery):
    assert json.loads(payload(with_alert(delivery, kind=AlertKind.UPDATED)))["type"] == "alert.updated"
    assert json.loads(payload(dataclasses.replace(delivery, test=True)))["type"] == "alert.test"


@pytest.mark.parametrize("what", ["evidence", "changes", "matters"])
def test_a_large_alert_is_shortened_below_20_kb_and_says_by_how_much(delivery, what):
    many = getattr(delivery.alert, what) * 3000
    body = payload(with_alert(delivery, **{what: many}))
    data = json.loads(body)["data"]
    assert len(body) < PAYLOAD_BYTES
    assert 0 < len(data[what]) == len(many) - data[f"{what}_omitted"]


def test_even_an_endless_line_and_quote_stay_below_20_kb(delivery):
    evidence = msgspec.structs.replace(delivery.alert.evidence[0], quote="ខ" * 100_000)
    body = payload(with_alert(delivery, line="ខ" * 50_000, evidence=(evidence,)))
    assert len(body) < PAYLOAD_BYTES
    assert json.loads(body)["data"]["evidence"] == []


def test_the_subject_is_one_short_line_whatever_the_alert_says(delivery):
    told = subject(with_alert(delivery, line="KHM\r\nBcc: x@y.example" + " word" * 80, kind=AlertKind.UPDATED).alert)
    assert told.startswith("[P2] update: KHM Bcc:")
    assert len(told) <= 150
    assert "\n" not in told
    assert "\r" not in told


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("a\x1b[31mb", "a[31mb"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("a\r\nb\tc", "a b c"),
        ("a\x9b2Jb\x00", "a2Jb"),
        ("ខ្មែរ", "ខ្មែរ"),
    ],
)
def test_control_and_direction_characters_never_get_through(dirty, cleaned):
    assert clean(dirty) == cleaned


def test_plain_text_holds_line_matters_quote_link_and_why_it_was_sent(delivery):
    text = plain_text(with_alert(delivery, kind=AlertKind.UPDATED))
    for part in (
        "TEST, not news",
        "Severity P2, updated 1 Mar 2026, 12:00 UTC, 1 report, in en",
        "What changed: test of the channel",
        "- Joint exercise: agreed-signed; XAF, XAS",
        "“agreed to hold a joint exercise”",
        "https://example.org/attache-test",
        "Sent for the subscription “One”: topic joint-exercise",
    ):
        assert part in text
