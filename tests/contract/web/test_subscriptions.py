"""/api/subscriptions: keys, secrets, mistakes, versions."""

import base64

import pytest
from sqlalchemy import insert, select

from shared.database.tables.web import api_key, subscription

WEBHOOK = {"name": "Drills", "topic": "joint-exercise", "channel": {"webhook": "https://watch.example/hook"}}


@pytest.fixture
async def key(web):
    return {"authorization": f"Bearer {await web.add_key()}"}


async def send(web, method, path, key, document=None, **headers):
    async with web.client.request(method, path, json=document, headers={**key, **headers}) as response:
        body = await response.json(content_type=None) if response.status != 204 else None
        return response, body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("sent", [None, "Bearer nonsense", "Basic YTpi", f"Bearer attache_{'a' * 16}_{'b' * 52}"])
async def test_nothing_is_told_or_changed_without_a_known_key(web, method, sent):
    path = "/api/subscriptions" if method in {"GET", "POST"} else "/api/subscriptions/drills"
    response, body = await send(web, method, path, {"authorization": sent} if sent else {}, WEBHOOK)
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.content_type == "application/problem+json"
    assert body["title"] == "Unauthorized"
    async with web.engine.connect() as connection:
        assert (await connection.execute(select(subscription))).all() == []


async def test_a_revoked_key_is_refused(web):
    revoked = {"authorization": f"Bearer {await web.add_key(revoked=True)}"}
    response, _ = await send(web, "GET", "/api/subscriptions", revoked)
    assert response.status == 401


async def test_the_use_of_a_key_is_remembered(web, key):
    await send(web, "GET", "/api/subscriptions", key)
    async with web.engine.connect() as connection:
        assert (await connection.execute(select(api_key.c.last_used_at))).scalar_one() == web.now


async def test_a_made_secret_is_shown_once(web, key):
    response, made = await send(web, "POST", "/api/subscriptions", key, WEBHOOK)
    assert response.status == 201
    secret = made["channel"]["secret"]
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    response, read = await send(web, "GET", response.headers["location"], key)
    assert read["channel"] == {"webhook": "https://watch.example/hook"}
    assert read["match"] == {"all": [{"topics": ["joint-exercise"]}]}
    _, listed = await send(web, "GET", "/api/subscriptions", key)
    assert [one["id"] for one in listed["subscriptions"]] == [made["id"]]
    assert secret not in str(listed)


async def test_a_replaced_webhook_keeps_its_secret_and_does_not_show_it(web, key):
    _, made = await send(web, "POST", "/api/subscriptions", key, WEBHOOK)
    path = f"/api/subscriptions/{made['id']}"
    response, replaced = await send(web, "PUT", path, key, WEBHOOK | {"name": "Renamed", "enabled": False})
    assert response.status == 200
    assert replaced["name"] == "Renamed"
    assert replaced["enabled"] is False
    assert "secret" not in replaced["channel"]
    async with web.engine.connect() as connection:
        row = (await connection.execute(select(subscription))).one()
    assert made["channel"]["secret"] in row.definition
    assert row.enabled is False


async def test_a_new_secret_is_taken_and_shown(web, key):
    _, made = await send(web, "POST", "/api/subscriptions", key, WEBHOOK)
    secret = "whsec_" + base64.b64encode(bytes(24)).decode()
    channel = {"webhook": "https://watch.example/hook", "secret": secret}
    _, replaced = await send(web, "PUT", f"/api/subscriptions/{made['id']}", key, WEBHOOK | {"channel": channel})
    assert replaced["channel"]["secret"] == secret


async def test_each_mistake_is_told_with_its_place(web, key):
    document = {"name": "x", "topic": "jont-exercise", "match": {"any": [{"party": "ZZZ"}]}, "channel": {"email": "no"}}
    response, body = await send(web, "POST", "/api/subscriptions", key, document)
    assert response.status == 422
    told = {error["pointer"]: error["detail"] for error in body["errors"]}
    assert set(told) == {"/topic", "/match/any/0/party", "/channel/email"}
    assert "joint-exercise" in told["/topic"]


async def test_what_could_never_match_is_refused(web, key):
    document = WEBHOOK | {"match": {"none": [{"topic": "joint-exercise"}]}}
    response, body = await send(web, "POST", "/api/subscriptions", key, document)
    assert response.status == 422
    assert body["errors"][0]["pointer"] == "/match"


async def test_what_is_hardly_meant_is_made_with_a_remark(web, key):
    everything = {"name": "All", "channel": {"email": "desk@ministry.example"}}
    _, made = await send(web, "POST", "/api/subscriptions", key, everything)
    assert [remark["code"] for remark in made["remarks"]] == ["too-wide"]
    _, second = await send(web, "POST", "/api/subscriptions", key, everything | {"topic": "port-call"})
    assert "shadowed" in [remark["code"] for remark in second["remarks"]]


async def test_an_id_that_is_taken_is_a_conflict(web, key):
    response, _ = await send(web, "POST", "/api/subscriptions", key, WEBHOOK | {"id": "drills"})
    assert response.status == 201
    response, body = await send(web, "POST", "/api/subscriptions", key, WEBHOOK | {"id": "drills"})
    assert response.status == 409
    assert "drills" in body["detail"]


async def test_a_stale_version_changes_nothing(web, key):
    response, _ = await send(web, "POST", "/api/subscriptions", key, WEBHOOK | {"id": "drills"})
    stale = response.headers["etag"]
    path = "/api/subscriptions/drills"
    response, _ = await send(web, "PUT", path, key, WEBHOOK | {"name": "New"}, **{"if-match": stale})
    assert response.status == 200
    response, _ = await send(web, "PUT", path, key, WEBHOOK, **{"if-match": stale})
    assert response.status == 412
    response, _ = await send(web, "DELETE", path, key, **{"if-match": stale})
    assert response.status == 412
    response, read = await send(web, "GET", path, key)
    assert read["name"] == "New"
    response, _ = await send(web, "DELETE", path, key, **{"if-match": response.headers["etag"]})
    assert response.status == 204
    response, _ = await send(web, "GET", path, key)
    assert response.status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
async def test_an_unknown_subscription_is_a_404(web, key, method):
    response, _ = await send(web, method, "/api/subscriptions/none", key, WEBHOOK)
    assert response.status == 404


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b'{"name": "\\ud800"}', "application/json", 422),
        (b"\xff", "application/json", 422),
        (b"[" * 60_000, "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
        (b"[]", "application/json", 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(web, key, body, content_type, status):
    headers = {**key, "content-type": content_type}
    async with web.client.post("/api/subscriptions", data=body, headers=headers) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"


async def test_one_that_this_version_cannot_read_does_not_hide_the_others(web, key):
    await send(web, "POST", "/api/subscriptions", key, WEBHOOK | {"id": "drills"})
    async with web.engine.begin() as connection:
        await connection.execute(
            insert(subscription).values(
                id="later",
                name="From a later version",
                definition='{"name": "x", "channel": {"carrier-pigeon": "secret coop"}}',
                enabled=True,
                created_at=web.now,
                updated_at=web.now,
            )
        )
    _, listed = await send(web, "GET", "/api/subscriptions", key)
    later = next(one for one in listed["subscriptions"] if one["id"] == "later")
    assert len(listed["subscriptions"]) == 2
    assert later["remarks"][0]["code"] == "unreadable"
    assert "coop" not in str(listed)
