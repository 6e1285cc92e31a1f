import pytest

from shared.subscriptions import SubscriptionError, new_secret, parse_subscriptions

SECRET = new_secret(bytes(32))

GOOD = f"""
# who is told
[[subscription]]
name = "First"
topics = ["port-call"]
channel = {{ webhook = "https://example.org/hook", secret = "{SECRET}" }}

[[subscription]]
id = "second"
name = "Second"
[[subscription.match.any]]
dyad = "KHM-USA"
[[subscription.match.any]]
text = '''
Ream'''
[subscription.channel]
email = "desk@example.org"
"""


def lines_of(text: str) -> tuple[list[tuple[int | None, str]], str]:
    with pytest.raises(SubscriptionError) as caught:
        parse_subscriptions(text, file="my.toml")
    return [(mistake.line, mistake.place) for mistake in caught.value.mistakes], str(caught.value)


def test_a_good_file_gives_its_subscriptions_in_order():
    first, second = parse_subscriptions(GOOD)
    assert (first.id, second.id) == ("first", "second")
    assert [condition.dyads for condition in second.match.any] == [("KHM-USA",), ()]


def test_an_empty_file_has_no_subscriptions():
    assert parse_subscriptions("# nothing yet\n") == ()


def test_each_mistake_has_its_line_however_the_table_is_written():
    places, message = lines_of(
        """[[subscription]]
name = "A"
topics = [
  "port-call",
  "port-cal",   # here
]
channel = {webhook = "https://example.org"}

[[subscription]]
name = "A"
statuss = "begun"
[[subscription.match.any]]
topic = "port-call"
[[subscription.match.any]]
parties = ["usa"]
[subscription.channel]
email = "nobody"
"""
    )
    assert places == [
        (5, "subscription[0].topics[1]"),
        (11, "subscription[1].statuss"),
        (15, "subscription[1].match.any[1].parties[0]"),
        (17, "subscription[1].channel.email"),
    ]
    assert message.splitlines()[0].startswith("my.toml:5: subscription[0].topics[1]: topic 'port-cal' unknown")


def test_what_is_missing_is_placed_at_its_table():
    places, _ = lines_of('\n[[subscription]]\ntopic = "port-call"\n')
    assert places == [(2, "subscription[0].name"), (2, "subscription[0].channel")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[subscription]]\nname = "a\n', 2, "not TOML"),
        ("[[subscription]]\nname = \n", 2, "not TOML"),
        ("[[subscriptions]]\nname = 'a'\n", 1, "did you mean 'subscription'?"),
        ("[subscription]\nname = 'a'\n", 1, "[[subscription]]"),
        ("[[subscription]]\nname='a'\nchannel={webhook='https://a.example'}\n", 3, "needs a secret"),
        ("[[subscription]]\nid='sub_a'\nname='a'\nchannel='terminal'\n", 2, "belong to the API"),
    ],
)
def test_mistakes_of_the_file_itself_have_a_line(text, line, words):
    places, message = lines_of(text)
    assert places[0][0] == line
    assert words in message


def test_an_id_used_twice_is_refused():
    places, message = lines_of(2 * "[[subscription]]\nname='a'\nchannel='terminal'\n")
    assert places == [(4, "subscription[1].id")]
    assert "taken by another" in message
