import pytest

from shared.eventlog import BadLog
from shared.eventlog.kafka.address import KafkaAddress, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("kafka://broker:9092", KafkaAddress(("broker:9092",))),
        ("kafka://a:1,b:2, c:3/attache", KafkaAddress(("a:1", "b:2", "c:3"), "attache")),
        ("kafka://127.0.0.1:9092/team.one", KafkaAddress(("127.0.0.1:9092",), "team.one")),
        ("kafka://[::1]:9092/", KafkaAddress(("[::1]:9092",))),
        ("kafka://broker", KafkaAddress(("broker",))),
    ],
)
def test_an_address_names_brokers_and_name_space(url, address):
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kafka:", "must be kafka://host:port"),
        ("kafka://", "must be kafka://host:port"),
        ("kafka:///attache", "must be kafka://host:port"),
        ("kafka://a:1,,b:2", "'' is no host:port"),
        ("kafka://a:port", "'a:port' is no host:port"),
        ("kafka://a:1/one/two", "a namespace has"),
        ("kafka://a:1/white space", "a namespace has"),
        ("kafka://me:secret@a:1", "KAFKA_USERNAME and KAFKA_PASSWORD_FILE"),
        ("sqlite:///x", "must be kafka://host:port"),
    ],
)
def test_a_url_of_no_use_is_refused_with_the_reason(url, said):
    with pytest.raises(BadLog) as refused:
        parse(url)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_names_carry_the_name_space_and_a_group_its_topic():
    address = KafkaAddress(("a:1",), "attache")
    assert address.topic("articles") == "attache.articles"
    assert address.group("tagger", "articles") == "attache.tagger.articles"
    assert KafkaAddress(("a:1",)).group("tagger", "articles") == "tagger.articles"
