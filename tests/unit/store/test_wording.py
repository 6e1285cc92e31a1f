import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.store.wording import ALIKE, likeness, terms

# One visit in the words of two outlets, and another matter of the same two countries.
VISIT = (
    "US, Cambodia explore restart of joint military exercises",
    "The United States and Cambodia explored the possibility of resuming joint military exercises when the defence secretary held talks in Phnom Penh.",
)
SAME_VISIT = (
    "In Phnom Penh, the American defence secretary weighs a return to drills with Cambodia",
    "The U.S. defence secretary met the prime minister in Phnom Penh and discussed resuming military exercises.",
)
OTHER_MATTER = (
    "US lifts duty on spare parts sold to Cambodia's air force",
    "Washington has dropped a tariff on helicopter parts, a trade lobby said, after years of complaints from Cambodia.",
)


def test_two_accounts_of_one_visit_are_alike():
    assert likeness(terms(*VISIT), terms(*SAME_VISIT)) >= ALIKE


def test_another_matter_of_the_same_countries_is_not():
    assert likeness(terms(*VISIT), terms(*OTHER_MATTER)) < ALIKE


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Exercises, exercise; EXERCISING", {"exercis"}),  # endings and case are folded
        ("Cambodia's and Cambodia’s", {"cambodia"}),  # either apostrophe
        ("The talks of the week with them", {"talk"}),  # words without content
        ("180 K2 tanks", {"180", "k2", "tank"}),  # numbers tell matters apart
        ("中柬联演", {"中柬", "柬联", "联演"}),  # no spaces: pairs of characters
        ("", set()),
    ],
)
def test_terms(title, expected):
    assert terms(title, "") == expected


def test_only_title_and_lead_count():
    assert "zebra" not in terms("Title", "word " * 200 + "zebra")


def test_sharing_only_the_two_countries_is_no_likeness():
    assert likeness(frozenset({"japan", "india", "tank"}), frozenset({"japan", "india", "choir"})) == 0.0


@given(st.frozensets(st.text(min_size=1), max_size=20), st.frozensets(st.text(min_size=1), max_size=20))
def test_likeness_is_symmetric_and_bounded(one, other):
    assert likeness(one, other) == likeness(other, one)
    assert 0.0 <= likeness(one, other) <= 1.0


@given(st.frozensets(st.text(min_size=1), min_size=3, max_size=20))
def test_a_wording_is_fully_like_itself(words):
    assert likeness(words, words) == 1.0
