"""Asking and being answered: `fetch` for feeds and pages, `post` for webhooks."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import aiohttp
from yarl import URL

from shared.clock import Clock, utc_now
from shared.http import guard
from shared.http.answers import (
    MAX_DETAIL_CHARS,
    PERMANENT,
    TEMPORARY,
    Answer,
    Failed,
    FailureKind,
    Fetched,
    NotModified,
    Posted,
    Redirect,
    Stopped,
    stop,
)
from shared.http.body import inflate, read_at_most
from shared.http.headers import fresh_for, retry_after, served_at, status_failure, validator
from shared.http.resolver import NameResolver
from shared.settings import Settings, without_password

MAX_BODY_BYTES = 25_000_000
MAX_ANSWER_BYTES = 100_000
MAX_REDIRECTS = 5
MAX_HEADERS = 1000
MAX_HEADER_BYTES = 64_000
CHUNK_BYTES = 64_000
DEADLINE = timedelta(seconds=30)
CONNECT_DEADLINE = timedelta(seconds=10)
NOT_MODIFIED = 304
REDIRECTING = range(300, 400)

A = TypeVar("A")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")  # a name in ASCII, or an IPv6 address


@asynccontextmanager
async def open_http(settings: Settings, *, now: Clock = utc_now) -> AsyncIterator["HttpClient"]:
    """Open the client with the settings' `contact`, `allow_networks` and `allow_ports`."""
    names = NameResolver()
    session = aiohttp.ClientSession(
        connector=guard.guarded_connector(names, settings.allow_networks),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # we inflate ourselves, counting
        trust_env=False,
        headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": "gzip, deflate"},
        max_headers=MAX_HEADERS,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_DEADLINE.total_seconds()),
    )
    async with session:
        try:
            yield HttpClient(session, frozenset({80, 443, *settings.allow_ports}), now)
        finally:
            await names.close()


def user_agent(contact: str) -> str:
    """Say honestly who asks and where its owner can be reached."""
    try:
        release = version("attache")
    except PackageNotFoundError:  # run from a checkout that is not installed
        release = "0"
    owner = "".join(c for c in contact if c.isascii() and c.isprintable() and c not in "()")
    return f"Attache/{release} (news monitor; {owner or 'no contact configured'})"


@dataclass
class _Trip:
    """How far a request has got, for the failure's words."""

    url: URL
    hops: tuple[Redirect, ...] = ()
    waiting_for: str = "the answer's headers"


