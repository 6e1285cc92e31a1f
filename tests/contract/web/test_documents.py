"""Developments, articles, feeds, health and the OpenAPI document, over HTTP."""

import re

import msgspec
import pytest

from services.web.api.documents import ArticleDocument, Development, FeedList
from shared.vocabulary import AlertKind

ROUTES = {
    "/api/alerts": {"get"},
    "/api/alerts/{alert_id}": {"get"},
    "/api/developments/{development_id}": {"get"},
    "/api/articles/{article_id}": {"get"},
    "/api/feeds": {"get"},
    "/api/subscriptions": {"get", "post"},
    "/api/subscriptions/{subscription_id}": {"get", "put", "delete"},
    "/healthz": {"get"},
    "/readyz": {"get"},
}


async def test_a_development_has_its_reports_and_its_alerts_in_order(web):
    await web.add_alert(2)
    await web.add_alert(1, of=2, sequence=1, kind=AlertKind.UPDATED)
    document = await web.get("/api/developments/dev_2")
    read = msgspec.convert(document, Development)
    assert [alert.id for alert in read.alerts] == ["alert_2", "alert_1"]
    assert [article.id for article in read.articles] == ["art_2", "art_1"]
    assert read.articles[0].reason == "shares Blue Heron"
    assert read.state == {"names": ["blue-heron"]}


async def test_an_article_has_its_claims_with_evidence_that_fits_its_text(web):
    await web.add_alert(1)
    read = msgspec.convert(await web.get("/api/articles/art_1"), ArticleDocument)
    evidence = read.claims[0].evidence[0]
    assert read.text[evidence.start : evidence.end] == evidence.quote
    assert read.decision.reasons == ("news of two ministries",)
    assert read.development_id == "dev_1"


async def test_feeds_in_trouble_come_first_and_are_counted(web):
    await web.add_feed(1)
    await web.add_feed(2, state="failing", last_detail="name not found")
    await web.add_feed(3, state="new", polled=False)
    await web.add_feed(4, state="gone", enabled=False)
    read = msgspec.convert(await web.get("/api/feeds"), FeedList)
    assert [feed.id for feed in read.feeds] == ["feed_2", "feed_1", "feed_3", "feed_4"]
    assert (read.enabled, read.polled, read.unreachable) == (3, 2, 1)
    only = msgspec.convert(await web.get("/api/feeds?state=failing"), FeedList)
    assert [feed.last_detail for feed in only.feeds] == ["name not found"]


async def test_a_password_in_a_feed_address_is_not_told(web):
    await web.add_feed(1, url="https://user:secret@feeds.example/1?x=1")
    read = msgspec.convert(await web.get("/api/feeds"), FeedList)
    assert read.feeds[0].url == "https://…@feeds.example/1?x=1"


async def test_ready_while_the_database_answers_and_every_check_is_well(web):
    assert (await web.get("/healthz"))["status"] == "alive"
    assert (await web.get("/readyz"))["status"] == "ready"
    web.health.checks["store"] = lambda: "behind by 5 min"
    assert await web.get("/readyz", 503) == {"status": "not-ready", "reasons": {"store": "behind by 5 min"}}


@pytest.fixture
async def openapi(web):
    return await web.get("/api/openapi.json")


def operations(openapi):
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_openapi_lists_every_route(openapi):
    assert openapi["openapi"].startswith("3.1")
    assert {path: set(item) for path, item in openapi["paths"].items()} == ROUTES


async def test_openapi_references_lead_somewhere(openapi):
    schemas = openapi["components"]["schemas"]
    found = set(references(openapi))
    assert found
    for reference in found:
        assert re.fullmatch(r"#/components/schemas/[A-Za-z]+", reference)
        assert reference.rsplit("/", 1)[1] in schemas


async def test_openapi_describes_every_answer(openapi):
    for name, operation in operations(openapi):
        assert operation["summary"], name
        assert len({operation["operationId"]}) == 1
        assert "500" in operation["responses"], name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            if int(status) >= 400 and name != "get /readyz":
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
                assert content["example"]["status"] == int(status)
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])


async def test_openapi_says_which_routes_need_a_key(openapi):
    for name, operation in operations(openapi):
        assert bool(operation.get("security")) is ("/api/subscriptions" in name), name
    assert openapi["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
