from shared.vocabulary import AIM_BEARING, CONTEXT_TOPICS, TOPIC_TITLES, Severity, Status, Topic


def test_there_are_26_topics_each_with_a_title():
    assert len(Topic) == 26
    assert set(TOPIC_TITLES) == set(Topic)
    assert len(set(TOPIC_TITLES.values())) == 26


def test_words_are_spelt_as_they_travel():
    words = [*Topic, *Status]
    assert all(word == word.lower().replace("_", "-").strip() for word in words)
    assert all(str(word) == word.value for word in words)


def test_severities_sort_by_weight():
    assert sorted(Severity) == ["P1", "P2", "P3", "P4"]


def test_some_topics_never_alert_alone_and_some_statuses_bear_an_aim():
    assert set(Topic) > CONTEXT_TOPICS
    assert set(Status) > AIM_BEARING