class HttpClient:
    """One session for all requests; made by `open_http`."""

    def __init__(self, session: aiohttp.ClientSession, ports: frozenset[int], now: Clock) -> None:
        self._session = session
        self._ports = ports
        self._now = now

    async def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        deadline: timedelta = DEADLINE,
        max_bytes: int = MAX_BODY_BYTES,
        max_redirects: int = MAX_REDIRECTS,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched | NotModified | Failed:
        """GET `url`, conditionally if validators are given, following at most `max_redirects` redirects.

        `max_bytes` bounds the body both as received and as inflated. `headers` go to the first host only.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        asked = {name: value for name, value in conditions.items() if value}

        async def follow(trip: _Trip) -> Fetched | NotModified:
            home = trip.url.origin()
            while True:
                own = headers or {} if trip.url.origin() == home else {}
                async with self._session.get(trip.url, headers={**own, **asked}, allow_redirects=False) as response:
                    onward = _next_hop(response, trip, max_redirects)
                    if onward is None:
                        return await self._read(response, trip, max_bytes, conditional=bool(asked))
                trip.hops += (Redirect(response.status, str(onward)),)
                trip.url = self._checked(str(onward))

        return await self._within(deadline, url, follow)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, deadline: timedelta = DEADLINE
    ) -> Posted | Failed:
        """POST `body`; only 2xx is success. Redirects are failures: the receiver must be named as it is."""

        async def send(trip: _Trip) -> Posted:
            async with self._session.post(trip.url, data=body, headers=headers, allow_redirects=False) as response:
                if response.status in REDIRECTING:
                    raise stop(FailureKind.REDIRECT, f"status {response.status}, not followed", response.status)
                self._check(response)
                trip.waiting_for = "the rest of its answer"
                raw = await read_at_most(response.content.iter_chunked(CHUNK_BYTES), MAX_ANSWER_BYTES)
                excerpt = " ".join(raw[:MAX_DETAIL_CHARS].decode("utf-8", "replace").split())
                return Posted(status=response.status, excerpt=excerpt)

        return await self._within(deadline, url, send)

    async def date(self, url: str, *, deadline: timedelta = DEADLINE) -> datetime | None:
        """Return the moment at which the host of `url` says it answers (HTTP's Date), or None; no body is read."""

        async def ask(trip: _Trip) -> datetime | None:
            async with self._session.get(trip.url, allow_redirects=False) as response:
                return served_at(response.headers)

        answer = await self._within(deadline, url, ask)
        return None if isinstance(answer, Failed) else answer

    async def _within(self, deadline: timedelta, url: str, work: Callable[[_Trip], Awaitable[A]]) -> A | Failed:
        """Do `work` on the checked URL within the deadline; everything that can go wrong becomes a Failed."""
        refusals: list[str] = []
        token = guard.refused.set(refusals)
        trip = _Trip(URL())
        try:
            trip.url = self._checked(url)
            async with asyncio.timeout(deadline.total_seconds()):
                return await work(trip)
        except Stopped as stopped:
            failed = stopped.failed
        except TimeoutError as error:
            failed = _timed_out(error, trip, deadline)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failed = Failed(kind=_kind(error, refusals), detail=_detail(error, refusals, trip))
        finally:
            guard.refused.reset(token)
        return replace(failed, redirects=trip.hops)

    def _checked(self, url: str) -> URL:
        """Read a URL that may be asked, or stop with bad-url."""
        shown = storable(without_password(url))[:200]
        try:
            parsed = URL(url)
            host, port = parsed.raw_host, parsed.port
        except (ValueError, UnicodeError) as error:
            raise stop(FailureKind.BAD_URL, f"{shown}: {error}") from error
        if parsed.scheme not in {"http", "https"}:
            raise stop(FailureKind.BAD_URL, f"{shown}: only http and https are asked")
        if not host or not _HOST.fullmatch(host):
            raise stop(FailureKind.BAD_URL, f"{shown}: no host that could be looked up")
        if parsed.raw_user is not None or parsed.raw_password is not None:
            raise stop(FailureKind.BAD_URL, f"{shown}: carries a user name or password")
        if port not in self._ports:
            allowed = ", ".join(map(str, sorted(self._ports)))
            raise stop(FailureKind.BAD_URL, f"{shown}: port {port} is not among those allowed ({allowed})")
        return parsed.with_fragment(None)

    async def _read(
        self, response: aiohttp.ClientResponse, trip: _Trip, max_bytes: int, *, conditional: bool
    ) -> Fetched | NotModified:
        answer = Answer(
            url=str(trip.url),
            status=response.status,
            etag=validator(response.headers.get("ETag")),
            last_modified=validator(response.headers.get("Last-Modified")),
            fresh_for=fresh_for(response.headers, self._now()),
            redirects=trip.hops,
        )
        if response.status == NOT_MODIFIED and conditional:
            return NotModified(**vars(answer))
        self._check(response)
        trip.waiting_for = "the rest of the body"
        coding = response.headers.get("Content-Encoding", "")
        received, body = await inflate(response.content.iter_chunked(CHUNK_BYTES), coding, max_bytes)
        return Fetched(
            **vars(answer),
            body=body,
            received_bytes=received,
            content_type=_header(response, "Content-Type"),
            content_location=_header(response, "Content-Location"),
            content_language=_header(response, "Content-Language"),
        )

    def _check(self, response: aiohttp.ClientResponse) -> None:
        """Stop unless the answer is a success given by the resource itself."""
        kind = status_failure(response.status, response.headers)
        if kind is not None:
            wish = retry_after(response.headers, self._now())
            raise stop(kind, f"status {response.status}", response.status, wish)


def _next_hop(response: aiohttp.ClientResponse, trip: _Trip, limit: int) -> URL | None:
    """Return where a redirect leads, or None if the answer is none; stop when it leads nowhere, or on and on."""
    status = response.status
    if status not in PERMANENT | TEMPORARY:
        return None
    location = response.headers.get("Location", "").strip()
    if not location:
        raise stop(FailureKind.REDIRECT, f"status {status} without a Location", status)
    if len(trip.hops) >= limit:
        raise stop(FailureKind.REDIRECT, f"more than {limit} redirects", status)
    try:
        return trip.url.join(URL(location))
    except (ValueError, UnicodeError) as error:
        raise stop(FailureKind.REDIRECT, f"status {status} to {storable(location)[:200]}: {error}", status) from error


def _timed_out(error: TimeoutError, trip: _Trip, deadline: timedelta) -> Failed:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Failed(kind=FailureKind.TIMEOUT, detail=f"{trip.url.host}: {storable(str(error))}"[:MAX_DETAIL_CHARS])
    told = f"{trip.url.host}: not done after {deadline.total_seconds():g} s, waiting for {trip.waiting_for}"
    return Failed(kind=FailureKind.TIMEOUT, detail=told)


def _kind(error: Exception, refusals: list[str]) -> FailureKind:
    if refusals and isinstance(error, aiohttp.ClientConnectorError):
        return FailureKind.REFUSED_ADDRESS
    for errors, kind in (
        (aiohttp.ClientConnectorDNSError, FailureKind.DNS),
        ((aiohttp.ClientSSLError, ssl.SSLError), FailureKind.TLS),
        ((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), FailureKind.BAD_URL),
        ((aiohttp.ClientOSError, OSError), FailureKind.CONNECT),
    ):
        if isinstance(error, errors):
            return kind
    return FailureKind.PROTOCOL


def _detail(error: Exception, refusals: list[str], trip: _Trip) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    connecting = isinstance(error, aiohttp.ClientConnectorError)
    told = refusals[0] if refusals and connecting else storable(" ".join(str(cause).split()) or type(cause).__name__)
    return f"{trip.url.host}: {told}"[:MAX_DETAIL_CHARS]


def _header(response: aiohttp.ClientResponse, name: str) -> str | None:
    value = response.headers.get(name)
    return storable(value) if value else None


def storable(text: str) -> str:
    """Return text that can be stored and shown: what is no character becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
