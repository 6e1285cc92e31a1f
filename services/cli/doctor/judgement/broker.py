"""Whether the brokers can be reached where they say they are, and let us in."""

from collections.abc import Mapping, Sequence

from services.cli.doctor.finding import Finding, failure, ok, warning
from shared.eventlog.kafka.inspection import LogReport


def judge_brokers(given: Mapping[str, str | None], report: LogReport, security: str) -> Sequence[Finding]:
    """Judge addresses first; what the client said counts only where they are not to blame.

    `given` are the addresses of LOG_URL, each with why a connection fails, or None where it does not.
    """
    found = _given(given)
    lost = [broker for broker in report.brokers if broker.trouble]
    for broker in lost:
        found.append(
            failure(
                f"broker {broker.node} tells clients to use {broker.address}, which cannot be reached from here",
                "Set the broker's advertised.listeners to an address that this machine can reach.",
            )
        )
    for what in report.lacking:
        found.append(failure(f"the broker is too old for {what}", "Upgrade the broker to Kafka 2.3 or newer."))
    reached = any(why is None for why in given.values())
    if report.trouble and reached and not lost:
        found.append(
            failure(f"a broker can be connected to, but not used: {report.trouble}", _advice(report, security))
        )
    elif reached and not lost:
        listed = ", ".join(broker.address for broker in report.brokers)
        found.insert(0, ok(f"{_count(len(report.brokers))} at {listed} ({security})"))
    return found


def _count(brokers: int) -> str:
    return "a broker answers" if brokers == 1 else f"{brokers} brokers answer"


def _given(given: Mapping[str, str | None]) -> list[Finding]:
    lost = {address: why for address, why in given.items() if why is not None}
    told = "; ".join(f"{address}: {why}" for address, why in lost.items())
    if len(lost) == len(given):
        return [
            failure(
                f"no broker of LOG_URL can be reached ({told})",
                "Start the broker, or correct the addresses in LOG_URL; check firewalls between here and there.",
            )
        ]
    if lost:
        return [
            warning(
                f"{len(lost)} of {len(given)} brokers of LOG_URL cannot be reached ({told})",
                "Start them or take them out of LOG_URL; a start fails while the others are down.",
            )
        ]
    return []


def _advice(report: LogReport, security: str) -> str:
    if report.trouble.startswith(("KAFKA_", "LOG_URL")):
        return "Correct what it names."
    if security == "PLAINTEXT":
        return "If the listener wants TLS or a login set KAFKA_SECURITY; otherwise see the broker's own log."
    return "Compare KAFKA_SECURITY, the certificate files, KAFKA_USERNAME and KAFKA_PASSWORD_FILE with the broker's."
