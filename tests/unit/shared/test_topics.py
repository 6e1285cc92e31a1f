from datetime import timedelta

from shared.events import ALERT, ARTICLE, HEARTBEAT, TAGGED
from shared.topics import ALERTS, ARTICLES, DEAD_LETTERS, TAGGED_ARTICLES, TOPICS, dead_letters_of


def test_every_stage_has_its_topic_and_every_topic_its_dead_letters():
    assert list(TOPICS) == ["articles", "tagged", "alerts", "articles.dead", "tagged.dead", "alerts.dead"]
    assert [spec.name for spec in DEAD_LETTERS] == [
        dead_letters_of(s.name) for s in (ARTICLES, TAGGED_ARTICLES, ALERTS)
    ]


def test_heartbeats_travel_on_every_topic_beside_its_own_kind():
    assert ARTICLES.kinds == (ARTICLE, HEARTBEAT)
    assert TAGGED_ARTICLES.kinds == (TAGGED, HEARTBEAT)
    assert ALERTS.kinds == (ALERT, HEARTBEAT)


def test_a_dead_letter_may_be_whatever_its_topic_carries():
    assert all(TOPICS[spec.name.removesuffix(".dead")].kinds == spec.kinds for spec in DEAD_LETTERS)


def test_dead_letters_outlive_what_they_copy():
    assert all(spec.retention >= TOPICS[spec.name.removesuffix(".dead")].retention for spec in DEAD_LETTERS)
    assert min(spec.retention for spec in TOPICS.values()) >= timedelta(days=14)


def test_every_topic_says_what_it_is_and_what_keys_it():
    assert all(spec.about.endswith(".") and spec.key for spec in TOPICS.values())
