from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.cursor import Cursor
from services.web.pages.filter_form import read_form
from services.web.queries.alerts import AlertFilter
from shared.vocabulary import Severity, Status, Topic


def test_blank_fields_are_no_filter():
    form = read_form([("topic", ""), ("party", " "), ("q", ""), ("status", ""), ("severity", "")])
    assert form.wanted == AlertFilter()
    assert form.wanted.is_empty
    assert form.ignored == ()


def test_each_field_is_read():
    form = read_form(
        [
            ("topic", "port-call"),
            ("party", "khm"),
            ("dyad", "usa-khm"),
            ("status", "denied"),
            ("severity", "P2"),
            ("q", " Ream  base "),
        ]
    )
    assert form.wanted == AlertFilter(
        topics=(Topic.PORT_CALL,),
        parties=("KHM",),
        dyads=(("KHM", "USA"),),
        statuses=(Status.DENIED,),
        severity=Severity.P2,
        words=("Ream", "base"),
    )


@pytest.mark.parametrize("name", ["topic", "party", "dyad", "status", "severity", "cursor"])
def test_what_means_nothing_is_left_out_and_named(name):
    form = read_form([(name, "nonsense")])
    assert form.wanted == AlertFilter()
    assert len(form.ignored) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["topic", "party", "dyad", "status", "severity", "q", "cursor", "x"]), st.text())
    )
)
def test_the_address_a_form_writes_is_read_as_the_same_form(parameters):
    form = read_form(parameters)
    again = read_form(parse_qsl(form.query()))
    assert again.wanted == form.wanted
    assert again.ignored == ()


def test_the_place_in_the_list_is_kept_apart_from_the_filter():
    cursor = Cursor(datetime(2026, 3, 2, tzinfo=UTC), 0, "alert_1")
    form = read_form([("party", "KHM"), ("cursor", cursor.write())])
    assert form.after == cursor
    assert form.query() == "party=KHM"
    assert form.query(format="csv") == "party=KHM&format=csv"
