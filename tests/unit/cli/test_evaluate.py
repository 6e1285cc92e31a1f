"""`attache eval`: the tables, the mistakes, and what it says of bad rows."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from services.cli.evaluate import evaluate
from shared.vocabulary import Topic

EXERCISE = {
    "topic": "joint-exercise",
    "status": "begun",
    "parties": ["KHM", "USA"],
    "place": "news",
    "evidence": "joint exercise",
}
ROWS: list[dict[str, Any]] = [
    {
        "id": "hit",
        "text": "Cambodia and the United States began a joint exercise on Monday.",
        "weight": 3,
        "a": [EXERCISE],
        "b": [EXERCISE],
    },
    {
        "id": "miss",
        "title": "Quiet talk",
        "text": "Nothing here names the matter.",
        "weight": 2,
        "a": [EXERCISE],
        "b": [EXERCISE],
    },
    {"id": "none", "text": "Rain is expected in the hills.", "a": [], "b": []},
]


@pytest.fixture
def gold(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


def run(*args):
    return CliRunner().invoke(evaluate, list(args))


def test_the_table_fits_a_terminal_and_has_the_four_measures(gold):
    result = run(gold)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "gold.jsonl: 3 rows" in lines[0]
    (topic,) = [line.split() for line in lines if line.startswith(" topic")]
    assert topic == ["topic", "1.000", "0.500", "0.667", "1", "0", "1", "1.000", "0.600", "0.750"]
    assert [line.split()[0] for line in lines if line[:4].strip() and line[1].isalpha()][-4:] == [
        "relevant",
        "topic",
        "status",
        "parties",
    ]
    assert max(len(line.rstrip()) for line in lines) <= 80


def test_without_weights_there_are_no_weighted_columns(tmp_path):
    path = tmp_path / "plain.jsonl"
    path.write_text(json.dumps({"id": "none", "text": "Rain.", "a": []}) + "\n")
    assert "wF1" not in run(str(path)).output


def test_every_topic_fits_beside_its_figures(tmp_path):
    path = tmp_path / "all.jsonl"
    claims = [{"topic": topic, "status": "begun", "parties": ["USA"]} for topic in Topic]
    path.write_text("".join(json.dumps({"id": str(n), "text": "Rain.", "a": claims}) + "\n" for n in range(1_200)))
    output = run(str(path), "--topics").output
    assert "…" not in output
    assert all(topic in output for topic in Topic)


def test_the_figures_can_be_had_as_json(gold):
    figures = json.loads(run(gold, "--json").output)
    assert figures["rows"] == 3
    assert figures["topic"]["weighted"]["recall"] == pytest.approx(0.6)
    assert figures["topics"]["joint-exercise"]["topic"]["plain"]["missed"] == 1
    assert figures["topics"]["port-call"]["topic"]["plain"]["f1"] is None


def test_topics_without_any_case_are_left_out_of_their_table(gold):
    output = run(gold, "--topics").output
    assert "joint-exercise" in output
    assert "port-call" not in output
    assert "…" not in output


def test_the_weightiest_mistakes_are_shown_by_topic(gold):
    output = run(gold, "--errors", "1").output
    assert "joint-exercise: missed (1)" in output
    assert "miss weight 2" in output
    assert "Quiet talk / Nothing here names the matter." in output


def test_given_predictions_are_scored_instead_of_tagging(gold, tmp_path):
    path = tmp_path / "predicted.jsonl"
    path.write_text("".join(json.dumps({"id": r["id"], "claims": [EXERCISE]}) + "\n" for r in ROWS))
    figures = json.loads(run(gold, "--predictions", str(path), "--json").output)
    assert figures["topic"]["plain"]["right"] == 2
    assert figures["topic"]["plain"]["false"] == 1


def test_a_prediction_that_is_missing_is_told(gold, tmp_path):
    path = tmp_path / "predicted.jsonl"
    path.write_text('{"id": "hit", "claims": []}\n')
    result = run(gold, "--predictions", str(path))
    assert result.exit_code == 1
    assert "no prediction for 'miss' and 1 other rows" in result.output


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "x", "text": ""}', "line 4: has neither claims"),
        ('{"id": "hit", "text": "", "a": []}', "line 4: id 'hit' stands in an earlier line"),
        ("nonsense", "line 4: JSON is malformed"),
        ('{"id": "x", "text": "", "a": [], "date": "yesterday"}', "row 'x': date 'yesterday' is not YYYY-MM-DD"),
    ],
)
def test_a_bad_row_is_told_with_file_and_line(tmp_path, line, told):
    path = tmp_path / "bad.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + line + "\n")
    result = run(str(path))
    assert result.exit_code == 1
    assert told in " ".join(result.output.split())
    assert "bad.jsonl" in result.output


def test_an_empty_file_is_told(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")
    assert "empty.jsonl: has no rows" in run(str(path)).output
