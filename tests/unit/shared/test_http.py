import asyncio
import contextlib
import gzip
import shutil
import socket
import ssl
import subprocess
import zlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http import Failed, FailureKind, Fetched, NotModified, Posted, open_http, user_agent
from shared.http.answers import Stopped
from shared.http.body import Inflater, inflate
from shared.http.headers import fresh_for, http_date, retry_after, status_failure
from shared.http.resolver import Address, NameResolver
from shared.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = timedelta(seconds=5)


class Server:
    """A raw HTTP server: `answers` maps a path to the bytes sent back, or to a coroutine function that sends them."""

    def __init__(self):
        self.answers = {}
        self.requests = []
        self.port = 0

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.requests.append(head)
            answer = self.answers.get(head.split(" ")[1], b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            if callable(answer):
                await answer(reader, writer)
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(server, **options):
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, **options)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@pytest.fixture
async def server():
    async with serving(Server()) as running:
        yield running


@pytest.fixture
async def http(server):
    settings = Settings(
        allow_networks=(ip_network("127.0.0.1/32"),), allow_ports=(server.port,), contact="ops@example.org"
    )
    async with open_http(settings, now=lambda: NOW) as client:
        yield client


def answer(status="200 OK", body=b"", **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def kind_of(result):
    assert isinstance(result, Failed), result
    return result.kind


async def test_body_and_headers_come_back_as_sent(server, http):
    server.answers["/feed"] = answer(
        body=b"<rss/>",
        ETag='W/"odd ""quotes"',
        Last_Modified="Sun,  1 Mar 2026 11:59:60 GMT",
        Content_Type="application/rss+xml; charset=koi8-r",
        Content_Language="km",
        Cache_Control="max-age=600",
        Age="100",
    )
    result = await http.fetch(server.url("/feed"))
    assert isinstance(result, Fetched)
    assert result.body == b"<rss/>"
    assert result.etag == 'W/"odd ""quotes"'
    assert result.last_modified == "Sun,  1 Mar 2026 11:59:60 GMT"
    assert result.content_type == "application/rss+xml; charset=koi8-r"
    assert result.content_language == "km"
    assert result.fresh_for == timedelta(seconds=500)


async def test_request_says_who_asks_and_sends_nothing_it_need_not(server, http):
    server.answers["/"] = answer()
    await http.fetch(server.url("/"))
    head = server.requests[0].lower()
    assert "ops@example.org" in head
    assert "cookie" not in head
    assert "referer" not in head
    assert "if-none-match" not in head


async def test_validators_are_sent_back_verbatim_and_304_brings_new_ones(server, http):
    server.answers["/"] = b'HTTP/1.1 304 Not Modified\r\nETag: "b"\r\nCache-Control: max-age=60\r\n\r\n'
    result = await http.fetch(server.url("/"), etag='W/"a"', last_modified="yesterday, roughly")
    assert isinstance(result, NotModified)
    assert (result.etag, result.last_modified, result.fresh_for) == ('"b"', None, timedelta(seconds=60))
    assert 'If-None-Match: W/"a"\r\n' in server.requests[0]
    assert "If-Modified-Since: yesterday, roughly\r\n" in server.requests[0]


async def test_304_to_an_unconditional_request_is_a_failure(server, http):
    server.answers["/"] = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    assert kind_of(await http.fetch(server.url("/"))) is FailureKind.REDIRECT


async def test_cookies_set_by_a_server_are_not_sent_back(server, http):
    server.answers["/"] = answer(Set_Cookie="a=b; Path=/")
    await http.fetch(server.url("/"))
    await http.fetch(server.url("/"))
    assert "cookie" not in server.requests[1].lower()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", FailureKind.HTTP_4XX),
        ("403 Forbidden", FailureKind.HTTP_4XX),
        ("410 Gone", FailureKind.GONE),
        ("429 Too Many Requests", FailureKind.RATE_LIMITED),
        ("500 Oops", FailureKind.HTTP_5XX),
        ("503 Busy", FailureKind.HTTP_5XX),
        ("300 Choices", FailureKind.REDIRECT),
        ("302 Found", FailureKind.REDIRECT),
        ("999 Go Away", FailureKind.PROTOCOL),
    ],
)
async def test_status_that_is_no_success_is_a_failure_of_its_kind(server, http, status, kind):
    server.answers["/"] = answer(status, Retry_After="120")
    result = await http.fetch(server.url("/"))
    assert kind_of(result) is kind
    assert result.status == int(status[:3])


