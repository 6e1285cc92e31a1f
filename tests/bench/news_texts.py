"""Texts to tag, written here: short feed items and full articles in the proportions of real feeds, and hostile ones.

Of a hundred items of large world-news feeds about 3 are full of the subject's words, 19 touch them (war, police,
ministries) and 78 have little to do with them; a short item has about 320 letters, a full article 3,900.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date
from itertools import cycle, islice
from typing import NamedTuple

DAY = date(2024, 6, 4)
SHORT = 320
FULL = 3900
KINDS = ("core",) * 3 + ("near",) * 19 + ("far",) * 78

COUNTRIES = ("Chile", "Peru", "Japan", "Kenya", "Norway", "Oman", "Vietnam", "Poland", "Canada", "Brazil", "the U.S.")
SENTENCES = {
    "core": (
        "{a} and {b} signed a defence cooperation agreement in {c} on Monday.",
        "{a} will hold joint naval drills with {b} near {c} next month.",
        "The defence minister of {a} met his counterpart from {b} and agreed to resume military training.",
        "A frigate from {a} made a port call in {b} while officers discussed basing rights.",
        "{a} denied that it had sold fighter jets to {b}, and said the arms embargo stands.",
        "“Our troops will stay in {a},” the spokesman for {b} said, after talks on military aid collapsed.",
    ),
    "near": (
        "Police in {a} arrested three men with weapons near the border with {b}.",
        "Shelling killed two soldiers in a village, the ministry of defence in {a} said.",
        "The president of {a} urged calm after troops fired at protesters in the capital.",
        "A court in {a} jailed a former general for taking bribes from a firm in {b}.",
        "Rebels attacked an army post in the north of {a}; residents fled towards {b}.",
        "Security forces of {a} freed hostages, and the government promised an inquiry.",
    ),
    "far": (
        "Voters in {a} go to the polls on Sunday after a campaign about rents and wages.",
        "The champion from {a} won the second set 6–4 before rain stopped play.",
        "Shares rose in {a} as the central bank kept interest rates where they were.",
        "A heatwave closed schools in {a}, where hospitals reported more patients than usual.",
        "The singer’s new album tops the charts in {a}, and a tour of {b} begins in autumn.",
        "Scientists found a beetle in a forest of {a} that had not been seen for eighty years…",
        "A ferry ran aground off {a}; all 212 passengers were brought ashore, officials said.",
    ),
}


class Item(NamedTuple):
    """What a feed gives: a headline and a text."""

    title: str
    text: str


def make_items(count: int, letters: int, seed: int = 1) -> list[Item]:
    """Write `count` items of about that many letters; the same seed gives the same items."""
    draw = random.Random(seed)
    return [_item(draw, draw.choice(KINDS), letters) for _ in range(count)]


def _item(draw: random.Random, kind: str, letters: int) -> Item:
    title = _sentence(draw, kind).rstrip(".…")
    lines: list[str] = []
    while sum(map(len, lines)) + len(title) < letters:
        lines.append(_sentence(draw, kind if draw.random() < 0.7 else draw.choice(KINDS)))
    return Item(title, "".join(line + draw.choice((" ", " ", "\n\n")) for line in lines).strip())


def _sentence(draw: random.Random, kind: str) -> str:
    a, b, c = draw.sample(COUNTRIES, 3)
    return draw.choice(SENTENCES[kind]).format(a=a, b=b, c=c)


def hostile(literals: list[str], names: list[str]) -> dict[str, Callable[[int], str]]:
    """Ways to write a text of any length that asks for the most work."""
    return {
        "only anchors": lambda size: _repeat(cycle(literals), " ", size),
        "only names": lambda size: _repeat(cycle(name.title() for name in names), " ", size),
        "one name over and over": lambda size: _repeat(cycle(["United States"]), " ", size),
        "no spaces": lambda size: _repeat(cycle(literals), "", size),
        "one letter": lambda size: "a" * size,
        "deep punctuation": lambda size: _repeat(cycle(["(((", "“‘", "...", "!?", ";:", "---", "'s", ")))"]), "", size),
        "only stops": lambda size: _repeat(cycle(["U.S.", "A.", "e.g.", "Gen."]), " ", size),
        "one long sentence": lambda size: _repeat(
            cycle(["Chile and Peru will hold joint naval drills with Japan", "and deny the military base deal"]),
            ", ",
            size,
        ),
        "combining marks": lambda size: _repeat(cycle(["e\u0301\u0301\u0301", "ﬁ", "\u200b", "ǆ"]), "", size),
        "only line breaks": lambda size: _repeat(cycle(["a", "Peru"]), "\n\n", size),
        "capital words": lambda size: _repeat(cycle(["Navy", "Chief", "Of"]), " ", size),
    }


def _repeat(pieces: Iterator[str], joint: str, size: int) -> str:
    return joint.join(islice(pieces, size))[:size]
