r"""The pattern language of the rule files, and its compiler.

A pattern is matched inside one sentence, on whole words, without regard to case. A space stands for any run of
spaces, hyphens and punctuation, and for a possessive 's before it.

    troop*            a word with any ending                 (a|b c|d*)   alternatives, may nest
    ~4                at most four words in between          {NAME}       a macro of macros.toml
    =SOFA             this word in exactly this case
    defen[cs]e jets?  one of these letters; ? maybe not      counter ?x   the space may be missing
    #                 a number                               (a b)?       may be missing
    <country,body>    a mention of one of these kinds: country (its name, adjective, people, capital), body, person,
                      base, exercise, agreement, forum, mission, group       ^            start of the sentence

`compile_pattern` returns a `Pattern`: a regular expression for *marked* text (`matching.mark` puts a control
letter before a mention and MARK_END after it) and groups of anchors: of each group at least one stands in any text
that matches. An anchor is a literal at the start of a word, or "<kind>" for a mention.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

KINDS = ("country", "body", "person", "base", "exercise", "agreement", "forum", "mission", "group")
MARKS = {kind: chr(0x0E + index) for index, kind in enumerate(KINDS)}
MARK_END = "\x17"
EURO = "\x18"
"""Stands for "€" in marked text: a class of letters with one beyond Latin-1 in it takes 50 times as long to compile."""
_MARK_CLASS = "[\x0e-\x16]"
_SEP = "(?:'s?)?[^\\w\x0e-\x18$£']+'?"
_GAP_WORD = f"(?:{_MARK_CLASS}[^\x17]*\x17|[^\\s\x0e-\x17]+)"
_WORD_START = "(?<!\\w)"
_WORD_END = "(?!\\w)"
_LEAD = f"{_WORD_START}{_MARK_CLASS}?"
MAX_SPELLINGS = 200


class PatternError(ValueError):
    """A pattern that cannot be read; the message says why and at which character."""


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern: its expression over marked text (in lower case unless `exact`), its groups rarest first."""

    source: str
    expression: str
    exact: bool
    groups: tuple[frozenset[str], ...]

    @property
    def anchors(self) -> frozenset[str]:
        """The rarest group: what to look for first."""
        return self.groups[0]

    def may_match(self, fired: AbstractSet[str]) -> bool:
        """Tell whether each group has an anchor among `fired`; if not, the pattern cannot match."""
        return all(not group.isdisjoint(fired) for group in self.groups)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The expression, compiled when it is first needed: most patterns never are."""
        return re.compile(self.expression)


@dataclass(frozen=True)
class _Node:
    """A piece of a pattern: expression, groups of anchors that must occur, whether it may be empty.

    `first`: the letters it can begin with, in lower case, marks aside; None where it could be any. `rest`: where the
    expression begins as a word does (_LEAD), what follows that: alternatives then share the beginning. `stem`: where the
    rest is one word, its spellings, to be followed by `ending`: alternatives share that too.
    """

    regex: str
    groups: tuple[frozenset[str], ...]
    optional: bool = False
    first: frozenset[str] | None = frozenset()
    rest: str | None = None
    stem: str | None = None
    ending: str = ""


def compile_pattern(source: str, macros: Mapping[str, str]) -> Pattern:
    """Compile `source`; `macros` maps names to pattern sources. Raises PatternError."""
    parser = _Parser(_expand(source, macros))
    node = parser.parse()
    if not node.groups:
        raise PatternError("nothing in it must occur: at least one word outside ( )? and ~n is needed")
    expression = _at_first_letters(node.first) + node.regex
    expression = expression if parser.exact else expression.lower()
    return Pattern(source, expression.replace("€", EURO), parser.exact, tuple(sorted(set(node.groups), key=_rarity, reverse=True)))


def _at_first_letters(first: frozenset[str] | None) -> str:
    """Turn most places of a text away at once: a match begins a word, with one of a few letters or a mark."""
    if first is None:
        return ""
    letters = "".join(re.escape(c) for c in sorted({*first, *(c.upper() for c in first)}))
    return f"(?<!\\w)(?=[\x0e-\x16{letters}])"


def alternatives(source: str) -> list[str]:
    """Split "(a|b (c|d)|e)" or "a|b" at its outer bars, so that each part can be looked up by its own anchors."""
    inner = source[1:-1] if source.startswith("(") and _closes_at_end(source) else source
    parts, depth, start = [], 0, 0
    for index, char in enumerate(inner):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(inner[start:index])
            start = index + 1
    parts.append(inner[start:])
    return parts if len(parts) == 1 or inner == source else [a for part in parts for a in alternatives(part)]


def _closes_at_end(source: str) -> bool:
    depth = 0
    for index, char in enumerate(source):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return index == len(source) - 1
    return False


def _expand(source: str, macros: Mapping[str, str], depth: int = 0) -> str:
    if depth > 8:  # noqa: PLR2004 - deeper than any sane nesting, shallow enough to name the loop
        raise PatternError("macros refer to each other in a circle")

    def written_out(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in macros:
            raise PatternError(f"unknown macro {{{name}}} at character {match.start() + 1}")
        return "(" + _expand(macros[name], macros, depth + 1) + ")"

    return re.sub(r"\{([A-Za-z_]+)\}", written_out, source)


class _Parser:
    """Recursive descent over one expanded pattern."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.exact = "=" in source

    def parse(self) -> _Node:
        node = self._alternatives()
        if self.at < len(self.source):
            raise self._error(f"unexpected {self.source[self.at]!r}")
        return node

    def _error(self, why: str) -> PatternError:
        return PatternError(f"{why} at character {self.at + 1} of {self.source!r}")

    def _alternatives(self) -> _Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        groups: tuple[frozenset[str], ...] = ()
        if all(branch.groups for branch in branches):
            groups = (frozenset().union(*(max(branch.groups, key=_rarity) for branch in branches)),)
        shared = all(branch.rest is not None for branch in branches)
        return _Node(
            "(?:" + "|".join(_with_shared_leads(branches)) + ")",
            groups,
            any(b.optional for b in branches),
            _either(b.first for b in branches),
            "(?:" + "|".join(_with_shared_endings(branches)) + ")" if shared else None,
        )

    def _sequence(self) -> _Node:
        """Read pieces up to a bar or a closing parenthesis, each with what must stand between it and the last."""
        regex = ""
        groups: list[frozenset[str]] = []
        leading: list[tuple[str, str]] = []  # optional pieces before the first one that must occur
        firsts: list[frozenset[str] | None] = []
        begun = False
        start: _Node | None = None  # the first piece, where it must occur
        while True:
            joint = self._joint(begun=begun or bool(leading))
            if self.at >= len(self.source) or self.source[self.at] in "|)":
                break
            if (begun or leading) and not joint and self.source[self.at - 2 : self.at] != ")?":
                raise self._error("a space is needed before this")
            node = self._piece()
            if not begun:
                firsts.append(node.first)
            if node.optional and not begun:
                leading.append((_between(joint) if leading else "", node.regex))
                continue
            if joint == "?" and not node.optional:  # the words may be written together
                regex = regex.removesuffix(f"{_WORD_END}{MARK_END}?")
                node = _Node(node.regex.removeprefix(_WORD_START), (), first=node.first)  # it may begin inside a word
            join = _between(joint)
            if node.optional:
                regex += f"(?:{join}{node.regex})?"
                continue
            regex += join + node.regex if begun else self._opening(leading, join) + node.regex
            start = start or (None if begun or leading else node)
            begun = True
            groups.extend(node.groups)
        if not begun:
            raise self._error("an empty alternative")
        if joint.isdigit():
            raise self._error("a gap cannot end a pattern")
        if start is not None and regex == start.regex:
            return replace(start, first=_either(firsts))
        return _Node(regex, tuple(groups), first=_either(firsts), rest=_rest(regex, start))

    def _joint(self, *, begun: bool) -> str:
        """Read what stands before a piece: "" nothing, " " a space, "?" a space that may be missing, "3" a gap."""
        joint = ""
        while self.at < len(self.source):
            if self._take(" "):
                joint = "?" if self._take("?") else (joint or " ")
            elif self._take("~"):
                joint = str(self._number())
                if not begun:
                    raise self._error("a gap cannot begin a pattern")
            else:
                break
        return joint

    @staticmethod
    def _opening(leading: list[tuple[str, str]], join: str) -> str:
        """Nest optional pieces, each with what stands between it and the next, before the first certain one."""
        opening = ""
        for index, (_, regex) in enumerate(leading):
            following = leading[index + 1][0] if index + 1 < len(leading) else join
            opening += f"(?:{regex}{following or _SEP})?"
        return opening

    def _piece(self) -> _Node:
        if self._take("("):
            inner = self._alternatives()
            if not self._take(")"):
                raise self._error("missing )")
            optional = self._take("?")
            return _Node(f"(?:{inner.regex})", inner.groups, optional, inner.first, None if optional else inner.rest)
        if self._take("<"):
            end = self.source.find(">", self.at)
            kinds = self.source[self.at : end].split(",") if end > 0 else [""]
            unknown = [kind for kind in kinds if kind not in KINDS]
            if unknown:
                raise self._error(f"unknown kind of mention {unknown[0]!r} (known: {', '.join(KINDS)})")
            self.at = end + 1
            marks = "".join(MARKS[kind] for kind in kinds)
            return _Node(f"[{marks}][^{MARK_END}]*{MARK_END}", (frozenset(f"<{kind}>" for kind in kinds),))
        if self._take("^"):
            if not self._take(" "):
                pass
            inner = self._piece()
            return _Node(f"(?:^[^\\w\x0e-\x17]*){inner.regex}", inner.groups, first=None)
        return self._word()

    def _word(self) -> _Node:
        exact = self._take("=")
        match = re.compile(r"(?:[^\W_]\??|['&.$€£/+#]|\[[^\]]+\]\??)+").match(self.source, self.at)
        if match is None:
            raise self._error(f"unexpected {self.source[self.at] if self.at < len(self.source) else 'end'!r}")
        self.at = match.end()
        open_ended = self._take("*")
        spelled = _spellings(match.group())
        stem = "|".join(re.escape(s).replace(r"\#", r"\d[\d,.]*") for s in spelled)
        if self.exact and not exact:
            stem = f"(?i:{stem})"
        body = f"(?:{stem})" if len(spelled) > 1 else stem
        ending = f"\\w*{MARK_END}?" if open_ended else f"{_WORD_END}{MARK_END}?"
        numeral = any("#" in s for s in spelled)
        first = frozenset(c for s in spelled for c in ("0123456789" if s[0] == "#" else s[0].lower()))
        groups = () if numeral else (frozenset(s.lower() for s in spelled),)
        return _Node(_LEAD + body + ending, groups, first=first, rest=body + ending, stem=stem, ending=ending)

    def _take(self, char: str) -> bool:
        if self.source.startswith(char, self.at):
            self.at += len(char)
            return True
        return False

    def _number(self) -> int:
        match = re.compile(r"\d{1,2}").match(self.source, self.at)
        if match is None:
            raise self._error("~ needs a number of words")
        self.at = match.end()
        return int(match.group())


