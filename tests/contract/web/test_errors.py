"""Every error of the API is a problem detail that says what is wrong, where, and nothing of our insides."""

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

PROBLEM = "application/problem+json"


async def problem(web, method, path, **more):
    async with web.client.request(method, path, **more) as response:
        assert response.content_type == PROBLEM
        body = await response.json(content_type=PROBLEM)
        assert body["type"] == "about:blank"
        assert body["status"] == response.status
        assert body["title"]
        assert body["detail"]
        return response, body


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/nothing", "/api/alerts/none", "/api/developments/none", "/api/articles/none", "/api/alerts/"],
)
async def test_what_is_not_there_is_a_404_problem(web, path):
    response, _ = await problem(web, "GET", path)
    assert response.status == 404


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/alerts"), ("DELETE", "/api/feeds"), ("PUT", "/")])
async def test_a_wrong_method_is_a_405_problem_that_names_the_right_ones(web, method, path):
    response, _ = await problem(web, method, path)
    assert response.status == 405
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("query", "parameter", "reason"),
    [
        ("topic=jont-exercise", "topic", "joint-exercise"),
        ("party=khm", "party", "did you mean 'KHM'?"),
        ("dyad=KHM", "dyad", "two codes joined by '-'"),
        ("severity=P9", "severity", "'P1'"),
        ("language=english!", "language", "BCP 47"),
        ("since=yesterday", "since", "valid d"),
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=201", "limit", "at most 200"),
        ("cursor=bm9uZQ", "cursor", "not a cursor"),
        ("cursor=%00", "cursor", "not a cursor"),
        ("format=xml", "format", "'csv'"),
        ("statsu=denied", "statsu", "not permitted"),
        (f"q={'x' * 201}", "q", "at most 200"),
    ],
)
async def test_each_wrong_parameter_is_named_with_its_reason(web, query, parameter, reason):
    response, body = await problem(web, "GET", f"/api/alerts?{query}")
    assert response.status == 422
    assert {error["parameter"] for error in body["errors"]} == {parameter}
    assert any(reason in error["detail"] for error in body["errors"])


async def test_all_wrong_parameters_are_told_at_once(web):
    _, body = await problem(web, "GET", "/api/alerts?topic=x&severity=x&limit=x")
    assert {error["parameter"] for error in body["errors"]} == {"topic", "severity", "limit"}


async def test_an_id_that_cannot_be_one_is_refused(web):
    response, _ = await problem(web, "GET", "/api/alerts/%00")
    assert response.status == 422


async def test_a_medium_we_do_not_have_is_a_406_problem(web):
    response, _ = await problem(web, "GET", "/api/alerts", headers={"accept": "image/png"})
    assert response.status == 406


async def test_our_own_mistake_is_a_500_problem_without_insides_and_is_logged(web):
    async with web.engine.begin() as connection:
        await connection.execute(text("DROP TABLE alert_party"))
        await connection.execute(text("DROP TABLE alert_matter"))
    with capture_logs() as logged:
        response, body = await problem(web, "GET", "/api/alerts?party=KHM")
    assert response.status == 500
    assert "alert_party" not in str(body)
    assert [(line["event"], line["outcome"], line["exc_info"]) for line in logged] == [("request", "failed", True)]
    assert web.metrics.registry.get_sample_value(
        "attache_web_requests_total", {"route": "/api/alerts", "status": "5xx"}
    )


async def test_a_browser_gets_an_error_page_outside_the_api(web):
    async with web.client.get("/nothing", headers={"accept": "text/html"}) as response:
        assert response.status == 404
        assert response.content_type == "text/html"
    await problem(web, "GET", "/api/nothing", headers={"accept": "text/html"})


async def test_security_headers_stand_on_every_answer(web):
    for path in ("/", "/api/alerts", "/api/nothing", "/static/app.css", "/healthz", "/api/openapi.json"):
        async with web.client.get(path) as response:
            assert response.headers["content-security-policy"].startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["referrer-policy"] == "no-referrer"