async def test_retry_after_comes_back_with_the_failure(server, http):
    server.answers["/"] = answer("429 Too Many Requests", Retry_After="120")
    assert (await http.fetch(server.url("/"))).retry_after == timedelta(minutes=2)


async def test_challenge_page_is_told_apart_from_a_plain_refusal(server, http):
    server.answers["/"] = answer("403 Forbidden", cf_mitigated="challenge")
    assert kind_of(await http.fetch(server.url("/"))) is FailureKind.CHALLENGE


async def test_permanent_redirects_are_followed_and_told(server, http):
    server.answers["/a"] = answer("301 Moved", Location="/b")
    server.answers["/b"] = answer("308 Moved", Location=server.url("/c#part"))
    server.answers["/c"] = answer(body=b"x")
    result = await http.fetch(server.url("/a"))
    assert isinstance(result, Fetched)
    assert [hop.status for hop in result.redirects] == [301, 308]
    assert result.url == server.url("/c")
    assert result.moved_to is not None


async def test_one_temporary_hop_means_nothing_has_moved(server, http):
    server.answers["/a"] = answer("301 Moved", Location="/b")
    server.answers["/b"] = answer("302 Found", Location="/c")
    server.answers["/c"] = answer(body=b"x")
    assert (await http.fetch(server.url("/a"))).moved_to is None


async def test_redirect_loop_ends_after_five_hops(server, http):
    server.answers["/a"] = answer("302 Found", Location="/b")
    server.answers["/b"] = answer("302 Found", Location="/a")
    result = await http.fetch(server.url("/a"))
    assert kind_of(result) is FailureKind.REDIRECT
    assert len(server.requests) == 6
    assert len(result.redirects) == 5


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("http://169.254.169.254/latest/meta-data", FailureKind.REFUSED_ADDRESS),
        ("http://[::ffff:10.0.0.1]/", FailureKind.REFUSED_ADDRESS),
        ("http://[64:ff9b::7f00:1]/", FailureKind.REFUSED_ADDRESS),
        ("http://127.0.0.2/", FailureKind.REFUSED_ADDRESS),
        ("file:///etc/passwd", FailureKind.BAD_URL),
        ("gopher://127.0.0.1/", FailureKind.BAD_URL),
        ("http://127.0.0.1:22/", FailureKind.BAD_URL),
        ("http://user:pw@127.0.0.1/", FailureKind.BAD_URL),
    ],
)
async def test_redirect_to_a_place_not_to_be_asked_is_refused(server, http, location, kind):
    server.answers["/"] = answer("302 Found", Location=location)
    result = await http.fetch(server.url("/"))
    assert kind_of(result) is kind
    assert "pw" not in result.detail


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/"],
)
async def test_without_an_allowance_no_private_address_is_connected_to(url):
    async with open_http(Settings()) as http:
        assert kind_of(await http.fetch(url)) is FailureKind.REFUSED_ADDRESS


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/"])
async def test_odd_spellings_of_loopback_never_connect(url):
    async with open_http(Settings()) as http:
        assert kind_of(await http.fetch(url)) in {FailureKind.REFUSED_ADDRESS, FailureKind.BAD_URL, FailureKind.DNS}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "example.org/feed",
        "",
        "http://",
        "http://[::1",
        "http://example.org:99999/",
        "http://a b/",
    ],
)
async def test_url_that_cannot_be_asked_is_a_bad_url(http, url):
    assert kind_of(await http.fetch(url)) is FailureKind.BAD_URL


