from services.tagger.anchors import Anchors
from services.tagger.marked import Marked, Passage
from services.tagger.mentions import Mention
from services.tagger.rules import MARK_END, MARKS, Pattern, compile_pattern
from services.tagger.text import Span, fold
from shared.gazetteer import Form, Kind
from shared.gazetteer import Mention as Name

NAMES = {
    "Chile": Name("Chile", Kind.COUNTRY, Form.NAME, ("CHL",), "Chile"),
    "Cobra Gold": Name("Cobra Gold", Kind.EXERCISE, Form.NAME, (), "Cobra Gold"),
}


def marked(words: str, *patterns: Pattern, names: tuple[str, ...] = ("Chile", "Cobra Gold")) -> Marked:
    text = fold(words)
    mentions = [
        Mention(Span(text.norm.index(name), text.norm.index(name) + len(name)), NAMES[name])
        for name in names
        if name in text.norm
    ]
    literals = {a for pattern in patterns for group in pattern.groups for a in group if a[0] != "<"}
    return Marked(text, Span(0, len(text.norm)), mentions, Anchors(literals))


def found(source: str, words: str) -> list[str]:
    pattern = compile_pattern(source, {})
    sentence = marked(words, pattern)
    return [sentence.text.norm[span.start : span.end] for span in sentence.find_all(pattern)]


def test_spans_point_into_the_text_as_it_was_before_it_was_marked() -> None:
    assert found("<country> joins <exercise>", "So Chile joins Cobra Gold, again.") == ["Chile joins Cobra Gold"]
    assert found("again", "So Chile joins Cobra Gold, again.") == ["again"]
    assert found("joins", "So Chile joins Cobra Gold, again.") == ["joins"]


def test_a_letter_like_a_mark_in_the_text_is_no_mention() -> None:
    stray = f"{MARKS['country']}Peru{MARK_END} joins, Chile joins"
    assert found("<country> joins", stray) == ["Chile joins"]
    assert found("joins", stray) == ["joins", "joins"]


def test_a_sum_in_euros_is_read() -> None:
    assert found("costs €#", "It costs €500 a day, not $500.") == ["costs €500"]


def test_a_passage_has_what_one_of_its_sentences_has() -> None:
    pact, drill = compile_pattern("pact*", {}), compile_pattern("joint drill*", {})
    passage = Passage([marked(words, pact, drill) for words in ("A pact.", "A joint plan.", "Drills.")])
    assert passage.has(pact)
    assert not passage.has(drill)
    assert not Passage([]).has(pact)
