"""Items keep their ids whatever the order, and reused guids lose nothing."""

from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.feed.document import ParsedItem, Text
from services.fetcher.feed.identify import CONTENT, GUID, GUID_LINK, identify


def item(guid=None, link=None, title=None):
    return ParsedItem(guid=guid, link=link, title=Text(title) if title else None)


ITEMS = st.lists(
    st.builds(
        item,
        guid=st.sampled_from([None, "g1", "g2", "g3"]),
        link=st.sampled_from([None, "https://a.example/1", "https://a.example/2"]),
        title=st.sampled_from([None, "one", "two"]),
    ),
    max_size=12,
)


def ids(items, policy=GUID):
    return [identity.id for identity in identify("feed", items, policy).ids]


@given(ITEMS, st.randoms())
def test_order_does_not_matter(items, random):
    numbered = list(enumerate(items))
    random.shuffle(numbered)
    shuffled = dict(zip((n for n, _ in numbered), ids([i for _, i in numbered]), strict=True))
    assert [shuffled[n] for n in range(len(items))] == ids(items)


@given(ITEMS, st.sampled_from([GUID, GUID_LINK, CONTENT]))
def test_different_items_get_different_ids(items, policy):
    distinct = list({(i.guid, i.link, i.title): i for i in items if i.guid or i.link or i.title}.values())
    assert len(set(ids(distinct, policy))) == len(distinct)


@given(ITEMS)
def test_policy_never_goes_back(items):
    for step, policy in enumerate([GUID, GUID_LINK, CONTENT]):
        assert [GUID, GUID_LINK, CONTENT].index(identify("feed", items, policy).policy) >= step


def test_edited_title_keeps_the_id():
    assert ids([item("g", "https://a.example/1", "before")]) == ids([item("g", "https://a.example/1", "after")])


def test_move_to_https_keeps_the_id():
    assert ids([item(link="http://a.example/1")]) == ids([item(link="https://a.example/1")])
    assert ids([item("http://a.example/1")]) == ids([item("https://a.example/1")])


def test_ten_items_with_one_guid_are_ten_and_an_eleventh_adds_one():
    ten = [item("same", f"https://a.example/{n}", f"story {n}") for n in range(10)]
    first = identify("feed", ten)
    assert (len({i.id for i in first.ids}), first.policy, first.reused) == (10, GUID_LINK, 10)
    eleven = identify("feed", [item("same", "https://a.example/new", "new"), *ten], first.policy)
    assert len({i.id for i in eleven.ids} - {i.id for i in first.ids}) == 1


def test_item_is_remembered_by_its_alias_when_its_guid_is_reused_later():
    old = item("same", "https://a.example/1", "first")
    alone = identify("feed", [old]).ids[0]
    joined = identify("feed", [item("same", "https://a.example/2", "second"), old]).ids[1]
    assert joined.id != alone.id
    assert alone.id in joined.aliases


def test_feeds_do_not_share_ids():
    assert identify("a", [item("g")]).ids[0].id != identify("b", [item("g")]).ids[0].id