def _with_shared_leads(branches: Sequence[_Node]) -> Iterator[str]:
    """Write alternatives in order, the beginning of those that begin as words do once for all that stand together."""
    for shared, those in groupby(branches, key=lambda branch: branch.rest is not None):
        if shared:
            yield f"{_LEAD}(?:{'|'.join(_with_shared_endings(those))})"
        else:
            yield from (branch.regex for branch in those)


def _with_shared_endings(branches: Iterable[_Node]) -> Iterator[str]:
    """Write what follows _LEAD in alternatives, in order, words that end alike with one ending."""
    for ending, those in groupby(branches, key=lambda branch: branch.ending if branch.stem else ""):
        if ending:
            yield f"(?:{'|'.join(str(branch.stem) for branch in those)}){ending}"
        else:
            yield from (str(branch.rest) for branch in those)


def _rest(regex: str, start: _Node | None) -> str | None:
    """Return what follows _LEAD in a sequence that begins with `start`, if it begins so."""
    if start is None or start.rest is None:
        return None
    if regex.startswith(_LEAD):
        return regex.removeprefix(_LEAD)
    return start.rest + regex.removeprefix(start.regex)


def _either(firsts: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    known: set[str] = set()
    for first in firsts:
        if first is None:
            return None
        known |= first
    return frozenset(known)


def _between(joint: str) -> str:
    if joint == "?":
        return f"(?:{_SEP})?"
    if joint.isdigit():
        return f"(?:{_SEP}{_GAP_WORD}){{0,{joint}}}?{_SEP}"
    return _SEP


def _spellings(word: str) -> list[str]:
    """Write out [ab] and the ? after a letter; raises PatternError above MAX_SPELLINGS."""
    spelled = [""]
    for match in re.finditer(r"(\[[^\]]+\]|.)(\??)", word):
        options = list(match.group(1)[1:-1]) if match.group(1).startswith("[") else [match.group(1)]
        if len(options) == 3 and options[1] == "-":  # noqa: PLR2004 - a range such as [0-4]
            options = [chr(code) for code in range(ord(options[0]), ord(options[2]) + 1)]
        if match.group(2):
            options = [*options, ""]
        spelled = [s + option for s in spelled for option in options]
        if len(spelled) > MAX_SPELLINGS:
            raise PatternError(f"{word!r} has more than {MAX_SPELLINGS} spellings")
    return [s for s in spelled if s]


_EVERYWHERE = frozenset(
    ["a", "about", "after", "against", "all", "an", "and", "are", "as", "at", "be", "before", "between",
     "but", "by", "call", "co", "country", "down", "first", "for", "from", "get", "give", "has", "have",
     "he", "his", "in", "into", "is", "it", "its", "make", "more", "nation", "near", "new", "no", "not",
     "number", "of", "off", "on", "or", "out", "over", "pass", "put", "say", "set", "so", "state", "take",
     "than", "that", "the", "their", "they", "this", "through", "to", "turn", "up", "use", "war", "was",
     "week", "were", "will", "with", "year", "you"]
)  # fmt: skip
"""Words that begin a word in most texts: a pattern is never looked up by them."""


def _rarity(anchors: frozenset[str]) -> float:
    """Prefer few and long literals: the shortest one decides, many of them cost, everyday words are no use."""
    if any(anchor.startswith("<") for anchor in anchors):
        return 0.5
    if not anchors.isdisjoint(_EVERYWHERE):
        return -1.0
    return min(len(anchor) for anchor in anchors) - len(anchors) / 20
