"""What the subscriptions verbs do: read them all, see how they fare, add, try against stored alerts, send a test."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.opening import current_database
from services.notifier.delivery import Accepted, deliveries_of
from services.notifier.repository import Repository
from services.notifier.rows import Disabled, Latest
from services.notifier.sample import sample_alert
from services.notifier.service import open_senders
from services.notifier.wording import clean
from services.web.queries.alerts import AlertFilter, all_alerts
from services.web.subscriptions import IdTaken, add_subscription, all_subscriptions
from shared.clock import utc_now
from shared.settings import Settings
from shared.subscriptions import (
    Email,
    Remark,
    Subscription,
    SubscriptionError,
    Wanted,
    Webhook,
    lint,
    new_secret,
    parse_subscriptions,
    wants,
    with_secret,
)

SECRET_BYTES = 32
SHOWN = 20


@dataclass(frozen=True)
class Desk:
    """What the verbs work on."""

    settings: Settings
    engine: AsyncEngine
    console: Console
    now: datetime

    async def all(self) -> list[tuple[Subscription, str]]:
        """Return every subscription with where it is kept: the file first, as the notifier does."""
        file = self.settings.subscriptions_file
        found = [(one, file.name) for one in read_file(file)] if file else []
        taken = {one.id for one, _ in found}
        return found + [(one.read(), "saved") for one in await all_subscriptions(self.engine) if one.id not in taken]


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """Open the database that the environment names."""
    settings = Settings.from_env(os.environ)
    async with current_database(settings) as engine:
        yield Desk(settings, engine, Console(), utc_now())


async def show_all(desk: Desk) -> None:
    """Print all subscriptions as a table, with how their deliveries fare and lint's remarks."""
    repository = Repository(desk.engine)
    disabled, latest = await repository.disabled(), await repository.latest()
    found = await desk.all()
    if not found:
        desk.console.print(
            "No subscriptions yet. Make one with `attache subscriptions add --name … --topic … --terminal`,\n"
            "or name a file of them in SUBSCRIPTIONS_FILE. Until then `attache run` prints every alert."
        )
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("id", no_wrap=True)
    for title in ("name", "goes to", "kept in", "state", "last delivery"):
        table.add_column(title, overflow="fold")
    for one, kept_in in found:
        state = _state(one, disabled.get(one.id))
        last = _last(latest.get(one.id))
        table.add_row(one.id, escape(clean(one.name)), escape(_target(one)), escape(kept_in), state, last)
    desk.console.print(table)
    print_remarks(desk.console, lint([one for one, _ in found]))


def _state(subscription: Subscription, disabled: Disabled | None) -> Text:
    if not subscription.enabled:
        return Text("off", style="dim")
    if disabled:
        return Text(f"disabled {_minute(disabled.at)}: {disabled.reason}; save it again to enable", style="red")
    return Text("on", style="green")


def _last(latest: Latest | None) -> str:
    if latest is None:
        return "none yet"
    said = f"{latest.outcome} {_minute(latest.at)} ({latest.reason})" if latest.at else "not tried yet"
    return f"{said}, {latest.pending} pending" if latest.pending else said


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _target(subscription: Subscription) -> str:
    match subscription.channel:
        case Webhook(url=url):
            return url
        case Email(to=to):
            return ", ".join(to)
        case _:
            return "terminal"


async def add_all(desk: Desk, found: Sequence[Subscription]) -> None:
    """Save subscriptions; a webhook without a secret gets one, printed this once. What never matches is refused."""
    new_ids = {one.id for one in found}
    others = [one for one, _ in await desk.all()]
    remarks = [one for one in lint([*others, *found]) if one.subscription_id in new_ids]
    if any(remark.is_error for remark in remarks):
        print_remarks(desk.console, remarks)
        raise click.ClickException("nothing was added")
    for subscription in found:
        made = ""
        if isinstance(subscription.channel, Webhook) and not subscription.channel.secret:
            made = new_secret(secrets.token_bytes(SECRET_BYTES))
        new = with_secret(subscription, made) if made else subscription
        try:
            await add_subscription(desk.engine, new, now=desk.now)
        except IdTaken:
            raise click.ClickException(f"there is a subscription {new.id!r} already") from None
        click.echo(f"added {new.id}: {clean(new.name)}, to {_target(new)}")
        if made:
            click.echo(f"its secret, shown this once: {made}")
    print_remarks(desk.console, remarks)


