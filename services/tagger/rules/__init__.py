"""The rules: data files per language, and their compiler. Change what is flagged in `en/*.toml`, not in code."""

from importlib.resources import files

from services.tagger.rules.compiler import RulesError, compile_rules
from services.tagger.rules.expression import EURO, EVERYWHERE, MARK_END, MARKS, PatternError
from services.tagger.rules.model import Cue, Rule, Rules
from services.tagger.rules.pattern import Pattern, compile_pattern

__all__ = [
    "EURO",
    "EVERYWHERE",
    "MARKS",
    "MARK_END",
    "Cue",
    "Pattern",
    "PatternError",
    "Rule",
    "Rules",
    "RulesError",
    "compile_pattern",
    "compile_rules",
    "load_rules",
]


def load_rules(language: str = "en") -> Rules:
    """Compile the rule files that come with this package; raises RulesError."""
    folder = files(__package__) / language
    return compile_rules(
        {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}
    )
