import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tagger.rules import MARK_END, MARKS, PatternError, compile_pattern

MACROS = {"DRILL": "exercises?|drills?", "LOOP": "{POOL}", "POOL": "{LOOP}"}


def found(source: str, words: str) -> bool:
    pattern = compile_pattern(source, MACROS)
    marked = words.replace("[", MARKS["country"]).replace("]", MARK_END)
    return pattern.regex.search(marked if pattern.exact else marked.lower()) is not None


@pytest.mark.parametrize(
    ("source", "words", "matches"),
    [
        ("joint drill*", "Joint drilling", True),  # any ending, any case
        ("joint drills", "joint drillships", False),  # whole words
        ("joint drill", "conjoint drill", False),  # on the left as well
        ("live fire", "live-fire", True),  # a space is also a hyphen
        ("army base", "the army's base", True),  # and takes a possessive
        ("counter ?terror*", "counterterrorism", True),  # the space may be missing
        ("joint ~2 {DRILL}", "joint naval air drills", True),  # a gap of two words
        ("joint ~2 {DRILL}", "joint naval and air drills", False),  # not of three
        ("(military|naval) base", "naval base", True),  # alternatives
        ("defen[cs]e pact", "defense pact", True),  # one of these letters
        ("jets?", "jet", True),  # a letter that may be missing
        ("(the )?base", "base", True),  # a piece that may be missing
        ("# troops", "1,200 troops", True),  # a number
        ("=SOFA", "a SOFA deal", True),  # exactly so
        ("=SOFA", "a sofa deal", False),  # and not otherwise
        ("<country> navy", "[Chile] navy", True),  # a mention
        ("<country> navy", "Chile navy", False),  # that must have been found as one
        ("chile navy", "[Chile] navy", True),  # plain words match inside a mention
        ("^ chile", "chile asks", True),  # the start of the sentence
        ("^ chile", "so chile asks", False),
        ("task force 15[0-2]", "task force 151", True),  # a range
    ],
)
def test_patterns_match(source: str, words: str, matches: bool) -> None:
    assert found(source, words) is matches


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("(joint|combined", "missing )"),
        ("joint)", "unexpected"),
        ("~3 drills", "a gap cannot begin"),
        ("joint ~3", "a gap cannot end"),
        ("joint ~x drills", "needs a number"),
        ("{NOPE} drills", "unknown macro {NOPE}"),
        ("{LOOP}", "in a circle"),
        ("<planet> navy", "unknown kind of mention 'planet'"),
        ("(a|b)?", "an empty alternative"),
        ("# (a)?", "at least one word"),
        ("fl(y|ies)", "a space is needed"),
        ("a||b", "an empty alternative"),
        ("", "an empty alternative"),
    ],
)
def test_a_mistake_in_a_pattern_is_named(source: str, reason: str) -> None:
    with pytest.raises(PatternError) as error:
        compile_pattern(source, MACROS)
    assert reason in str(error.value)


@given(st.text(alphabet="ab ~3(|)?*#=<>{}[]^country", max_size=25))
def test_any_text_is_a_pattern_or_a_pattern_error(source: str) -> None:
    try:
        pattern = compile_pattern(source, MACROS)
    except PatternError:
        return
    pattern.regex.search("a b")
    assert pattern.groups


@given(st.lists(st.sampled_from(["joint", "naval", "drill", "pact", "the"]), min_size=1, max_size=8))
def test_a_pattern_never_matches_a_text_without_its_anchors(words: list[str]) -> None:
    pattern = compile_pattern("(joint|naval) ~2 (drill*|pact)", {})
    text = " ".join(words)
    if pattern.regex.search(text):
        assert pattern.may_match(frozenset(words))
