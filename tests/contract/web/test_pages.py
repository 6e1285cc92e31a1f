"""The pages, as a browser without scripts gets them."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from sqlalchemy import func, update

from shared.database.tables.store import alert, article, claim
from shared.vocabulary import AlertKind, Severity, Status, Topic

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


class Page(HTMLParser):
    """Collects tags, links and marked text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.marked, self._in_mark = [], [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "a":
            self.links.append(dict(attrs))
        self._in_mark += tag == "mark"

    def handle_endtag(self, tag):
        self._in_mark -= tag == "mark"

    def handle_data(self, data):
        if self._in_mark:
            self.marked.append(data)


async def test_an_alert_shows_who_what_the_quote_and_its_sentence(web):
    await web.add_alert(1, others=("CHN",))
    html = await web.page("/")
    assert "Cambodia – United States" in html
    assert "also China" in html
    assert re.search(r"Joint exercise</b> · under discussion.*resumed", html)
    assert "They <mark>discussed resuming the Blue Heron exercise</mark>, said Gen. Ann Lee of the staff." in html
    assert "Ministers of both countries met" not in html
    assert "1 min ago" in html
    assert "2 Mar 2026, 08:59 UTC" in html
    assert "1 report<" in html


async def test_hostile_text_is_shown_and_never_run(web):
    await web.add_alert(
        1,
        title=ATTACK,
        outlet=ATTACK,
        line=ATTACK,
        text=f"They {ATTACK} talked of drills.",
        quote=f"{ATTACK} talked",
        url="javascript:alert(3)",
    )
    await web.add_feed(1, name=ATTACK, state="failing", last_detail=ATTACK, site="javascript:alert(4)")
    for path in ("/", "/alerts/alert_1", "/developments/dev_1", "/feeds", f"/?q={ATTACK}", f"/?topic={ATTACK}"):
        html = await web.page(path)
        page = Page(html)
        assert not [tag for tag, attributes in page.tags if tag == "script" and "src" not in attributes], path
        assert not [tag for tag, _ in page.tags if tag == "img"], path
        assert not [link for link in page.links if link["href"].startswith("javascript:")], path
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes), path
    marked = Page(await web.page("/alerts/alert_1")).marked
    assert f"{ATTACK} talked" in "".join(marked)


async def test_links_out_give_nothing_away(web):
    await web.add_alert(1)
    out = [link for link in Page(await web.page("/alerts/alert_1")).links if link["href"].startswith("http")]
    assert out
    assert all(link["rel"] == "noopener noreferrer" for link in out)


async def test_a_status_is_told_in_words_and_drawn_by_its_kind(web):
    await web.add_alert(1, status=Status.DENIED, aim=None)
    await web.add_alert(2, status=Status.SUSPENDED, aim=None)
    await web.add_alert(3, status=Status.AGREED_SIGNED, aim=None)
    html = await web.page("/")
    for look, word in (("against", "denied"), ("stopped", "suspended"), ("done", "agreed")):
        assert re.search(rf'class="chip {look}".*?<b>Joint exercise</b> · {word}', html, re.DOTALL)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?topic=port-call", [2]),
        ("?topic=&party=&status=&severity=&q=", [1, 2]),
        ("?party=tha", [2]),
        ("?dyad=KHM-USA", [1]),
        ("?severity=P1", [2]),
        ("?q=heron", [1]),
        ("?topic=nonsense&party=KHM", [1]),
    ],
)
async def test_the_filter_form_works_by_its_address(web, query, shown):
    await web.add_alert(1)
    await web.add_alert(
        2,
        dyad=("CHN", "THA"),
        topic=Topic.PORT_CALL,
        severity=Severity.P1,
        text="The ship called at the port.",
        quote="ship called",
    )
    html = await web.page(f"/{query}")
    assert [number for number in (1, 2) if f'id="t-alert_{number}"' in html] == shown
    assert ("Not understood" in html) is ("nonsense" in query)


