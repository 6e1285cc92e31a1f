"""Rule files in, `Rules` out, or every mistake in them, each with file, line and reason."""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from services.tagger.rules.expression import PatternError
from services.tagger.rules.model import LOOSE, STRONG, WEAK, Cue, Rule, Rules
from services.tagger.rules.pattern import Pattern, compile_pattern
from shared.failures import Refused
from shared.vocabulary import Aim, Status, Topic

E = TypeVar("E", Status, Aim, Topic)

_RULE_KEYS = frozenset(
    (
        *("id", "any", "need", "need_item", "unless", "unless_item", "headline", "yields", "parties", "add"),
        *("status", "aim", "fixed", "weak", "loose", "places", "adversaries", "counterparts", "narrow", "ignore"),
        *("must", "must_not"),
    )
)
_TOPIC_KEYS = frozenset({"topic", "rule", "places", "adversaries", "counterparts", "ignore", "yields"})
_SPECIAL = ("pack.toml", "macros.toml", "cues.toml", "phrases.toml")
_CUE_KEYS = {"id", "kind", "status", "aim", "any", "side"}
_CUE_KINDS = {"attitude", "change", "denial", "stance", "future", "modal", "announce", "act"}
_SIDES = {"left", "right", "both"}


class RulesError(Refused):
    """The rule files hold mistakes; the message lists all of them as file:line: reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("bad rules:\n  " + "\n  ".join(faults))
        self.faults = tuple(faults)


def compile_rules(files: Mapping[str, str]) -> Rules:
    """Compile the files of one language, by name; raises RulesError naming every mistake.

    They are pack.toml, macros.toml, cues.toml, phrases.toml, and one file for each topic.
    """
    return _Compiler(files).compile()


class _Compiler:
    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.faults: list[str] = []
        self.macros: dict[str, str] = {}
        self.cache: dict[str, Pattern] = {}

    def compile(self) -> Rules:
        data = {name: self._parse(name, text) for name, text in self.files.items()}
        for name in _SPECIAL:
            if name not in data:
                self.faults.append(f"{name}: missing")
        self.macros = {str(k): str(v) for k, v in data.get("macros.toml", {}).items()}
        for macro, source in self.macros.items():
            self._pattern("macros.toml", source, what=f"macro {macro}")
        pack = data.get("pack.toml", {})
        cues = tuple(
            cue for row in data.get("cues.toml", {}).get("cue", []) if (cue := self._cue("cues.toml", row)) is not None
        )
        rules: list[Rule] = []
        for name in sorted(set(data) - set(_SPECIAL)):
            rules.extend(self._topic(name, data[name]))
        seen: set[str] = set()
        for rule in rules:
            if rule.id in seen:
                self.faults.append(f"{rule.topic}.toml: two rules are called {rule.id!r}")
            seen.add(rule.id)
        phrases = {
            str(topic): {str(k): str(v) for k, v in words.items()}
            for topic, words in data.get("phrases.toml", {}).items()
        }
        for topic in phrases:
            self._enum("phrases.toml", Topic, topic)
        if self.faults:
            raise RulesError(self.faults)
        return Rules(
            version=str(pack.get("version", "")),
            language=str(pack.get("language", "")),
            rules=tuple(rules),
            cues=cues,
            phrases=phrases,
        )

    def _parse(self, name: str, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            self.faults.append(f"{name}:{line.group(1) if line else '1'}: not TOML: {error}")
            return {}

    def _topic(self, name: str, data: Mapping[str, Any]) -> list[Rule]:
        topic = self._enum(name, Topic, data.get("topic", ""))
        if topic is None:
            return []
        for key in set(data) - _TOPIC_KEYS:
            self._fault(name, key, f"unknown key {key!r}")
        return [rule for row in data.get("rule", []) if (rule := self._rule(name, topic, row, data)) is not None]

    def _rule(self, name: str, topic: Topic, row: Mapping[str, Any], data: Mapping[str, Any]) -> Rule | None:
        identity = row.get("id")
        if not isinstance(identity, str) or not re.fullmatch(r"[a-z0-9-]+", identity):
            self._fault(
                name, str(identity), f"a rule needs an id of small letters, digits and hyphens, not {identity!r}"
            )
            return None
        for key in set(row) - _RULE_KEYS:
            self._fault(name, f'"{identity}"', f"rule {identity}: unknown key {key!r}")
        if not row.get("any"):
            self._fault(name, f'"{identity}"', f"rule {identity}: `any` is empty")
        parties = row.get("parties", 2)
        if not isinstance(parties, int) or isinstance(parties, bool) or not 0 <= parties <= 3:  # noqa: PLR2004
            self._fault(name, f'"{identity}"', f"rule {identity}: parties must be 0 to 3, not {parties!r}")
            parties = 0
        status = self._enum(name, Status, row.get("status", "standing"))
        aim = self._enum(name, Aim, row["aim"]) if "aim" in row else None
        return Rule(
            id=f"{topic}.{identity}",
            topic=topic,
            any=self._patterns(name, row.get("any", []), identity),
            need=self._patterns(name, row.get("need", []), identity),
            need_item=self._patterns(name, row.get("need_item", []), identity),
            unless=self._patterns(name, row.get("unless", []), identity),
            unless_item=self._patterns(name, row.get("unless_item", []), identity),
            headline=self._patterns(name, row.get("headline", []), identity),
            yields=frozenset(
                str(self._enum(name, Topic, t)) for t in [*data.get("yields", ()), *row.get("yields", ())]
            ),
            parties=parties,
            add=tuple(row.get("add", ())),
            status=status or Status.STANDING,
            aim=aim,
            fixed=bool(row.get("fixed", False)),
            strength=WEAK if row.get("weak") else LOOSE if row.get("loose") else STRONG,
            places=bool(row.get("places", data.get("places", False))),
            adversaries=bool(row.get("adversaries", data.get("adversaries", False))),
            counterparts=bool(row.get("counterparts", data.get("counterparts", True))),
            narrow=bool(row.get("narrow", False)),
            ignore=frozenset([*data.get("ignore", ()), *row.get("ignore", ())]),
            must=tuple(row.get("must", ())),
            must_not=tuple(row.get("must_not", ())),
        )

    def _cue(self, name: str, row: Mapping[str, Any]) -> Cue | None:
        identity = str(row.get("id", ""))
        for key in set(row) - _CUE_KEYS:
            self._fault(name, f'"{identity}"', f"cue {identity}: unknown key {key!r}")
        if row.get("kind") not in _CUE_KINDS:
            self._fault(name, f'"{identity}"', f"cue {identity}: kind must be one of {', '.join(sorted(_CUE_KINDS))}")
            return None
        if row.get("side", "both") not in _SIDES:
            self._fault(name, f'"{identity}"', f"cue {identity}: side must be one of {', '.join(sorted(_SIDES))}")
        return Cue(
            id=identity,
            kind=row["kind"],
            status=self._enum(name, Status, row["status"]) if "status" in row else None,
            aim=self._enum(name, Aim, row["aim"]) if "aim" in row else None,
            patterns=self._patterns(name, [p for s in row.get("any", []) for p in _alternatives(s)], identity),
            side=row.get("side", "both"),
        )

    def _patterns(self, name: str, sources: Any, what: str) -> tuple[Pattern, ...]:
        if not isinstance(sources, list) or not all(isinstance(s, str) for s in sources):
            self._fault(name, what, f"{what}: must be a list of patterns")
            return ()
        found = (self._pattern(name, source, what=what) for source in sources)
        return tuple(pattern for pattern in found if pattern is not None)

    def _pattern(self, name: str, source: str, *, what: str) -> Pattern | None:
        if source not in self.cache:
            try:
                self.cache[source] = compile_pattern(source, self.macros)
            except (PatternError, re.error) as error:
                self._fault(name, source, f"{what}: {source!r}: {error}")
                return None
        return self.cache[source]

    def _enum(self, name: str, kind: Callable[[str], E], value: Any) -> E | None:
        try:
            return kind(value)
        except ValueError:
            label = getattr(kind, "__name__", "value").lower()
            self._fault(name, str(value), f"unknown {label} {value!r}")
            return None

    def _fault(self, name: str, near: str, reason: str) -> None:
        lines = self.files.get(name, "").splitlines()
        line = next((number for number, text in enumerate(lines, 1) if near and near in text), 1)
        self.faults.append(f"{name}:{line}: {reason}")


def _alternatives(source: str) -> list[str]:
    """Split "(a|b (c|d)|e)" or "a|b" at its outer bars, so that each part can be looked up by its own anchors."""
    inner = source[1:-1] if source.startswith("(") and _closes_at_end(source) else source
    parts, depth, start = [], 0, 0
    for index, char in enumerate(inner):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(inner[start:index])
            start = index + 1
    parts.append(inner[start:])
    return parts if len(parts) == 1 or inner == source else [a for part in parts for a in _alternatives(part)]


def _closes_at_end(source: str) -> bool:
    depth = 0
    for index, char in enumerate(source):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return index == len(source) - 1
    return False
