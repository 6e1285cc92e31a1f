import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.tag import tag

TEXT = "Chile and Peru begin joint naval drills off Arica on Monday."


def run(*args: str, text: str | None = None) -> Result:
    return CliRunner().invoke(tag, list(args), input=text, catch_exceptions=False)


def test_a_text_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(TEXT, "utf-8")
    shown = run(str(file), "--date", "2024-06-04").output
    assert "ALERT P2" in shown
    assert "CHL\u2013PER · begun: joint naval drills, 3 Jun 2024." in " ".join(shown.split())
    assert "“joint naval drills”" in shown


def test_it_is_told_why_a_text_is_no_alert() -> None:
    shown = run("-", text="A cat sat on a mat.").output
    assert "no alert" in shown
    assert "why not: no word of defence diplomacy in it" in shown


def test_what_was_seen_and_does_not_count_is_shown_with_its_reason() -> None:
    shown = run("-", text="The defence minister of Chile spoke by phone with his counterparts.").output
    assert "Seen, but does not count" in shown
    assert "names 1 of 2 parties" in " ".join(shown.split())


def test_json_has_the_claims_the_decision_and_exact_offsets() -> None:
    row = json.loads(run("-", "--json", "--title", "Chile and Peru drill", text=TEXT).output)
    (claim,) = row["claims"]
    assert TEXT[claim["start"] : claim["end"]] == claim["evidence"]
    assert claim["parties"] == ["CHL", "PER"]
    assert row["alert"] is True
    assert row["line"].startswith("CHL\u2013PER · begun: joint naval drills")


def test_rows_are_handed_on(tmp_path: Path) -> None:
    rows, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows.write_text(json.dumps({"id": "1", "text": TEXT}) + "\n", "utf-8")
    assert run("--jsonl", str(rows), str(out)).exit_code == 0
    assert json.loads(out.read_text("utf-8"))["claims"][0]["topic"] == "joint-exercise"


@pytest.mark.parametrize(
    ("args", "text", "message"),
    [
        ((), None, "name a FILE, a URL or - for standard input"),
        (("no-such-file",), None, "cannot read no-such-file"),
        (("-", "--date", "4 June"), TEXT, "'4 June' is not a day as YYYY-MM-DD"),
        (("-",), "  \n", "no text in it"),
        (("http://127.0.0.1/",), None, "refused-address"),
    ],
)
def test_bad_input_is_told_in_one_line(args: tuple[str, ...], text: str | None, message: str) -> None:
    result = run(*args, text=text)
    assert result.exit_code != 0
    assert message in result.output


def test_bytes_that_are_no_text_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(b"Chile \xff Peru")
    assert "not UTF-8 at byte 6" in run(str(file)).output
