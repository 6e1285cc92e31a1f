"""The rule files: their own examples, and how a mistake in them is told."""

from collections.abc import Callable
from importlib.resources import files

import pytest

from services.tagger.decide import Tagger, Tagging
from services.tagger.rules import RulesError, compile_rules, load_rules
from shared.vocabulary import Topic

RULES = load_rules().rules
SOURCES = {
    f.name: f.read_text("utf-8") for f in (files("services.tagger.rules") / "en").iterdir() if f.name.endswith(".toml")
}


def _seen(tagging: Tagging, rule: str) -> bool:
    return any(claim.rule == rule for claim in tagging.claims)


@pytest.mark.parametrize(("rule", "sentence"), [(r.id, s) for r in RULES for s in r.must])
def test_a_rule_hits_its_examples(read: Callable[..., Tagging], rule: str, sentence: str) -> None:
    tagging = read(sentence)
    assert _seen(tagging, rule), [(c.rule, c.evidence[0].quote) for c in tagging.claims]


@pytest.mark.parametrize(("rule", "sentence"), [(r.id, s) for r in RULES for s in r.must_not])
def test_a_rule_leaves_its_counterexamples_alone(read: Callable[..., Tagging], rule: str, sentence: str) -> None:
    assert not _seen(read(sentence), rule)


def test_every_topic_has_a_rule_and_a_phrase(tagger: Tagger) -> None:
    assert {rule.topic for rule in RULES} == set(Topic)
    assert set(tagger.matcher.rules.phrases) == {str(topic) for topic in Topic}


def test_the_rules_have_a_version() -> None:
    assert load_rules().version


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "reason"),
    [
        (
            "joint-exercise.toml",
            'topic = "joint-exercise"',
            'topic = "joint-exercize"',
            "joint-exercise.toml:",
            "unknown topic",
        ),
        ("joint-exercise.toml", "[[rule]]", "[rule", "joint-exercise.toml:", "not TOML"),
        ("port-call.toml", 'status = "concluded"', 'status = "done"', "port-call.toml:", "unknown status 'done'"),
        ("port-call.toml", 'id = "ship-visits"', 'id = "Ship visits"', "port-call.toml:", "needs an id"),
        ("port-call.toml", "unless = [", "unles = [", "port-call.toml:", "unknown key 'unles'"),
        ("mine-action.toml", "parties = 1", "parties = 9", "mine-action.toml:", "parties must be 0 to 3"),
        ("mine-action.toml", '"minesweep*"', '"minesweep* ~"', "mine-action.toml:", "~ needs a number"),
        ("cues.toml", 'kind = "stance"', 'kind = "mood"', "cues.toml:", "kind must be one of"),
        ("phrases.toml", "[port-call]", "[port-calls]", "phrases.toml:", "unknown topic 'port-calls'"),
    ],
)
def test_a_mistake_in_a_rule_file_is_told_with_file_line_and_reason(
    file: str, old: str, new: str, where: str, reason: str
) -> None:
    assert old in SOURCES[file]
    with pytest.raises(RulesError) as error:
        compile_rules({**SOURCES, file: SOURCES[file].replace(old, new, 1)})
    fault = error.value.faults[0]
    assert fault.startswith(where)
    assert fault.removeprefix(where).split(":")[0].isdigit()
    assert reason in fault


def test_all_mistakes_are_told_at_once() -> None:
    broken = {
        **SOURCES,
        "port-call.toml": SOURCES["port-call.toml"].replace('status = "concluded"', 'status = "done"', 1),
        "mine-action.toml": SOURCES["mine-action.toml"].replace("parties = 1", "parties = 9", 1),
    }
    with pytest.raises(RulesError) as error:
        compile_rules(broken)
    assert len(error.value.faults) == 2


def test_a_missing_file_is_told() -> None:
    with pytest.raises(RulesError, match=r"macros\.toml: missing"):
        compile_rules({name: text for name, text in SOURCES.items() if name != "macros.toml"})
