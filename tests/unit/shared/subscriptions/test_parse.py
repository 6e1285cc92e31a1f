from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.subscriptions import (
    Condition,
    Email,
    Match,
    Subscription,
    SubscriptionError,
    Terminal,
    Webhook,
    as_document,
    new_id,
    new_secret,
    parse_subscription,
    parse_subscriptions,
    with_secret,
)
from shared.vocabulary import Aim, AlertKind, Severity, Status, Topic

SECRET = new_secret(bytes(range(32)))


def mistakes_of(document: object) -> dict[str, str]:
    with pytest.raises(SubscriptionError) as caught:
        parse_subscription(document)
    return {mistake.pointer: str(mistake) for mistake in caught.value.mistakes}


def test_short_keys_are_one_condition_that_must_hold():
    subscription = parse_subscription(
        {
            "name": "US & Cambodia",
            "topics": ["port-call"],
            "dyad": "USA-KHM",
            "min_severity": "P2",
            "channel": "terminal",
        }
    )
    assert subscription.id == "us-cambodia"
    assert subscription.match == Match(
        all=(Condition(topics=(Topic.PORT_CALL,), dyads=("KHM-USA",), min_severity=Severity.P2),)
    )


@pytest.mark.parametrize(
    ("keys", "pointer", "words"),
    [
        ({"topics": ["joint-exercises"]}, "/topics/0", "topic 'joint-exercises' unknown; did you mean 'joint-exercise'?"),
        ({"topic": "Joint Exercise"}, "/topic", "did you mean 'joint-exercise'?"),
        ({"status": "signed"}, "/status", "did you mean 'agreed-signed'?"),
        ({"min_severity": "p2"}, "/min_severity", "did you mean 'P2'?"),
        ({"min_severity": "high"}, "/min_severity", "one of P1, P2, P3, P4"),
        ({"party": "usa"}, "/party", "did you mean 'USA'?"),
        ({"party": "Cambodia"}, "/party", "did you mean 'KHM'?"),
        ({"dyad": "KHM-XXX"}, "/dyad", "party 'XXX' unknown"),
        ({"party": "Freedonia Republic"}, "/party", "ISO 3166-1 alpha-3"),
        ({"dyad": "KHM"}, "/dyad", "two codes joined by '-'"),
        ({"dyad": "KHM-KHM"}, "/dyad", "one party twice"),
        ({"language": "english"}, "/language", "such as 'en'"),
        ({"text": "…"}, "/text", "neither a letter nor a digit"),
        ({"text": "x" * 300}, "/text", "the limit is 200"),
        ({"kinds": []}, "/kinds", "at least one"),
        ({"topics": 7}, "/topics", "must be a text or a list"),
        ({"topics": [7]}, "/topics/0", "must be a text, not 7"),
        ({"topics": ["port-call"] * 201}, "/topics", "the limit is 200"),
        ({"topic": "port-call", "topics": ["port-call"]}, "/topic", "the same key"),
        ({"subjects": ["x"]}, "/subjects", "unknown key"),
        ({"enabled": "yes"}, "/enabled", "true or false"),
        ({"name": "two\nlines"}, "/name", "one line"),
        ({"name": "柬埔寨"}, "/id", "no Latin letter"),
        ({"id": "Not An Id"}, "/id", "small letters"),
        ({"match": []}, "/match", "must be a table"),
        ({"match": {"some": []}}, "/match/some", "unknown key"),
        ({"match": {"any": {"topic": "port-call"}}}, "/match/any", "put it into [ ]"),
        ({"match": {"any": [{}]}}, "/match/any/0", "says nothing"),
        ({"match": {"none": ["denied"]}}, "/match/none/0", "must be a table"),
        ({"channel": None}, "/channel", "missing"),
        ({"channel": {}}, "/channel", "exactly one"),
        ({"channel": {"webhook": "https://a.example", "email": "a@b.example"}}, "/channel", "exactly one"),
        ({"channel": {"webhook": "ftp://a.example"}}, "/channel/webhook", "must begin with https://"),
        ({"channel": {"webhook": "https://u:p@a.example"}}, "/channel/webhook", "user name"),
        ({"channel": {"webhook": "https://a.example:99999"}}, "/channel/webhook", "no URL"),
        ({"channel": {"webhook": "https://a b"}}, "/channel/webhook", "http or https URL"),
        ({"channel": {"webhook": "https://a.example", "secret": "abc"}}, "/channel/secret", "whsec_"),
        ({"channel": {"webhook": "https://a.example", "secret": "whsec_!!"}}, "/channel/secret", "base64"),
        ({"channel": {"webhook": "https://a.example", "secret": "whsec_YWJj"}}, "/channel/secret", "24 to 64"),
        ({"channel": {"email": "a@b.example", "secret": SECRET}}, "/channel/secret", "only a webhook"),
        ({"channel": {"email": "nobody"}}, "/channel/email", "no address"),
        ({"channel": {"email": ["a@b.example", "a@b\r\nBcc: x@y.example"]}}, "/channel/email/1", "no address"),
        ({"channel": {"email": []}}, "/channel/email", "must be an address"),
        ({"channel": {"terminal": False}}, "/channel/terminal", "enabled = false"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_a_way_out(keys, pointer, words):
    found = mistakes_of({"name": "Test", "channel": "terminal", **keys})
    assert list(found) == [pointer]
    assert words in found[pointer]


def test_all_mistakes_are_reported_at_once():
    found = mistakes_of({"topics": ["x"], "match": {"any": [{"dyad": "?"}]}, "channel": {"webhook": "?"}})
    assert set(found) == {"/name", "/topics/0", "/match/any/0/dyad", "/channel/webhook"}


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_what_is_no_table_is_refused(document):
    assert "must be a table" in mistakes_of(document)[""]


def test_a_secret_is_never_repeated_in_a_mistake():
    found = mistakes_of({"name": "T", "channel": {"webhook": "https://a.example", "secret": "hunter2-hunter2"}})
    assert "hunter2" not in str(found)


def test_the_secret_is_left_out_of_the_public_document():
    subscription = parse_subscription({"name": "T", "channel": {"webhook": "https://a.example"}})
    kept = with_secret(subscription, SECRET)
    assert "secret" not in as_document(kept)["channel"]
    assert as_document(kept, reveal_secret=True)["channel"]["secret"] == SECRET


def test_given_id_overrules_the_written_one():
    assert parse_subscription({"id": "a", "name": "T", "channel": "terminal"}, subscription_id="sub_x").id == "sub_x"


def test_made_ids_and_secrets_are_of_the_form_that_is_accepted():
    assert new_id(b"0123456789").startswith("sub_")
    made = parse_subscription(
        {"id": new_id(b"0123456789"), "name": "T", "channel": {"webhook": "https://a.example", "secret": SECRET}}
    )
    assert isinstance(made.channel, Webhook)
    with pytest.raises(ValueError, match="24 to 64"):
        new_secret(b"short")


def several(values: list[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=3).map(tuple)


CONDITIONS = st.builds(
    Condition,
    topics=several(list(Topic)),
    statuses=several(list(Status)),
    aims=several(list(Aim)),
    parties=several(["KHM", "NATO"]),
    dyads=several(["KHM-USA", "EU-USA"]),
    languages=several(["en", "zh-Hans"]),
    min_severity=st.sampled_from([None, *Severity]),
    kinds=several(list(AlertKind)),
    text=several(["Ream", "Hun Manet"]),
).filter(lambda condition: condition != Condition())
LISTS = st.lists(CONDITIONS, max_size=3).map(tuple)
CHANNELS = st.sampled_from(
    [
        Terminal(),
        Email(to=("a@b.example",)),
        Email(to=("a@b.example", "c@d.example")),
        Webhook(url="https://a.example/x", secret=SECRET),
    ]
)
SUBSCRIPTIONS = st.builds(
    Subscription,
    id=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True),
    name=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
    enabled=st.booleans(),
    match=st.builds(Match, all=LISTS, any=LISTS, none=LISTS),
    channel=CHANNELS,
)


@given(SUBSCRIPTIONS)
def test_a_subscription_survives_being_written_as_json_and_read_back(subscription):
    written = msgspec.json.encode(as_document(subscription, reveal_secret=True))
    assert parse_subscription(msgspec.json.decode(written)) == subscription


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["port-call", "KHM", "terminal"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "match", "channel", "any", "none", "topics", "party", "webhook", "secret", "email", "id", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused_with_reasons_never_worse(document):
    try:
        parse_subscription(document)
    except SubscriptionError as error:
        assert error.mistakes  # noqa: PT017 - both ways out are right


@given(st.text(max_size=200))
def test_any_text_is_read_as_a_file_or_refused_with_reasons(text):
    try:
        parse_subscriptions(text)
    except SubscriptionError as error:
        assert error.mistakes  # noqa: PT017 - both ways out are right