async def test_a_name_that_changes_its_mind_is_judged_by_the_address_connected_to(server, http, monkeypatch):
    answers = iter([[Address("127.0.0.1", socket.AF_INET)], [Address("10.0.0.1", socket.AF_INET)]])

    async def lookup(self, name, family=socket.AF_UNSPEC):
        return next(answers)

    monkeypatch.setattr(NameResolver, "lookup", lookup)
    server.answers["/"] = answer(body=b"x")
    assert isinstance(await http.fetch(server.url("/", "one.test")), Fetched)
    assert kind_of(await http.fetch(server.url("/", "two.test"))) is FailureKind.REFUSED_ADDRESS


async def test_refused_address_beside_a_good_one_neither_stops_nor_blames_the_request(server, http, monkeypatch):
    async def lookup(self, name, family=socket.AF_UNSPEC):
        return [Address("10.0.0.1", socket.AF_INET), Address("127.0.0.1", socket.AF_INET)]

    monkeypatch.setattr(NameResolver, "lookup", lookup)
    server.answers["/"] = answer(body=b"x")
    server.answers["/broken"] = b"nonsense\r\n\r\n"
    assert isinstance(await http.fetch(server.url("/", "both.test")), Fetched)
    assert kind_of(await http.fetch(server.url("/broken", "both.test"))) is FailureKind.PROTOCOL


async def test_unknown_name_is_a_dns_failure(http):
    assert kind_of(await http.fetch("http://no-such-host.invalid/")) is FailureKind.DNS


async def test_closed_port_is_a_connect_failure():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with open_http(Settings(allow_networks=(ip_network("127.0.0.1/32"),), allow_ports=(port,))) as http:
        assert kind_of(await http.fetch(f"http://127.0.0.1:{port}/")) is FailureKind.CONNECT


async def test_gzip_bomb_is_cut_off_at_the_limit(server, http):
    server.answers["/"] = answer(body=gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")
    assert kind_of(await http.fetch(server.url("/"), max_bytes=1_000_000)) is FailureKind.TOO_LARGE


async def test_plain_body_over_the_limit_is_cut_off(server, http):
    server.answers["/"] = answer(body=bytes(200_000))
    assert kind_of(await http.fetch(server.url("/"), max_bytes=100_000)) is FailureKind.TOO_LARGE


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("x-gzip", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("gzip", gzip.compress(b"hello") + bytes(20)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
    ],
)
async def test_compressed_body_is_inflated(server, http, coding, body):
    server.answers["/"] = answer(body=body, Content_Encoding=coding)
    result = await http.fetch(server.url("/"))
    assert isinstance(result, Fetched)
    assert (result.body, result.received_bytes) == (b"hello", len(body))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello")[:-9]),
        ("gzip", b"no gzip at all"),
        ("br", b"x"),
        ("gzip", gzip.compress(b"a") + b"\x1f\x8bx"),
    ],
)
async def test_broken_or_foreign_compression_is_a_protocol_failure(server, http, coding, body):
    server.answers["/"] = answer(body=body, Content_Encoding=coding)
    assert kind_of(await http.fetch(server.url("/"))) is FailureKind.PROTOCOL


async def test_body_cut_before_its_announced_end_is_a_failure(server, http):
    server.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>"
    assert kind_of(await http.fetch(server.url("/"))) is FailureKind.PROTOCOL


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(2000)) + b"\r\n",
    ],
)
async def test_answer_that_is_no_http_is_a_protocol_failure(server, http, raw):
    server.answers["/"] = raw
    assert kind_of(await http.fetch(server.url("/"))) is FailureKind.PROTOCOL


async def test_five_hundred_headers_are_put_up_with(server, http):
    many = b"".join(b"X-%d: 1\r\n" % n for n in range(500))
    server.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + many + b"\r\nx"
    assert isinstance(await http.fetch(server.url("/")), Fetched)