async def test_older_alerts_are_a_link_away_under_the_same_filter(web):
    for number in range(1, 35):
        await web.add_alert(number)
    first = await web.page("/?party=KHM")
    older = next(link["href"] for link in Page(first).links if link.get("rel") == "next")
    second = await web.page(older)
    found = re.findall(r'id="t-(alert_\d+)"', first + second)
    assert found == [f"alert_{number}" for number in range(1, 35)]
    assert '<option value="KHM" selected>' in second
    assert "Newest" in second


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ([], "No feed is switched on"),
        ([("new", False)] * 2, "None of 2 feeds has been polled yet. Next poll in 2 min."),
        ([("healthy", True), ("failing", True), ("new", False)], "Polled 2 of 3 feeds, 1 unreachable; no article read"),
        ([("failing", True)] * 3, "Polled 3 of 3 feeds; none of them could be read. Next poll in 2 min."),
    ],
)
async def test_an_empty_page_says_what_is_happening(web, feeds, said):
    for number, (state, polled) in enumerate(feeds):
        await web.add_feed(number, state=state, polled=polled)
    html = await web.page("/")
    assert "No alert yet" in html
    assert said in html


async def test_a_filter_that_nothing_passes_says_so(web):
    await web.add_alert(1)
    html = await web.page("/?party=FRA")
    assert "No alert passes this filter" in html
    assert "There is 1 alert without it" in html


async def test_an_alert_page_tells_why_and_how_it_went_on(web):
    await web.add_alert(2)
    await web.add_alert(1, of=2, sequence=1, kind=AlertKind.UPDATED, line="KHM-USA · signed")
    html = await web.page("/alerts/alert_2")
    for part in (
        "blue-heron/talk",
        "0.75",
        "a verb of talk",
        "claimed by one side",
        "shares Blue Heron",
        "source grade B",
    ):
        assert part in html
    assert "news of two ministries" in html
    assert 'updated since: <a href="/alerts/alert_1">update 1</a>' in html
    listed = await web.page("/")
    assert "History: raised, 1 update" in listed
    assert "Signed" in await web.page("/developments/dev_2")


async def test_text_of_any_direction_keeps_to_itself(web):
    await web.add_alert(
        1, title="تمرين مشترك", text="أعلنت الوزارة تعليق التمرين اليوم.", quote="تعليق التمرين", language="ar"
    )
    html = await web.page("/")
    assert re.search(r'<blockquote dir="auto" lang="ar">\s*أعلنت الوزارة <mark>تعليق التمرين</mark>', html)


async def test_an_unknown_page_is_told_as_a_page(web):
    for path in ("/alerts/none", "/developments/none", "/nothing"):
        assert "To the alerts" in await web.page(path, 404)


async def test_feeds_show_state_and_reason(web):
    await web.add_feed(1, state="failing", last_detail="certificate expired", next_poll_at=web.now + timedelta(hours=3))
    html = await web.page("/feeds")
    assert "certificate expired" in html
    assert "in 3 h" in html
    assert re.search(r'class="chip stopped".*?failing', html, re.DOTALL)


async def test_pages_load_nothing_from_elsewhere(web):
    await web.add_alert(1)
    for path in ("/", "/feeds", "/alerts/alert_1"):
        for tag, attributes in Page(await web.page(path)).tags:
            loaded = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
            assert loaded is None or loaded.startswith("/")
            assert "style" not in attributes
    for file in ("app.css", "app.js", "icon.svg"):
        assert "http:" not in (await web.text(f"/static/{file}")).replace("http://www.w3.org/2000/svg", "")


async def test_words_of_a_newer_version_do_not_break_the_page(web):
    await web.add_alert(1)
    await web.add_alert(2, line="KHM-USA · something new")
    async with web.engine.begin() as connection:
        for table in (alert, claim, article):
            for column in ("body", "decision"):
                if column in table.c:
                    newer = func.replace(table.c[column], '"joint-exercise"', '"space-drill"')
                    key = table.c.article_id if table is claim else table.c.id
                    await connection.execute(update(table).where(key.endswith("_2")).values({column: newer}))
    html = await web.page("/")
    assert "story 1" in html.lower()
    assert "Something new" in html
    assert "Something new" in await web.page("/alerts/alert_2")
    assert "something new" in await web.text("/api/alerts?format=csv")
    assert "space-drill" in await web.text("/api/alerts")
