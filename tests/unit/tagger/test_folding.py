import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from services.tagger.folding import fold_letters, letter_map

PLAIN = {"’": "'", "“": '"', "–": "-", "`": "'", "\u200b": "", "\u00ad": ""}
LINE_ENDS = "\n\r\u2028\u2029\x0b\x0c\x85"
LETTERS = st.text(
    alphabet=st.one_of(
        st.sampled_from("aB.’“–` \u200b\u00ad\n\r\t\x1c\x85\u2028\xa0…ﬁ①ﷺé日\ud800"), st.characters(codec="utf-8")
    ),
    max_size=40,
)


def letter_by_letter(original: str) -> tuple[str, list[int], list[int]]:
    """Fold by the definition, one letter after the other; texts with abbreviated names aside."""
    out = ""
    starts: list[int] = []
    ends: list[int] = []
    for index, char in enumerate(original):
        if char.isspace():
            if out and out[-1] in " \n":
                out = out[:-1] + ("\n" if char in LINE_ENDS else out[-1])
                ends[-1] = index + 1
                continue
            folded = ("\n" if char in LINE_ENDS else " ") if out else ""
        elif char in PLAIN:
            folded = PLAIN[char]
        else:
            folded = "".join(PLAIN.get(c, c) for c in unicodedata.normalize("NFKC", char) if not c.isspace())
        out += folded
        starts += [index] * len(folded)
        ends += [index + 1] * len(folded)
    if out[-1:] in {" ", "\n"}:
        return out[:-1], starts[:-1], ends[:-1]
    return out, starts, ends


@given(
    LETTERS.filter(lambda text: not set(text) & set("ABCDEFGHIJKLMNOPQRSTUVWXYZ‘”—„«»´ʼ‛‐‑‒―−\u200c\u200d\u2060\ufeff"))
)
@example(" \u200b a …\n\u200b b\x1cc ")
def test_whole_strings_fold_as_their_letters_do(original: str) -> None:
    folded, same = fold_letters(original)
    expected, starts, ends = letter_by_letter(original)
    assert folded == expected
    assert letter_map(original) == (starts, ends)
    if same:
        assert (starts, ends) == (list(range(len(original))), list(range(1, len(original) + 1)))


@given(LETTERS)
def test_folding_what_is_folded_changes_nothing(original: str) -> None:
    folded, _ = fold_letters(original)
    if "." not in folded:  # an abbreviated name may come about by closing up another
        assert fold_letters(folded) == (folded, True)


def test_many_strange_letters_are_folded_at_once() -> None:
    circled = "".join(chr(0x2460 + number) for number in range(20))
    assert fold_letters(circled)[0] == "".join(str(number) for number in range(1, 21))
