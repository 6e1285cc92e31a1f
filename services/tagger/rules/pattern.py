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
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from services.tagger.rules.expression import (
    EURO,
    KINDS,
    MARK_END,
    MARKS,
    SEPARATOR,
    WORD_END,
    WORD_START,
    Node,
    PatternError,
    at_first_letters,
    between_pieces,
    either,
    rarity,
    sequence_of,
    with_shared_endings,
    with_shared_leads,
    word_node,
)


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
        for group in self.groups:  # noqa: SIM110 - asked thousands of times for each text
            if group.isdisjoint(fired):
                return False
        return True

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The expression, compiled when it is first needed: most patterns never are."""
        return re.compile(self.expression)


def compile_pattern(source: str, macros: Mapping[str, str]) -> Pattern:
    """Compile `source`; `macros` maps names to pattern sources. Raises PatternError."""
    parser = _Parser(_expand(source, macros))
    node = parser.parse()
    if not node.groups:
        raise PatternError("nothing in it must occur: at least one word outside ( )? and ~n is needed")
    expression = at_first_letters(node.first) + node.regex
    expression = expression if parser.exact else expression.lower()
    groups = tuple(sorted(set(node.groups), key=rarity, reverse=True))
    return Pattern(source, expression.replace("€", EURO), parser.exact, groups)


def _expand(source: str, macros: Mapping[str, str], depth: int = 0) -> str:
    if depth > 8:  # noqa: PLR2004 - deeper than any sane nesting, shallow enough to name the loop
        raise PatternError("macros refer to each other in a circle")

    def written_out(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in macros:
            raise PatternError(f"unknown macro {{{name}}} at character {match.start() + 1}")
        return "(" + _expand(macros[name], macros, depth + 1) + ")"

    return re.sub(r"\{([A-Za-z_]+)\}", written_out, source)


_WORD = re.compile(r"(?:[^\W_]\??|['&.$€£/+#]|\[[^\]]+\]\??)+")
_NUMBER = re.compile(r"\d{1,2}")


class _Parser:
    """Recursive descent over one expanded pattern."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.exact = "=" in source

    def parse(self) -> Node:
        node = self._alternatives()
        if self.at < len(self.source):
            raise self._error(f"unexpected {self.source[self.at]!r}")
        return node

    def _error(self, why: str) -> PatternError:
        return PatternError(f"{why} at character {self.at + 1} of {self.source!r}")

    def _alternatives(self) -> Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        groups: tuple[frozenset[str], ...] = ()
        if all(branch.groups for branch in branches):
            groups = (frozenset().union(*(max(branch.groups, key=rarity) for branch in branches)),)
        shared = all(branch.rest is not None for branch in branches)
        return Node(
            "(?:" + "|".join(with_shared_leads(branches)) + ")",
            groups,
            any(b.optional for b in branches),
            either(b.first for b in branches),
            "(?:" + "|".join(with_shared_endings(branches)) + ")" if shared else None,
        )

    def _sequence(self) -> Node:
        """Read pieces up to a bar or a closing parenthesis, each with what must stand between it and the last."""
        regex = ""
        groups: list[frozenset[str]] = []
        leading: list[tuple[str, str]] = []  # optional pieces before the first one that must occur
        firsts: list[frozenset[str] | None] = []
        begun = False
        start: Node | None = None  # the first piece, where it must occur
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
                leading.append((between_pieces(joint) if leading else "", node.regex))
                continue
            if joint == "?" and not node.optional:  # the words may be written together
                regex = regex.removesuffix(f"{WORD_END}{MARK_END}?")
                node = Node(node.regex.removeprefix(WORD_START), (), first=node.first)  # it may begin inside a word
            join = between_pieces(joint)
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
        return sequence_of(regex, tuple(groups), either(firsts), start)

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
            opening += f"(?:{regex}{following or SEPARATOR})?"
        return opening

    def _piece(self) -> Node:
        if self._take("("):
            inner = self._alternatives()
            if not self._take(")"):
                raise self._error("missing )")
            optional = self._take("?")
            return Node(f"(?:{inner.regex})", inner.groups, optional, inner.first, None if optional else inner.rest)
        if self._take("<"):
            end = self.source.find(">", self.at)
            kinds = self.source[self.at : end].split(",") if end > 0 else [""]
            unknown = [kind for kind in kinds if kind not in KINDS]
            if unknown:
                raise self._error(f"unknown kind of mention {unknown[0]!r} (known: {', '.join(KINDS)})")
            self.at = end + 1
            marks = "".join(MARKS[kind] for kind in kinds)
            return Node(f"[{marks}][^{MARK_END}]*{MARK_END}", (frozenset(f"<{kind}>" for kind in kinds),))
        if self._take("^"):
            if not self._take(" "):
                pass
            inner = self._piece()
            return Node(f"(?:^[^\\w\x0e-\x17]*){inner.regex}", inner.groups, first=None)
        return self._word()

    def _word(self) -> Node:
        exact = self._take("=")
        match = _WORD.match(self.source, self.at)
        if match is None:
            raise self._error(f"unexpected {self.source[self.at] if self.at < len(self.source) else 'end'!r}")
        self.at = match.end()
        open_ended = self._take("*")
        return word_node(match.group(), open_ended=open_ended, as_written=exact, cased=self.exact)

    def _take(self, char: str) -> bool:
        if self.source.startswith(char, self.at):
            self.at += len(char)
            return True
        return False

    def _number(self) -> int:
        match = _NUMBER.match(self.source, self.at)
        if match is None:
            raise self._error("~ needs a number of words")
        self.at = match.end()
        return int(match.group())