async def test_server_that_drips_is_cut_off_at_the_deadline(server, http):
    dripped = 0

    async def drip(_reader, writer):
        nonlocal dripped
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            dripped += 1
            await writer.drain()
            await asyncio.sleep(0.01)

    server.answers["/"] = drip
    result = await http.fetch(server.url("/"), deadline=timedelta(seconds=0.3))
    assert kind_of(result) is FailureKind.TIMEOUT
    assert "rest of the body" in result.detail
    assert dripped > 1


async def test_server_that_never_answers_is_cut_off_at_the_deadline(server, http):
    async def silence(reader, _writer):
        await reader.read()

    server.answers["/"] = silence
    result = await http.fetch(server.url("/"), deadline=timedelta(seconds=0.2))
    assert kind_of(result) is FailureKind.TIMEOUT
    assert "headers" in result.detail


async def test_deadline_covers_all_redirects_together(server, http):
    async def slow_hop(_reader, writer):
        await asyncio.sleep(0.15)
        writer.write(answer("302 Found", Location="/"))

    server.answers["/"] = slow_hop
    assert kind_of(await http.fetch(server.url("/"), deadline=timedelta(seconds=0.3))) is FailureKind.TIMEOUT


async def test_black_holed_name_server_stalls_neither_other_names_nor_the_loops_threads(server, http, monkeypatch):
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = socket.getaddrinfo

    def getaddrinfo(name, *args, **kwargs):
        if name.startswith("hole"):
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return real("127.0.0.1" if name.endswith(".test") else name, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    server.answers["/"] = answer(body=b"x")
    holes = [
        asyncio.create_task(http.fetch(server.url("/", f"hole{n}.test"), deadline=timedelta(seconds=0.3)))
        for n in range(40)
    ]
    assert isinstance(await http.fetch(server.url("/", "well.test"), deadline=SOON), Fetched)
    assert await asyncio.to_thread(lambda: "free") == "free"
    assert {kind_of(result) for result in await asyncio.gather(*holes)} == {FailureKind.TIMEOUT}
    release.set()


async def test_one_name_is_looked_up_once_however_many_ask(monkeypatch):
    asked = []

    def getaddrinfo(name, *args, **kwargs):
        asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    names = NameResolver()
    found = await asyncio.gather(*(names.lookup("one.test") for _ in range(10)))
    assert asked == ["one.test"]
    assert found == [[Address("8.8.8.8", socket.AF_INET)]] * 10


async def test_own_headers_go_to_the_first_host_only(server, http):
    async with serving(Server()) as other:
        settings = Settings(allow_networks=(ip_network("127.0.0.1/32"),), allow_ports=(server.port, other.port))
        server.answers["/"] = answer("302 Found", Location=other.url("/"))
        other.answers["/"] = answer(body=b"x")
        async with open_http(settings) as client:
            assert isinstance(await client.fetch(server.url("/"), headers={"X-Key": "s"}), Fetched)
    assert "X-Key: s" in server.requests[0]
    assert "X-Key" not in other.requests[0]


async def test_self_signed_certificate_is_a_tls_failure(tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    made = await asyncio.to_thread(
        subprocess.run,
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    async with serving(Server(), ssl=context) as server:
        settings = Settings(allow_networks=(ip_network("127.0.0.1/32"),), allow_ports=(server.port,))
        async with open_http(settings) as http:
            result = await http.fetch(f"https://127.0.0.1:{server.port}/")
    assert kind_of(result) is FailureKind.TLS
    assert server.requests == []


async def test_post_sends_the_bytes_and_headers_given(server, http):
    seen = []

    async def receive(reader, writer):
        seen.append(await reader.readexactly(4))
        writer.write(answer("202 Accepted", b"thank\nyou"))

    server.answers["/hook"] = receive
    result = await http.post(server.url("/hook"), b"body", {"webhook-id": "msg_1", "content-type": "application/json"})
    assert result == Posted(status=202, excerpt="thank you")
    assert seen == [b"body"]
    assert "webhook-id: msg_1" in server.requests[0]


async def test_post_follows_no_redirect(server, http):
    server.answers["/hook"] = answer("307 Elsewhere", Location="/other")
    assert kind_of(await http.post(server.url("/hook"), b"x", {})) is FailureKind.REDIRECT
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [("410 Gone", FailureKind.GONE), ("429 Slow", FailureKind.RATE_LIMITED), ("503 Busy", FailureKind.HTTP_5XX)],
)
async def test_post_that_was_not_taken_says_why_and_when_to_return(server, http, status, kind):
    server.answers["/"] = answer(status, Retry_After="30")
    result = await http.post(server.url("/"), b"x", {})
    assert kind_of(result) is kind
    assert result.retry_after == timedelta(seconds=30)


async def test_post_to_a_private_address_is_refused():
    async with open_http(Settings()) as http:
        assert kind_of(await http.post("http://192.168.0.1/", b"x", {})) is FailureKind.REFUSED_ADDRESS


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0", timedelta(0)),
        ("3600", timedelta(hours=1)),
        ("99999999999999999999", timedelta(days=366)),
        ("Sun, 01 Mar 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(written, expected):
    assert retry_after({"Retry-After": written}, NOW) == expected


def test_retry_after_date_counts_from_the_servers_own_clock():
    headers = {"Retry-After": "Sun, 01 Mar 2026 15:00:00 GMT", "Date": "Sun, 01 Mar 2026 14:00:00 GMT"}
    assert retry_after(headers, NOW) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Cache-Control": "max-age=60"}, timedelta(seconds=60)),
        ({"Cache-Control": 'public, Max-Age="60"'}, timedelta(seconds=60)),
        ({"Cache-Control": "max-age=60", "Age": "45"}, timedelta(seconds=15)),
        ({"Cache-Control": "max-age=60", "Age": "90"}, None),
        ({"Cache-Control": "no-cache, max-age=60"}, None),
        ({"Cache-Control": "max-age=x", "Expires": "Sun, 01 Mar 2026 12:01:00 GMT"}, timedelta(minutes=1)),
        ({"Expires": "0"}, None),
        ({"Expires": "Sun, 01 Mar 2026 15:00:00 GMT", "Date": "Sun, 01 Mar 2026 14:00:00 GMT"}, timedelta(hours=1)),
    ],
)
def test_freshness_is_max_age_or_expires_less_age(headers, expected):
    assert fresh_for(headers, NOW) == expected


@given(st.text())
def test_no_text_breaks_the_reading_of_headers(text):
    http_date(text)
    retry_after({"Retry-After": text, "Date": text}, NOW)
    fresh_for({"Cache-Control": text, "Expires": text, "Age": text}, NOW)


@given(st.integers(200, 299))
def test_every_2xx_is_a_success_unless_a_bot_wall_wrote_it(status):
    assert status_failure(status, {}) is None
    assert status_failure(status, {"x-amzn-waf-action": "challenge"}) is FailureKind.CHALLENGE


@given(st.binary(max_size=5000), st.integers(1, 700), st.sampled_from(["gzip", "deflate", "raw"]))
async def test_inflating_in_any_pieces_gives_the_whole(data, size, form):
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "raw": lambda d: zlib.compress(d, wbits=-15)}[form](data)

    async def pieces():
        for start in range(0, len(packed), size):
            yield packed[start : start + size]

    if form == "raw" and size == 1:
        return  # the first byte alone does not tell raw deflate from zlib
    assert await inflate(pieces(), "gzip", 10_000) == (len(packed), data)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_inflater_exceed_its_limit_or_raise_anything_else(data):
    with contextlib.suppress(Stopped):
        assert len(Inflater(100).feed(data)) <= 101


def test_user_agent_cannot_be_split_by_a_contact():
    assert "\n" not in user_agent("me@example.org\r\nX: y")
    assert "me@example.org" in user_agent("me@example.org")
