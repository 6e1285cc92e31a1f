"""Whether the hosts of the feeds have addresses, seen from here."""

from collections.abc import Mapping, Sequence

from services.cli.doctor.finding import Finding, failure, ok, skipped, warning

SHOWN = 3


def judge_names(troubles: Mapping[str, str | None]) -> Sequence[Finding]:
    """Judge lookups: host to why it has no address, or None where it has one."""
    if not troubles:
        return [skipped("no feed has a host that needs looking up")]
    failed = {host: trouble for host, trouble in troubles.items() if trouble is not None}
    if not failed:
        return [ok(f"{len(troubles)} of {len(troubles)} feed hosts asked for have addresses")]
    shown = "; ".join(f"{host}: {trouble}" for host, trouble in list(failed.items())[:SHOWN])
    more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
    told = f"{len(failed)} of {len(troubles)} feed hosts asked for have no address ({shown}{more})"
    if len(failed) == len(troubles):
        return [
            failure(told, "Check the network and /etc/resolv.conf; while names cannot be looked up no feed is polled.")
        ]
    return [warning(told, "Look at `attache feeds list`; a host that stays without address has moved or closed.")]