async def try_out(desk: Desk, which: str, back: timedelta, *, send: bool) -> None:
    """Print which stored alerts a subscription, or each of a file, would have been sent and why; maybe send a test."""
    chosen = await _chosen(desk, which)
    since = desk.now - back
    alerts = [stored.read() async for stored in all_alerts(desk.engine, AlertFilter(since=since))]
    for subscription in chosen:
        verdicts = [(alert, wants(subscription, alert)) for alert in alerts]
        wanted = [(alert, verdict.reason) for alert, verdict in verdicts if isinstance(verdict, Wanted)]
        desk.console.print(
            f"[bold]{escape(subscription.id)}[/] ({escape(clean(subscription.name))}): {len(wanted)} of "
            f"{len(alerts)} alerts of the last {back.days} days"
        )
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=3)
        table.add_column(overflow="fold", ratio=2, style="dim")
        for alert, reason in wanted[:SHOWN]:
            line = f"{alert.severity} {clean(alert.line)}"
            table.add_row(_minute(alert.raised_at), Text(line), Text(f"because {clean(reason)}"))
        desk.console.print(table)
        if len(wanted) > SHOWN:
            desk.console.print(f"… and {len(wanted) - SHOWN} more")
        if not wanted and verdicts:
            alert, verdict = verdicts[0]
            desk.console.print(Text(f"  the newest one, {clean(alert.line)!r}, was not: {clean(verdict.reason)}"))
    if send and not await _send_test(desk, chosen):
        sys.exit(1)


async def _chosen(desk: Desk, which: str) -> list[Subscription]:
    known = {one.id: one for one, _ in await desk.all()}
    if which in known:
        return [known[which]]
    file = Path(which)
    if await asyncio.to_thread(file.is_file):
        return list(read_file(file))
    raise click.ClickException(f"no subscription and no file is called {which!r}; known: {', '.join(known) or 'none'}")


async def _send_test(desk: Desk, chosen: Sequence[Subscription]) -> bool:
    alert = sample_alert(desk.now)
    all_well = True
    async with open_senders(desk.settings, console=desk.console) as senders:
        for subscription in chosen:
            for delivery in deliveries_of(
                alert, subscription, matched="a test", now=desk.now, trace_id=None, test=True
            ):
                outcome = await senders[delivery.channel.name].send(delivery, desk.now)
                took = isinstance(outcome, Accepted)
                all_well = all_well and took
                desk.console.print(
                    Text(f"test to {_target(subscription)}: ")
                    + Text(
                        f"{'accepted' if took else 'not delivered'} ({outcome.reason})",
                        style="green" if took else "red",
                    )
                )
    return all_well


def print_remarks(console: Console, remarks: Sequence[Remark]) -> None:
    """Print lint's remarks, errors in red."""
    for remark in remarks:
        style = "red" if remark.is_error else "yellow"
        console.print(Text(f"{remark.subscription_id}: {remark.code}: {remark.message}", style=style))


class Mistakes(click.ClickException):
    """Mistakes in a subscription: all of them on standard error, exit code 1."""

    def __init__(self, error: SubscriptionError) -> None:
        super().__init__(str(error))

    def show(self, file: Any = None) -> None:
        """Print them without click's prefix, since each has its own place."""
        click.echo(self.message, err=True, file=file)


def read_file(file: Path) -> tuple[Subscription, ...]:
    """Read a subscriptions file; raises Mistakes with all of them."""
    try:
        return parse_subscriptions(file.read_text(encoding="utf-8"), file=str(file))
    except SubscriptionError as error:
        raise Mistakes(error) from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file}: not UTF-8 at byte {error.start}") from error
