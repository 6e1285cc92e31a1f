"""What becomes of items on their way to the log."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.feed import articles as articles_module
from services.fetcher.feed.articles import MAX_CONTENT_CHARS, MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, articles_of, digest
from services.fetcher.feed.document import ParsedFeed, ParsedItem, Text
from shared.events import ARTICLE, MAX_EVENT_BYTES, Event, Source, encode

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SOURCE = Source(feed_id="feed_1", name="Outlet", language="fr")


def harvest(*items, language=None, **options):
    return articles_of(ParsedFeed(format="rss", items=items, language=language), SOURCE, NOW, **options)


def one(**fields):
    (found,) = harvest(ParsedItem(**fields)).found
    return found.article


def test_markup_and_harmful_characters_do_not_reach_the_log():
    article = one(
        title=Text("A <b>bold</b> step", markup=True), content=Text("<p>x</p><script>y</script>\u202ez", markup=True)
    )
    assert (article.title, article.content) == ("A bold step", "x\n\nz")


def test_what_is_too_long_is_cut_and_says_so():
    article = one(title=Text("t" * 5_000_000), summary=Text("s" * 20_000), content=Text("🜂" * 300_000))
    assert article.truncated
    lengths = (len(article.title), len(article.summary), len(article.content))
    assert lengths == (MAX_TITLE_CHARS, MAX_SUMMARY_CHARS, MAX_CONTENT_CHARS)
    event = Event(id=article.id, source="x", subject="y", time=NOW, data=article)
    assert len(encode(event, key="k").value) < MAX_EVENT_BYTES
    assert event.kind is ARTICLE


def test_dates_that_cannot_be_true_are_not_believed():
    assert one(title=Text("a"), published=NOW + timedelta(hours=2)).published is None
    assert one(title=Text("a"), published=datetime(1970, 1, 1, tzinfo=UTC)).published is None
    assert one(title=Text("a"), published=NOW + timedelta(minutes=50)).published is not None
    assert one(title=Text("a"), published=datetime(1970, 1, 1, tzinfo=UTC), updated=NOW).published == NOW


def test_only_absolute_web_addresses_are_kept():
    assert one(title=Text("a"), link="news/1").url is None
    assert one(title=Text("a"), link="https://a.example/1").url == "https://a.example/1"


def test_language_is_the_items_then_the_feeds_then_the_sources():
    assert harvest(ParsedItem(title=Text("a"), language="km"), language="en").found[0].article.language == "km"
    assert harvest(ParsedItem(title=Text("a")), language="en").found[0].article.language == "en"
    assert harvest(ParsedItem(title=Text("a"))).found[0].article.language == "fr"


def test_post_without_a_title_is_named_by_its_first_words():
    assert one(guid="1", summary=Text("First words of a short post")).title == "First words of a short post"


def test_newest_are_kept_and_every_item_left_out_is_counted():
    items = [ParsedItem(guid=str(n), title=Text(str(n)), published=NOW - timedelta(days=n)) for n in (3, 1, 2)]
    result = harvest(*items, items[0], ParsedItem(guid="x"), ParsedItem(guid="u", title=Text("undated")), max_items=3)
    assert [found.article.title for found in result.found] == ["undated", "1", "2"]
    assert result.dropped == {"empty": 1, "repeated": 1, "over-limit": 1}


@given(st.lists(st.sampled_from("abcdef"), max_size=12), st.integers(0, 5))
def test_every_item_is_found_or_counted(guids, limit):
    items = [ParsedItem(guid=guid, title=Text(guid)) for guid in guids]
    result = harvest(*items, max_items=limit)
    assert len(result.found) + sum(result.dropped.values()) == len(items)


def test_digest_ignores_times_of_day_and_spacing_only():
    base = one(title=Text("Talks"), content=Text("Updated 10:15 GMT. Ships arrived, 2 hours ago"))
    same = one(title=Text("Talks"), content=Text("updated  11:45 GMT. Ships arrived, 5 minutes ago"))
    other = one(title=Text("Talks"), content=Text("Updated 10:15 GMT. Ships left, 2 hours ago"))
    assert digest(base) == digest(same) != digest(other)
    assert digest(one(title=Text("12 June"))) != digest(one(title=Text("13 June")))


def test_limits_fit_into_an_event():
    assert 4 * (MAX_TITLE_CHARS + MAX_SUMMARY_CHARS + MAX_CONTENT_CHARS) < MAX_EVENT_BYTES
    words = articles_module.MAX_WORD_CHARS * (articles_module.MAX_AUTHORS + articles_module.MAX_CATEGORIES)
    assert 4 * words < MAX_EVENT_BYTES // 10
