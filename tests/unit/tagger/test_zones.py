import pytest

from services.tagger.text import fold
from services.tagger.zones import Zone, is_dateline, is_long_ago, is_relative_past, past_year, place_sentences

LEAD = "Chile and Peru agreed on Monday to hold joint naval drills."
BODY = "The ministers said that the drills would begin in August. Both navies have prepared for months. More ships may come."


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        ("Brazil tracks 14 Venezuelan jets near border", Zone.INLINE_HEADLINE),  # short, no stop, title-like
        ("Read also: Brazil buys new frigates.", Zone.BOILERPLATE),  # a link by its words
        ("The minister graduated from the naval school of Genoa in 1988.", Zone.BIOGRAPHY),  # a life
        ("Guests honoured the 60th anniversary of the Battle of Tacna.", Zone.ANNIVERSARY),  # a memorial
        ("The president said Brazil would send ships.", Zone.BODY),  # plain text
        ("It was a short line that says little", Zone.BODY),  # short, no stop, but a finite verb
    ],
)
def test_a_paragraph_in_the_body_has_its_zone(line: str, zone: Zone) -> None:
    text = fold(f"{LEAD}\n{BODY}\n{line}\n{BODY}")
    placed = place_sentences(text)
    found = next(p for p in placed if text.norm[p.sentence.start : p.sentence.end] == line)
    assert found.zone is zone


def test_the_first_sentences_are_the_lead_and_a_title_is_a_headline() -> None:
    assert place_sentences(fold(LEAD))[0].zone is Zone.LEAD
    assert place_sentences(fold(LEAD), is_title=True)[0].zone is Zone.HEADLINE


def test_an_anniversary_at_which_counterparts_meet_is_news() -> None:
    text = fold(f"{LEAD}\n{BODY}\nAt the 60th anniversary of the battle the ministers met and signed a pact.")
    assert place_sentences(text)[-1].zone is Zone.BODY


@pytest.mark.parametrize(
    ("words", "year_now", "year"),
    [
        ("stopped the drills in 2017", 2024, 2017),  # a past year
        ("the base will open in 2030", 2024, None),  # a year to come
        ("signed in March 2019", 2024, 2019),  # month and year
        ("in 2024 the two agreed", 2024, None),  # this year is news
        ("the 2019 pact was renewed", 2024, None),  # a name, not a time
        ("since 1994", None, 1994),  # without a date of publication every year named is past
    ],
)
def test_a_past_year_is_read(words: str, year_now: int | None, year: int | None) -> None:
    assert past_year(words, year_now) == year


def test_words_of_the_past_are_known() -> None:
    assert is_long_ago("they last drilled three years ago")
    assert not is_long_ago("they drill today")
    assert is_relative_past("that was built with Qatar's help", "")
    assert is_relative_past("", "a port that was enlarged with Qatari money")
    assert not is_relative_past("the port was enlarged", "the port")
    assert is_dateline("After attending a forum in Doha, she flew to Muscat.")
    assert not is_dateline("She attended a forum in Doha.")
