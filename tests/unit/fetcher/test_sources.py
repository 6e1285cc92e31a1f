from collections import Counter

import pytest

from services.fetcher.sources import (
    KINDS,
    BadSources,
    Source,
    check,
    feed_id,
    load_sources,
    parse_sources,
    same_url,
    url_fault,
)
from shared.settings import BadSettings

GOOD = '[[feed]]\nname = "A"\nurl = "https://a.test/feed"\nkind = "wire"\ngrade = "B"\n'


def faults_of(text):
    with pytest.raises(BadSources) as caught:
        parse_sources(text, "feeds.toml")
    return str(caught.value)


def test_starter_list_is_whole():
    sources = load_sources(None)
    assert len(sources) >= 60
    assert all(source.country and source.language and source.site for source in sources)
    assert len({same_url(source.url) for source in sources}) == len(sources)
    assert len({source.name.casefold() for source in sources}) == len(sources)


def test_starter_list_covers_what_it_is_for():
    sources = load_sources(None)
    kinds = Counter(source.kind for source in sources)
    assert {"ministry", "armed-forces", "army", "navy", "alliance", "wire", "trade", "broadcaster", "newspaper"} <= set(
        kinds
    )
    assert {"en", "fr", "es", "ru", "ar", "zh-Hans"} <= {source.language for source in sources}
    assert {"KHM", "THA", "VNM", "LAO", "MMR", "IDN", "MYS", "PHL", "SGP", "BRN", "ASEAN", "NATO"} <= {
        source.country for source in sources
    }


def test_feed_gets_an_id_that_its_url_spelling_does_not_change():
    assert parse_sources(GOOD, "x")[0] == Source(
        id=feed_id("http://www.a.test/feed/"), name="A", url="https://a.test/feed", kind="wire", grade="B"
    )


def test_given_id_stands():
    assert parse_sources(GOOD + 'id = "my-feed"\n', "x")[0].id == "my-feed"


def test_every_mistake_is_told_with_file_line_and_reason():
    text = (
        GOOD
        + '\n[[feed]]\nname = "B"\n# a remark\nurl = "ftp://b.test"\nkind = "blog"\ngrade = "G"\ncountry = "Atlantis"\n'
        + '\n[[feed]]\nname = "C"\nurl = "https://c.test"\nkind = "wire"\ncolour = "red"\nlanguage = 5\n'
    )
    told = faults_of(text)
    assert "feeds.toml:10: B: url: must begin with http" in told
    assert "feeds.toml:11: B: kind: 'blog' is not one of" in told
    assert "feeds.toml:12: B: grade: 'G'" in told
    assert "feeds.toml:13: B: country: 'Atlantis'" in told
    assert "feeds.toml:15: C: grade: missing" in told
    assert "feeds.toml:19: C: colour: not known here" in told
    assert "feeds.toml:20: C: language: must be a text" in told


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (GOOD.replace('"A"', '"B"').replace("https://", "http://www."), "same url as A"),
        (GOOD.replace("a.test", "b.test").replace('"A"', '"a"'), "same name as A"),
    ],
)
def test_repeated_feed_is_a_mistake_on_its_line(second, what):
    told = faults_of(GOOD + second)
    assert what in told
    assert "feeds.toml:8" in told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no feeds"),
        ("feed = 3", "[[feed]] tables"),
        ("[[feeds]]\nname='x'", "'feeds' is not known"),
        ("[[feed]\n", "line 1"),
    ],
)
def test_file_that_is_no_list_of_feeds_is_refused(text, reason):
    assert reason in faults_of(text)


def test_unreadable_file_is_a_bad_setting(tmp_path):
    path = tmp_path / "feeds.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettings, match=r"feeds\.toml"):
        load_sources(path)
    with pytest.raises(BadSettings, match="nowhere"):
        load_sources(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://",
        "https://u:p@h.test/",
        "https://h.test/a b",
        "http://[::1",
        "https://h.test/\n",
    ],
)
def test_url_that_cannot_be_polled_is_a_fault(url):
    assert url_fault(url) is not None


def test_all_kinds_pass_and_optional_keys_may_be_missing():
    for kind in KINDS:
        assert isinstance(check({"name": "N", "url": "https://n.test", "kind": kind, "grade": "F"}), Source)
