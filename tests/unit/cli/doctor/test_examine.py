import asyncio
import json
from datetime import timedelta

import pytest
from rich.console import Console

from services.cli.doctor.examine import examine_all
from services.cli.doctor.finding import Check, Examined, State, failure, ok, skipped, warning
from services.cli.doctor.layout import as_json, findings_table, worst


def check(name, *findings):
    async def examine():
        return findings

    return Check(name, examine)


async def test_a_check_that_hangs_or_fails_hides_none_of_the_others():
    async def hang():
        await asyncio.Event().wait()

    async def fail():
        raise KeyError("mistake")

    examined = await examine_all(
        [Check("hanging", hang), Check("broken", fail), check("well", ok("fine"))], limit=timedelta(milliseconds=10)
    )
    assert [(one.name, one.state) for one in examined] == [
        ("hanging", State.FAILURE),
        ("broken", State.FAILURE),
        ("well", State.OK),
    ]
    assert "KeyError: 'mistake'" in examined[1].findings[0].found


async def test_checks_run_at_the_same_time_and_keep_their_order():
    met = asyncio.Barrier(2)

    async def meet():
        await met.wait()
        return [ok("met")]

    heard: list[object] = []
    examined = await examine_all([Check("one", meet), Check("two", meet)], told=heard.append)
    assert [one.name for one in examined] == ["one", "two"]
    assert heard[0] == ("one", "two")
    assert heard[-1] == ()


EXAMINED = (
    Examined("log", (ok("there"),)),
    Examined("disk", (ok("/data"), warning("little \x1b[31mroom", "Make room."))),
    Examined("ports", (failure("taken", "Set WEB_PORT to another."),)),
    Examined("mail", (skipped("SMTP_URL is not set"),)),
)


@pytest.mark.parametrize("width", [60, 80, 160])
def test_every_finding_and_advice_is_told_in_any_width_without_control_characters(width):
    console = Console(width=width, record=True)
    with console.capture() as capture:
        console.print(findings_table(EXAMINED))
    told = capture.get()
    assert "\x1b" not in told
    assert all(len(line) <= width for line in told.splitlines())
    for words in ("there", "room", "→ Make room.", "→ Set WEB_PORT to another.", "SMTP_URL is not set"):
        assert words in told
    assert "4 checks: 1 ok, 1 warning, 1 failure, 1 skipped" in told


def test_json_tells_the_same():
    document = json.loads(as_json(EXAMINED))
    assert document["state"] == "failure"
    assert [one["state"] for one in document["checks"]] == ["ok", "warning", "failure", "skipped"]
    assert document["checks"][2]["findings"] == [
        {"state": "failure", "found": "taken", "advice": "Set WEB_PORT to another."}
    ]


def test_the_worst_counts():
    assert worst(EXAMINED) is State.FAILURE
    assert worst(EXAMINED[:2]) is State.WARNING
    assert worst(EXAMINED[3:]) is State.SKIPPED
