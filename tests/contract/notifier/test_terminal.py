"""The terminal channel on a real console."""

import dataclasses
import io
from typing import Any

import msgspec
import pytest
from rich.console import Console

from services.notifier.delivery import Accepted, Refused
from services.notifier.senders.terminal import TerminalSender
from shared.vocabulary import AlertKind


def console_of(out: io.StringIO, **options: object) -> Console:
    return Console(file=out, width=100, **options)  # type: ignore[arg-type]  # options are the test's own


async def test_the_block_shows_severity_line_matters_parties_quote_outlet_and_link(delivery, now):
    out = io.StringIO()
    assert await TerminalSender(console_of(out)).send(delivery, now) == Accepted("printed")
    shown = out.getvalue()
    for part in (
        "P2",
        "TEST, not news: Freedonia and Sylvania agree on a joint exercise",
        "raised 1 Mar 2026, 12:00 UTC, 1 report, in en",
        "Joint exercise",
        "agreed-signed",
        "XAF, XAS",
        "“agreed to hold a joint exercise”",
        "Attaché test",
        "https://example.org/attache-test",
    ):
        assert part in shown


async def test_an_update_says_what_changed(delivery, now):
    out = io.StringIO()
    alert = msgspec.structs.replace(delivery.alert, kind=AlertKind.UPDATED, changes=("severity P3 to P2",))
    await TerminalSender(console_of(out)).send(dataclasses.replace(delivery, alert=alert), now)
    assert "severity P3 to P2" in out.getvalue()


@pytest.mark.parametrize("evil", ["\x1b[2J\x1b]0;owned\x07", "[link=http://evil.example]x[/link][/]", "\x9b31m"])
async def test_an_alert_cannot_steer_the_terminal(delivery, now, evil):
    plain, steered = io.StringIO(), io.StringIO()
    alert = msgspec.structs.replace(delivery.alert, line=evil)
    await TerminalSender(console_of(plain, color_system=None)).send(dataclasses.replace(delivery, alert=alert), now)
    await TerminalSender(console_of(steered, force_terminal=True)).send(dataclasses.replace(delivery, alert=alert), now)
    assert "\x1b" not in plain.getvalue()
    assert "\x1b[2J" not in steered.getvalue()
    assert "\x9b" not in steered.getvalue()
    assert "\x1b]" not in steered.getvalue()


async def test_a_terminal_that_cannot_be_written_to_refuses(delivery, now):
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    assert isinstance(await TerminalSender(console_of(Full())).send(delivery, now), Refused)


async def test_a_closed_pipe_refuses_and_does_not_end_the_process(delivery, now):
    class Piped(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            raise SystemExit(1)  # what rich does on a broken pipe, after turning the real stdout away

    assert isinstance(await TerminalSender(Piped()).send(delivery, now), Refused)
