"""The network: names, clocks of others, the mail server."""

import asyncio
import random
import socket
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from services.cli.doctor.finding import Finding, failure, ok, skipped
from services.cli.doctor.judgement.clock import judge_feed_clocks
from services.cli.doctor.judgement.names import judge_names
from services.cli.doctor.probes.documents import read_sources
from services.fetcher.sources import Source
from services.notifier.senders.email import greet
from shared.clock import Clock
from shared.http import open_http
from shared.http.resolver import NameResolver
from shared.settings import BadSettings, Settings

ASKED_NAMES, ASKED_CLOCKS = 8, 3
LOOKUP_SECONDS = 5
CLOCK_DEADLINE = timedelta(seconds=5)


async def examine_names(settings: Settings) -> Sequence[Finding]:
    """Look up some of the feeds' hosts."""
    hosts = [host for host in _hosts(await read_sources(settings)) if not _is_address(host)]
    chosen = random.sample(hosts, min(ASKED_NAMES, len(hosts)))
    names = NameResolver()
    try:
        troubles = await asyncio.gather(*(_lookup(names, host) for host in chosen))
    finally:
        await names.close()
    return judge_names(dict(zip(chosen, troubles, strict=True)))


async def _lookup(names: NameResolver, host: str) -> str | None:
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            await names.lookup(host)
    except socket.gaierror as error:
        return (error.strerror or str(error)).lower()
    except TimeoutError:
        return f"no answer within {LOOKUP_SECONDS} s"
    return None


async def examine_feed_clocks(settings: Settings, now: Clock) -> Sequence[Finding]:
    """Ask a few hosts of feeds for their time, as HTTP's Date tells it."""
    by_host = {host: source for source in await read_sources(settings) if (host := urlsplit(source.url).hostname)}
    chosen = random.sample(sorted(by_host), min(ASKED_CLOCKS, len(by_host)))
    async with open_http(settings) as http:

        async def ahead_of(host: str) -> timedelta | None:
            date = await http.date(by_host[host].url, deadline=CLOCK_DEADLINE)
            return now() - date if date else None

        found = zip(chosen, await asyncio.gather(*map(ahead_of, chosen)), strict=True)
    return [judge_feed_clocks({host: ahead for host, ahead in found if ahead is not None})]


async def examine_mail(settings: Settings) -> Sequence[Finding]:
    """Greet the mail server, and log in where SMTP_URL has a name; no message is sent."""
    if not settings.smtp_url:
        return [skipped("SMTP_URL is not set; subscriptions by e-mail wait until it is")]
    try:
        trouble = await greet(settings.smtp_url)
    except BadSettings as error:
        return [failure(str(error), "Correct SMTP_URL.")]
    where = urlsplit(settings.smtp_url).hostname
    if trouble is not None:
        return [failure(f"{where}: {trouble}", "Correct SMTP_URL, or start the mail server; until then e-mails wait.")]
    return [ok(f"{where} takes mail from us")]


def _hosts(sources: Sequence[Source]) -> list[str]:
    return sorted({host for source in sources if (host := urlsplit(source.url).hostname)})


def _is_address(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True
