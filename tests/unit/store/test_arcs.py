import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.store.arcs import STANCES, Move, move
from shared.vocabulary import Status

ANY = st.sampled_from(list(Status))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # talk in other words is the same talk
        ("proposed", "under-discussion", Move.SAME_LEVEL),
        ("under-discussion", "proposed", Move.SAME_LEVEL),
        ("standing", "under-discussion", Move.SAME_LEVEL),
        # the arc forward, with steps left out
        ("under-discussion", "agreed-signed", Move.FORWARD),
        ("under-discussion", "begun", Move.FORWARD),
        ("agreed-signed", "begun", Move.FORWARD),
        ("agreed-signed", "resumed", Move.FORWARD),
        ("begun", "concluded", Move.FORWARD),
        ("standing", "expanded", Move.FORWARD),
        # under way in other words
        ("begun", "resumed", Move.SAME_LEVEL),
        ("resumed", "expanded", Move.SAME_LEVEL),
        # never back
        ("agreed-signed", "under-discussion", Move.BACKWARD),
        ("concluded", "begun", Move.BACKWARD),
        # a stop comes at any time, even to what was concluded
        ("under-discussion", "suspended", Move.FORWARD),
        ("concluded", "cancelled-ended", Move.FORWARD),
        ("suspended", "cancelled-ended", Move.FORWARD),
        # out of a suspension: an agreement or a new start, not more talk
        ("suspended", "resumed", Move.FORWARD),
        ("suspended", "agreed-signed", Move.FORWARD),
        ("suspended", "under-discussion", Move.BACKWARD),
        ("suspended", "concluded", Move.BACKWARD),
        # the end is the end
        ("cancelled-ended", "resumed", Move.ENDED),
        ("cancelled-ended", "suspended", Move.ENDED),
        # stances: a first denial is news, criticism is not, and what was denied may still happen
        ("under-discussion", "denied", Move.DENIAL),
        ("begun", "criticised", Move.STANCE),
        ("denied", "agreed-signed", Move.FORWARD),
        ("denied", "under-discussion", Move.FORWARD),
    ],
)
def test_move(before, after, expected):
    assert move(Status(before), Status(after), told=(Status(before),), older=False) is expected


@pytest.mark.parametrize("after", ["suspended", "cancelled-ended", "denied"])
def test_a_report_older_than_the_state_stops_and_denies_nothing(after):
    assert move(Status.BEGUN, Status(after), told=(), older=True) is Move.OLDER


@given(before=ANY, after=ANY, older=st.booleans())
def test_what_was_told_is_never_news_again(before, after, older):
    assert move(before, after, told=(after,), older=older) is Move.TOLD


@given(path=st.lists(st.tuples(ANY, st.booleans()), max_size=30))
def test_no_matter_is_told_more_often_than_there_are_statuses(path):
    state, told, news = Status.STANDING, {Status.STANDING}, 0
    for after, older in path:
        verdict = move(state, after, told=told, older=older)
        if verdict in (Move.FORWARD, Move.DENIAL):
            news += 1
            told.add(after)
            state = state if after in STANCES else after
    assert news < len(Status)
