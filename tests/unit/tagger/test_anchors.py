import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tagger import anchors
from services.tagger.anchors import Anchors
from services.tagger.text import Span, fold

LITERALS = ("drill", "dr", "a", "won't", "n't", "2+2", "'ll", "$", "u.s", "é")


def standing(low: str) -> set[str]:
    """Look at every place for every literal."""
    return {
        literal
        for literal in LITERALS
        for at in range(len(low))
        if low.startswith(literal, at) and not (at and (low[at - 1].isalnum() or low[at - 1] == "_"))
    }


@given(st.lists(st.sampled_from([*LITERALS, "drills", "x", " ", "_", "'", "won", "'t", "+2", ".", "É"]), max_size=25))
def test_exactly_the_literals_at_the_start_of_words_are_found(pieces: list[str]) -> None:
    text = fold("".join(pieces))
    found = Anchors(LITERALS).inside(text, Span(0, len(text.norm)))
    assert found == standing(text.low)


@given(st.lists(st.sampled_from(["drills", "conjoin", "won't", "a", "x", "2+2"]), max_size=12))
def test_where_no_place_is_given_no_literal_stands(words: list[str]) -> None:
    text = fold(" ".join(words))
    known = Anchors(("drill", "won't", "2+2"))
    if not known.places(text):
        assert not known.inside(text, Span(0, len(text.norm)))


def test_only_what_is_inside_counts() -> None:
    text = fold("drills and a pact")
    assert Anchors(("drill", "pact")).inside(text, Span(7, len(text.norm))) == {"pact"}


def test_what_is_remembered_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "REMEMBERED", 10)
    known = Anchors(("drill",))
    text = fold(" ".join(f"word{number}" for number in range(100)) + " drilling")
    assert known.inside(text, Span(0, len(text.norm))) == {"drill"}
    assert len(known._begun) <= 11
