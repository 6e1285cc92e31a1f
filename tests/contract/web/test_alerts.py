"""GET /api/alerts and /api/alerts/{id}, over HTTP."""

from datetime import timedelta

import msgspec
import pytest

from services.web.api.documents import AlertList
from shared.events import Alert
from shared.vocabulary import Aim, AlertKind, Severity, Status, Topic


async def ids(web, query=""):
    return [alert["id"] for alert in (await web.get(f"/api/alerts{query}"))["alerts"]]


async def test_alerts_come_newest_first(web):
    for number in (3, 1, 2):
        await web.add_alert(number)
    assert await ids(web) == ["alert_1", "alert_2", "alert_3"]


async def test_the_list_is_the_document_that_openapi_describes(web):
    await web.add_alert(1)
    async with web.client.get("/api/alerts") as response:
        body = await response.read()
    page = msgspec.json.decode(body, type=AlertList)
    assert page.alerts[0].evidence[0].quote == "discussed resuming the Blue Heron exercise"


async def test_paging_neither_skips_nor_repeats_while_alerts_arrive(web):
    there = [await web.add_alert(number) for number in range(1, 24)]
    seen, path, arriving = [], "/api/alerts?limit=5", 0
    while path:
        page = await web.get(path)
        seen += [alert["id"] for alert in page["alerts"]]
        path = page["next"]
        arriving += 1
        await web.add_alert(100 + arriving, at=web.now + timedelta(minutes=arriving))
    assert seen == there


async def test_alerts_raised_at_one_instant_are_paged_in_one_order(web):
    there = {await web.add_alert(number, at=web.now) for number in range(1, 8)}
    seen, path = [], "/api/alerts?limit=2"
    while path:
        page = await web.get(path)
        seen += [alert["id"] for alert in page["alerts"]]
        path = page["next"]
    assert len(seen) == len(there)
    assert set(seen) == there


async def test_an_update_raised_at_the_same_instant_stands_above_what_it_updates(web):
    await web.add_alert(2, at=web.now)
    await web.add_alert(1, at=web.now, of=2, sequence=1, kind=AlertKind.UPDATED)
    await web.add_alert(3, at=web.now, of=2, sequence=2, kind=AlertKind.UPDATED)
    seen, path = [], "/api/alerts?limit=1"
    while path:
        page = await web.get(path)
        seen += [alert["id"] for alert in page["alerts"]]
        path = page["next"]
    assert seen == ["alert_3", "alert_1", "alert_2"]


async def test_the_next_page_keeps_the_filter(web):
    for number in range(1, 7):
        await web.add_alert(number, severity=Severity.P1 if number % 2 else Severity.P4)
    page = await web.get("/api/alerts?severity=P1&limit=2")
    rest = await web.get(page["next"])
    assert [alert["id"] for alert in page["alerts"] + rest["alerts"]] == ["alert_1", "alert_3", "alert_5"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?topic=port-call", ["alert_2"]),
        ("?topic=port-call&topic=joint-exercise", ["alert_1", "alert_2"]),
        ("?topic=port-call&status=denied", []),
        ("?status=denied", ["alert_3"]),
        ("?party=CHN", ["alert_2"]),
        ("?party=CHN&party=FRA", ["alert_2", "alert_3"]),
        ("?dyad=USA-KHM", ["alert_1"]),
        ("?severity=P2", ["alert_2", "alert_3"]),
        ("?kind=updated", ["alert_3"]),
        ("?language=fr", ["alert_3"]),
        ("?q=heron+MINISTERS", ["alert_1", "alert_3"]),
        ("?q=100%25", ["alert_2"]),
        ("?since=2026-03-02T08:58:00Z", ["alert_1", "alert_2"]),
        ("?until=2026-03-02T10:58:00%2B02:00", ["alert_3"]),
        ("?since=2026-03-02", ["alert_1", "alert_2", "alert_3"]),
        ("?until=2026-03-02", []),
    ],
)
async def test_filters_keep_what_shows_all_of_them(web, query, expected):
    await web.add_alert(1)
    await web.add_alert(
        2,
        dyad=("CHN", "THA"),
        topic=Topic.PORT_CALL,
        status=Status.CONCLUDED,
        aim=None,
        severity=Severity.P1,
        text="A 100% new ship called.",
        quote="ship called",
        title="Ship",
    )
    await web.add_alert(
        3,
        dyad=("FRA", "MLI"),
        topic=Topic.BASING_ACCESS,
        status=Status.DENIED,
        aim=Aim.BEGUN,
        severity=Severity.P2,
        kind=AlertKind.UPDATED,
        sequence=1,
        language="fr-FR",
    )
    assert await ids(web, query) == expected


async def test_one_alert_is_returned_as_it_was_raised(web):
    await web.add_alert(1)
    async with web.client.get("/api/alerts/alert_1") as response:
        alert = msgspec.json.decode(await response.read(), type=Alert)
    assert alert.line == "KHM-USA · story 1"
    assert alert.matters[0].aim is Aim.RESUMED


async def test_an_unchanged_list_is_not_sent_twice(web):
    await web.add_alert(1)
    async with web.client.get("/api/alerts") as response:
        etag = response.headers["etag"]
    async with web.client.get("/api/alerts", headers={"if-none-match": etag}) as response:
        assert response.status == 304
        assert await response.read() == b""
    await web.add_alert(2)
    async with web.client.get("/api/alerts", headers={"if-none-match": etag}) as response:
        assert response.status == 200


async def test_head_answers_like_get_without_content(web):
    await web.add_alert(1)
    async with web.client.get("/api/alerts/alert_1") as got, web.client.head("/api/alerts/alert_1") as response:
        assert response.status == 200
        assert response.headers["etag"] == got.headers["etag"]
        assert await response.read() == b""


async def test_requests_are_counted_by_template_and_class(web):
    await web.add_alert(1)
    await web.get("/api/alerts/alert_1")
    await web.get("/api/alerts/alert_2", 404)
    await web.get("/nothing/here", 404)
    value = web.metrics.registry.get_sample_value
    for route, status in (("/api/alerts/{alert_id}", "2xx"), ("/api/alerts/{alert_id}", "4xx"), ("unmatched", "4xx")):
        assert value("attache_web_requests_total", {"route": route, "status": status}) == 1
