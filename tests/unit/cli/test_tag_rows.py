"""Rows in, rows out: in order, malformed ones told and left out, offsets exact."""

import json

import click
import pytest

from services.cli import tag_rows as module
from services.cli.tag_rows import BadRow, read_day, tag_row, tag_rows
from services.tagger.decide import load_tagger

TEXT = "The United States and Cambodia will resume the Angkor Sentinel joint exercise next year, the Pentagon said."


@pytest.fixture(scope="module")
def tagger():
    return load_tagger()


def write(path, rows):
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_row_becomes_its_claims_with_exact_offsets_and_the_decision(tmp_path, tagger):
    source = write(tmp_path / "in.jsonl", [{"id": "a", "title": "Drills are back", "text": TEXT, "date": "2025-11-03"}])
    assert tag_rows(source, str(tmp_path / "out.jsonl"), tagger=tagger) == 0
    (row,) = read(tmp_path / "out.jsonl")
    assert row["id"] == "a"
    assert row["alert"] is True
    (claim,) = [c for c in row["claims"] if c["topic"] == "joint-exercise"]
    assert claim["parties"] == ["KHM", "USA"]
    assert claim["aim"] == "resumed"
    assert claim["place"] == "news"
    assert {"text": TEXT, "title": "Drills are back"}[claim["field"]][claim["start"] : claim["end"]] == claim[
        "evidence"
    ]
    assert 0 < claim["score"] <= 1


def test_a_malformed_row_is_told_with_line_and_reason_and_the_others_are_tagged(tmp_path, tagger, capsys):
    source = write(
        tmp_path / "in.jsonl",
        [
            {"id": "a", "text": TEXT},
            "\n",
            "{not json\n",
            {"id": "b", "text": 5},
            {"text": TEXT},
            {"id": "c", "text": TEXT, "date": "last week"},
            {"id": 7, "text": "Rain is expected in the hills."},
        ],
    )
    assert tag_rows(source, str(tmp_path / "out.jsonl"), tagger=tagger) == 1
    assert [row["id"] for row in read(tmp_path / "out.jsonl")] == ["a", 7]
    told = " ".join(capsys.readouterr().err.split())
    assert "line 3: JSON is malformed" in told
    assert "line 4: Expected `str`, got `int` - at `$.text`" in told
    assert "line 5: Object missing required field `id`" in told
    assert "line 6: date 'last week' is not YYYY-MM-DD" in told


def test_invalid_utf8_is_a_malformed_row(tmp_path, tagger, capsys):
    (tmp_path / "in.jsonl").write_bytes(b'{"id": "a", "text": "\xff\xfe"}\n{"id": "b", "text": ""}\n')
    assert tag_rows(str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"), tagger=tagger) == 1
    assert [row["id"] for row in read(tmp_path / "out.jsonl")] == ["b"]
    assert "line 1: " in capsys.readouterr().err


def test_many_processes_keep_the_order_and_the_line_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "ONE_PROCESS_ROWS", 1)
    monkeypatch.setattr(module, "WINDOW_ROWS", 30)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    rows = [{"id": str(number), "text": TEXT if number % 3 else "Rain."} for number in range(100)]
    source = write(tmp_path / "in.jsonl", [*rows[:50], "[]\n", *rows[50:]])
    assert tag_rows(source, str(tmp_path / "out.jsonl")) == 1
    tagged = read(tmp_path / "out.jsonl")
    assert [row["id"] for row in tagged] == [row["id"] for row in rows]
    assert [bool(row["claims"]) for row in tagged] == [bool(number % 3) for number in range(100)]
    assert "line 51: " in capsys.readouterr().err


def test_a_stream_goes_from_standard_input_to_standard_output(tagger, capfdbinary, monkeypatch, tmp_path):
    source = write(tmp_path / "in.jsonl", [{"id": "a", "text": TEXT}])
    with open(source, encoding="utf-8") as stdin:  # noqa: PTH123 - a text stream with a buffer, as sys.stdin is
        monkeypatch.setattr("sys.stdin", stdin)
        assert tag_rows("-", "-", tagger=tagger) == 0
    captured = capfdbinary.readouterr()
    assert json.loads(captured.out)["id"] == "a"
    assert captured.err == b""


def test_files_that_cannot_be_opened_are_told_in_one_line(tmp_path, tagger):
    source = write(tmp_path / "in.jsonl", [{"id": "a", "text": TEXT}])
    with pytest.raises(click.ClickException, match=r"cannot read .*missing\.jsonl: No such file"):
        tag_rows(str(tmp_path / "missing.jsonl"), "-", tagger=tagger)
    with pytest.raises(click.ClickException, match=r"cannot write .*: Is a directory"):
        tag_rows(source, str(tmp_path), tagger=tagger)


def test_a_file_is_not_emptied_by_being_both_input_and_output(tmp_path, tagger):
    source = write(tmp_path / "in.jsonl", [{"id": "a", "text": TEXT}])
    with pytest.raises(click.ClickException, match="both input and output"):
        tag_rows(source, source, tagger=tagger)
    assert read(tmp_path / "in.jsonl")[0]["id"] == "a"


def test_a_date_may_be_a_day_a_time_a_month_or_a_year():
    assert read_day("2024-06-04") == read_day("2024-06-04T10:30:00+07:00")
    assert read_day(None) is None
    assert str(read_day("2024-06")) == "2024-06-01"
    assert str(read_day("2024")) == "2024-01-01"
    with pytest.raises(BadRow):
        read_day("04/06/2024")


def test_an_empty_text_has_no_claims(tagger):
    assert json.loads(tag_row(b'{"id": "a", "text": ""}', tagger)) == {"id": "a", "claims": [], "alert": False}
