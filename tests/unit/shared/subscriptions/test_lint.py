import pytest

from shared.subscriptions import Subscription, lint, parse_subscription


def sub(name: str, channel: object = "terminal", **keys: object) -> Subscription:
    return parse_subscription({"name": name, "channel": channel, **keys})


@pytest.mark.parametrize(
    "keys",
    [
        {"topic": "port-call", "match": {"none": [{"topics": ["port-call", "arms-sale"]}]}},
        {"dyad": "KHM-USA", "match": {"none": [{"party": "KHM"}]}},
        {"min_severity": "P1", "match": {"none": [{"min_severity": "P3"}]}},
        {"kind": "raised", "match": {"all": [{"kind": "updated"}]}},
        {"status": "concluded", "aim": "resumed"},
        {"language": "en-GB", "match": {"none": [{"language": "en"}]}},
        {"match": {"any": [{"topic": "port-call", "party": "USA"}, {"party": "USA"}], "none": [{"party": "USA"}]}},
    ],
)
def test_a_contradiction_never_matches_and_is_an_error(keys):
    remarks = lint([sub("a", **keys)])
    assert [remark.code for remark in remarks] == ["never-matches"]
    assert remarks[0].is_error


@pytest.mark.parametrize(
    "keys",
    [
        {"topic": "port-call", "match": {"none": [{"topic": "port-call", "status": "denied"}]}},
        {"party": "KHM", "match": {"none": [{"dyad": "KHM-USA"}]}},
        {"party": "KHM", "match": {"none": [{"topic": "arms-sale", "party": "KHM"}]}},
        {"status": "begun", "aim": "resumed"},
    ],
)
def test_what_only_looks_like_a_contradiction_is_left_alone(keys):
    assert lint([sub("a", **keys)]) == ()


def test_no_condition_is_too_wide_but_no_error():
    (remark,) = lint([sub("a", match={"none": [{"status": "denied"}]})])
    assert (remark.code, remark.is_error) == ("too-wide", False)
    assert "every alert but" in remark.message


def test_the_same_wish_twice_on_one_channel_is_a_duplicate_of_the_first():
    first, second = sub("a", topic="port-call"), sub("b", match={"all": [{"topics": ["port-call"]}]})
    (remark,) = lint([first, second])
    assert (remark.subscription_id, remark.code) == ("b", "duplicate")
    assert "'a'" in remark.message


@pytest.mark.parametrize("turned", [False, True])
def test_the_narrower_of_two_is_shadowed_in_any_order(turned):
    wide, narrow = sub("wide", topics=["port-call", "arms-sale"]), sub("narrow", topic="port-call", party="USA")
    (remark,) = lint([narrow, wide] if turned else [wide, narrow])
    assert (remark.subscription_id, remark.code) == ("narrow", "shadowed")


def test_on_different_channels_nothing_is_a_duplicate():
    assert lint([sub("a", topic="port-call"), sub("b", {"email": "a@example.org"}, topic="port-call")]) == ()


def test_what_is_switched_off_is_not_looked_at():
    assert lint([sub("a", enabled=False), sub("b", enabled=False)]) == ()


def test_a_webhook_without_tls_is_remarked_on():
    (remark,) = lint([sub("a", {"webhook": "http://example.org/"}, topic="port-call")])
    assert remark.code == "insecure"
