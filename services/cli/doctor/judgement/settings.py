"""Whether the settings make sense together."""

from collections.abc import Sequence

from services.cli.doctor.finding import Finding, ok, warning
from shared.settings import Settings, without_password


def judge_settings(settings: Settings) -> Sequence[Finding]:
    """Judge settings that are each valid by themselves."""
    found = [ok(f"log {without_password(settings.log_url)}, database {without_password(settings.db_url)}")]
    kafka, postgresql = settings.log_url.startswith("kafka:"), settings.db_url.startswith("postgresql:")
    if settings.log_url == "memory:":
        found.append(
            warning("the log is in memory", "Set LOG_URL to sqlite:///… or kafka://…; memory forgets all at a stop.")
        )
    if kafka and not postgresql:
        found.append(
            warning(
                "the log is Kafka, the database one SQLite file",
                "Set DB_URL to postgresql://…; a SQLite file serves the services of one machine only.",
            )
        )
    if not settings.contact:
        found.append(
            warning(
                "publishers cannot tell who asks for their feeds",
                "Set CONTACT to an address or page of yours; some publishers block askers that name nobody.",
            )
        )
    if settings.failpoints:
        found.append(
            warning(
                f"failpoints are armed: {', '.join(settings.failpoints)}",
                "Unset FAILPOINTS outside tests; the process is killed where they stand.",
            )
        )
    if settings.kafka.replication == 1 and kafka:
        found.append(
            warning(
                "new topics are made with one replica (KAFKA_REPLICATION=1)",
                "With three brokers set KAFKA_REPLICATION=3 and KAFKA_MIN_INSYNC=2; one copy is lost with its disk.",
            )
        )
    return found
