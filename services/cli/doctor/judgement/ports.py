"""Whether the ports are free, or it is Attaché itself that answers there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.cli.doctor.finding import Finding, failure, ok, warning


@dataclass(frozen=True)
class Port:
    """One port of ours. `trouble` is why it cannot be listened on; None means it is free.

    `attache` says whether /readyz answered as Attaché does, `reasons` what it said keeps it from being ready.
    """

    setting: str
    host: str
    number: int
    trouble: str | None = None
    attache: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)


def judge_port(seen: Port) -> Finding:
    """Judge one port."""
    where = f"{seen.host}:{seen.number}" if seen.number else f"any free port of {seen.host}"
    if seen.trouble is None:
        return ok(f"{seen.setting} {where} is free")
    if not seen.attache:
        return failure(
            f"{seen.setting} {where}: {seen.trouble}",
            f"Set {seen.setting} to another port, or stop what listens there.",
        )
    if seen.reasons:
        told = "; ".join(f"{name}: {reason}" for name, reason in seen.reasons.items())
        return warning(
            f"{seen.setting} {where} is Attaché, running but not ready: {told}",
            "See to what it names; it goes on by itself once that is mended.",
        )
    return ok(f"{seen.setting} {where} is Attaché, running and ready")


def judge_ports(seen: Sequence[Port]) -> Sequence[Finding]:
    """Judge all; two of ours must not be the same."""
    found = [judge_port(port) for port in seen]
    taken: dict[tuple[str, int], str] = {}
    for port in seen:
        other = taken.setdefault((port.host, port.number), port.setting)
        if port.number and other != port.setting:
            found.append(
                failure(f"{other} and {port.setting} are both {port.number}", f"Set {port.setting} to another port.")
            )
    return found
