import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.pages.excerpt import REACH, Excerpt, excerpt


def shown(text, quote):
    start = text.index(quote)
    found = excerpt(text, start, start + len(quote), quote)
    return (
        f"{'…' if found.cut_before else ''}{found.before}[{found.quote}]{found.after}{'…' if found.cut_after else ''}"
    )


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        ("Before that. They met today. Later.", "met", "They [met] today."),
        ("He spoke to the UN. They met in 2017. Later.", "met", "They [met] in 2017."),
        ("They met.", "They met.", "[They met.]"),
        ("First line\nThey met\nThird", "met", "They [met]"),
        (
            "It said Maj. Gen. Ann Lee met the U.S. envoy on Monday. Next.",
            "met",
            "It said Maj. Gen. Ann Lee [met] the U.S. envoy on Monday.",
        ),
        ("He asked: “Why now?” They met again!  Later.", "met", "They [met] again!"),
        ("部长们会晤。双方讨论恢复演习。没有签署。", "讨论恢复演习", "双方[讨论恢复演习]。"),
        ("ភ្នំពេញ។ គេពិភាក្សាថ្ងៃនេះ។ ចប់", "ពិភាក្សា", "គេ[ពិភាក្សា]ថ្ងៃនេះ។"),
        ("أعلنت الوزارة تعليق التمرين؟ نعم.", "تعليق", "أعلنت الوزارة [تعليق] التمرين؟"),
        ("First. Two ends. They met", "ends. They", "Two [ends. They] met"),
    ],
)
def test_a_quote_stands_in_its_sentence(text, quote, expected):
    assert shown(text, quote) == expected


def test_a_long_sentence_is_cut_between_words_on_both_sides():
    text = "word " * 200 + "met " + "word " * 200
    found = shown(text.strip(), "met")
    assert found.startswith("…word ")
    assert found.endswith(" word…")
    assert len(found) < 2 * REACH + 20


def test_text_without_spaces_is_cut_anyway():
    found = excerpt("字" * 1000, 500, 502, "字字")
    assert found.cut_before
    assert found.cut_after
    assert len(found.before) == len(found.after) == REACH


def test_a_quote_that_has_moved_is_found_again():
    assert excerpt("New first. They met today.", 0, 3, "met") == Excerpt("They ", "met", " today.")


def test_a_quote_that_is_gone_stands_alone():
    assert excerpt("Something else. Altogether.", 0, 3, "met today") == Excerpt("", "met today", "")
    assert excerpt("", 5, 8, "met") == Excerpt("", "met", "")


@given(st.text(alphabet="ab .\n!。", max_size=80), st.data())
def test_an_excerpt_is_a_piece_of_the_text_around_the_quote(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    quote = text[start:end]
    found = excerpt(text, start, end, quote)
    assert found.quote == quote
    assert found.before + found.quote + found.after in text
    assert not found.cut_before
    assert not found.cut_after
