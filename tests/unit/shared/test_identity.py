from hypothesis import given
from hypothesis import strategies as st

from shared.identity import stable_id

PARTS = st.lists(st.text(max_size=10), max_size=4)


def test_an_id_never_changes_between_versions():
    assert stable_id("art", "feed", "item") == "art_xr5r5am4xyx7hvnyvdftu2lb"


@given(PARTS)
def test_the_same_parts_make_the_same_id(parts):
    assert stable_id("art", *parts) == stable_id("art", *parts)


@given(PARTS, PARTS)
def test_other_parts_make_another_id(one, two):
    assert (stable_id("art", *one) == stable_id("art", *two)) == (one == two)


def test_where_the_parts_are_divided_counts():
    assert stable_id("x", "ab", "c") != stable_id("x", "a", "bc") != stable_id("x", "abc")
    assert stable_id("x", "", "a") != stable_id("x", "a", "")


@given(PARTS)
def test_an_id_is_its_prefix_and_24_plain_letters(parts):
    prefix, _, letters = stable_id("art", *parts).partition("_")
    assert prefix == "art"
    assert len(letters) == 24
    assert set(letters) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_text_that_is_no_text_still_has_an_id():
    assert stable_id("art", "\ud800") != stable_id("art", "\ud801")
