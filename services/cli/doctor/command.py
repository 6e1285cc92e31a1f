"""`attache doctor`: is all that Attaché needs there, and what to do where it is not."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

import click
from rich.console import Console

from services.cli.doctor.examine import examine_all
from services.cli.doctor.finding import Check, Examined, State
from services.cli.doctor.layout import as_json, findings_table, width_of, worst
from services.cli.doctor.probes.clock import examine_clock
from services.cli.doctor.probes.database import examine_database, examine_schema
from services.cli.doctor.probes.documents import examine_feeds, examine_subscriptions
from services.cli.doctor.probes.log import log_checks
from services.cli.doctor.probes.machine import (
    examine_disk,
    examine_ports,
    examine_secrets,
    examine_settings,
    examine_versions,
)
from services.cli.doctor.probes.network import examine_mail, examine_names
from shared.clock import utc_now
from shared.settings import Settings
from shared.telemetry import set_up_logs


@click.command()
@click.option("--json", "machine", is_flag=True, help="For machines.")
def doctor(machine: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Check settings, log, database, tables, clock, names, disk, ports and files, and say what to do.

    Nothing is changed. The settings are those of the environment, as for every command. Exit code 0 when nothing
    failed (warnings are no failure), 1 when something did, 2 when the settings cannot be read.
    """
    settings = Settings.from_env(os.environ)
    set_up_logs(level=logging.ERROR)
    logging.getLogger().setLevel(logging.CRITICAL)  # clients log what we find and tell
    console = Console(stderr=True)
    with console.status("") as status:

        def tell(waiting: Sequence[str]) -> None:
            status.update(f"checking {', '.join(waiting)}")

        examined = asyncio.run(_examine(settings, tell))
    if machine:
        click.echo(as_json(examined))
    else:
        out = Console()
        out.print(findings_table(examined), width=width_of(out))
    sys.exit(1 if worst(examined) is State.FAILURE else 0)


async def _examine(settings: Settings, told: Callable[[Sequence[str]], None]) -> tuple[Examined, ...]:
    return await examine_all(checks(settings), told=told)


def checks(settings: Settings) -> Sequence[Check]:
    """Return all checks in the order in which they are told."""
    return [
        Check("settings", partial(examine_settings, settings)),
        Check("versions", partial(examine_versions, settings)),
        *log_checks(settings),
        Check("database", partial(examine_database, settings)),
        Check("tables", partial(examine_schema, settings)),
        Check("clock", partial(examine_clock, settings, utc_now)),
        Check("names", partial(examine_names, settings)),
        Check("disk", partial(examine_disk, settings)),
        Check("ports", partial(examine_ports, settings)),
        Check("feeds", partial(examine_feeds, settings)),
        Check("subscriptions", partial(examine_subscriptions, settings)),
        Check("mail", partial(examine_mail, settings)),
        Check("secrets", partial(examine_secrets, settings)),
    ]
