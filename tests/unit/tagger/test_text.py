import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tagger.text import LONGEST_SENTENCE, Span, fold

RISKY = st.text(
    alphabet=st.one_of(
        st.sampled_from("aA.USK'’“”‘—–-\u00a0\u200b\u00ad\n\r\t ﬁ①ǅİß…½日本ក\ud800\u2028"),
        st.characters(),
    ),
    max_size=60,
)


@given(RISKY)
def test_every_letter_maps_to_the_original_that_it_came_from(original: str) -> None:
    text = fold(original)
    assert len(text.norm) == len(text.starts) == len(text.ends)
    for index in range(len(text.norm)):
        assert 0 <= text.starts[index] < text.ends[index] <= len(original)
    assert all(a <= b for a, b in zip(text.starts, text.starts[1:], strict=False))
    assert all(a <= b for a, b in zip(text.ends, text.ends[1:], strict=False))


@given(RISKY)
def test_a_quoted_span_folds_to_the_words_it_was_found_by(original: str) -> None:
    text = fold(original)
    words = [i for i, char in enumerate(text.norm) if char.isalnum()]
    if words:
        span = Span(words[0], words[-1] + 1)
        assert "".join(fold(text.quote(span)).norm.split()) == "".join(text.norm[span.start : span.end].split())


@given(RISKY)
def test_sentences_are_in_order_never_overlap_and_keep_every_letter(original: str) -> None:
    text = fold(original)
    at = 0
    kept = 0
    for sentence in text.sentences:
        assert at <= sentence.start < sentence.end <= len(text.norm)
        kept += sum(char.isalnum() for char in text.norm[sentence.start : sentence.end])
        at = sentence.end
    assert kept == sum(char.isalnum() for char in text.norm)


@given(RISKY)
def test_the_lower_case_text_has_the_same_length(original: str) -> None:
    text = fold(original)
    assert len(text.low) == len(text.norm)


@pytest.mark.parametrize(
    ("original", "folded"),
    [
        ("“Peru’s  navy”", '"Peru\'s navy"'),  # curly quotes, double spaces
        ("the U.S. and the U.K. met", "the US and the UK met"),  # abbreviated names close up
        ("a visit to the U.S.", "a visit to the US."),  # but the last stop ends the sentence
        ("Sana\u200ba", "Sanaa"),  # zero-width space
        ("Paris — Berlin", "Paris - Berlin"),  # dashes
        ("a\r\n\r\nb", "a\nb"),  # paragraphs
        ("ﬁrst", "first"),  # ligature
    ],
)
def test_text_is_folded(original: str, folded: str) -> None:
    assert fold(original).norm == folded


@pytest.mark.parametrize(
    ("original", "count"),
    [
        ("Adm. Ruiz met Maj. Gen. Okello. They agreed.", 2),  # ranks end no sentence
        ("The U.S. Navy sailed. Chile watched.", 2),  # nor do abbreviated names
        ("Talks began at 3 p.m. Tuesday in Lima.", 1),  # a small letter before the stop
        ("No stop at the end", 1),
        ("First line\nSecond line", 2),  # a line break always does
    ],
)
def test_sentences_are_split(original: str, count: int) -> None:
    assert len(fold(original).sentences) == count


def test_offsets_point_into_the_original_and_not_into_the_folded_text() -> None:
    original = "“The  U.S.”  met   Peru’s navy."
    text = fold(original)
    start = text.norm.index("Peru's")
    assert text.original_span(Span(start, start + 6)) == (original.index("Peru’s"), original.index("Peru’s") + 6)


def test_a_glued_headline_is_a_sentence_of_its_own() -> None:
    text = fold("Norway Defence Minister Oman: In a meeting on Monday the minister spoke.")
    first = text.sentences[0]
    assert text.norm[first.start : first.end] == "Norway Defence Minister Oman:"


def test_a_clause_ends_where_another_verb_takes_over() -> None:
    text = fold("Chile sends troops to Haiti while Peru denies that it sells arms.")
    sentence = text.sentences[0]
    at = text.norm.index("troops")
    clause = text.clause(sentence, Span(at, at + 6))
    assert text.norm[clause.start : clause.end] == "Chile sends troops to Haiti"


@given(st.sampled_from(["a", "troops ", "Peru, ", "(", "é"]), st.integers(1, 4))
def test_what_has_no_stops_is_cut_into_sentences_of_bounded_length(piece: str, times: int) -> None:
    text = fold(piece * (times * LONGEST_SENTENCE // len(piece)))
    assert all(0 < sentence.end - sentence.start <= LONGEST_SENTENCE for sentence in text.sentences)
    kept = "".join(text.norm[sentence.start : sentence.end] for sentence in text.sentences)
    assert kept.replace(" ", "") == text.norm.replace(" ", "")


def test_a_long_sentence_is_cut_between_words() -> None:
    text = fold("troops " * LONGEST_SENTENCE)
    assert {text.norm[s.start : s.end].replace("troops", "").strip() for s in text.sentences} == {""}
    assert len(text.sentences) == 8


@given(RISKY)
def test_words_are_runs_of_letters_and_digits_in_order(original: str) -> None:
    text = fold(original)
    found = [(start, word) for start, word in zip(text.word_starts, text.words, strict=False) if word]
    assert found == [(match.start(), match.group()) for match in re.finditer(r"\w+", text.low)]
