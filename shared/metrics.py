"""The metrics catalogue: every series Attaché exports, with its meaning, in one place.

Names follow prometheus.io/docs/practices/naming; labels have few values (never a feed, a URL or an id), and every
known label value starts at 0, so that a missing series means a missing process.
"""

from datetime import UTC, datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

STAGES = ("fetcher", "tagger", "store", "notifier")
CHANNELS = ("webhook", "email", "terminal")
AGE_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)
FETCH_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30)
OF_ALL = ". Counted in the database, so each replica tells of all: take max(), not sum()."

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Metrics:
    """All series on one registry, which the caller passes in, so that two processes' worth can live in one test."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._newest_beat: dict[tuple[str, int], datetime] = {}
        self.stage_events = Counter(
            "attache_stage_events_total",
            "Events a stage has dealt with, by outcome (handled, dead, heartbeat).",
            ["stage", "outcome"],
            registry=registry,
        )
        self.stage_last_event = Gauge(
            "attache_stage_last_event_timestamp_seconds",
            "When the stage last handled an event.",
            ["stage"],
            registry=registry,
        )
        self.heartbeat_seen = Gauge(
            "attache_heartbeat_last_seen_timestamp_seconds",
            "When the newest heartbeat a stage has seen was sent by the fetcher.",
            ["stage"],
            registry=registry,
        )
        self.event_age = Histogram(
            "attache_event_age_seconds",
            "Age of an article, counted from its observation, when a stage finished with it.",
            ["stage"],
            buckets=AGE_BUCKETS,
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "attache_consumer_lag_seconds",
            "Age of the oldest record not yet committed; 0 when there is none.",
            ["stage"],
            registry=registry,
        )
        self.lag_records = Gauge(
            "attache_consumer_lag_records", "Records not yet committed.", ["stage"], registry=registry
        )
        self.dead_letters = Counter(
            "attache_dead_letters_total",
            "Records that could never be handled, by reason.",
            ["stage", "reason"],
            registry=registry,
        )
        self.pauses = Counter(
            "attache_stage_pauses_total",
            "Times a stage waited because infrastructure was unavailable.",
            ["stage"],
            registry=registry,
        )
        self.log_rebuilds = Counter(
            "attache_log_rebuilds_total",
            "Times a log's client was made anew because it stood still although the log answered.",
            ["group"],
            registry=registry,
        )
        self.log_rebalances = Counter(
            "attache_log_rebalances_total", "Times a group dealt out its partitions.", ["group"], registry=registry
        )
        self.log_dropped_commits = Counter(
            "attache_log_dropped_commits_total",
            "Commits dropped because the partitions were another member's by then, which handles the records again.",
            ["group"],
            registry=registry,
        )
        self.polls = Counter("attache_fetcher_polls_total", "Feed polls by outcome.", ["outcome"], registry=registry)
        self.poll_duration = Histogram(
            "attache_fetcher_poll_duration_seconds",
            "Duration of a feed poll.",
            buckets=FETCH_BUCKETS,
            registry=registry,
        )
        self.poll_bytes = Counter(
            "attache_fetcher_received_bytes_total", "Bytes of feed bodies, inflated.", registry=registry
        )
        self.items = Counter(
            "attache_fetcher_items_total",
            "Feed items by outcome (new, updated, known, backfill, dropped).",
            ["outcome"],
            registry=registry,
        )
        self.feeds = Gauge("attache_fetcher_feeds", f"Feeds by state{OF_ALL}", ["state"], registry=registry)
        self.feed_overdue = Gauge(
            "attache_fetcher_overdue_seconds", f"How late the most overdue feed's poll is{OF_ALL}", registry=registry
        )
        self.tagged = Counter(
            "attache_tagger_articles_total",
            "Articles tagged, by decision (alert, no-alert, no-claims).",
            ["decision"],
            registry=registry,
        )
        self.tag_duration = Histogram(
            "attache_tagger_duration_seconds",
            "Time to tag one article.",
            buckets=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
            registry=registry,
        )
        self.stored = Counter(
            "attache_store_articles_total",
            "Articles stored, by outcome (new, revised, repeat).",
            ["outcome"],
            registry=registry,
        )
        self.alerts = Counter("attache_store_alerts_total", "Alerts by kind.", ["kind"], registry=registry)
        self.outbox_pending = Gauge(
            "attache_store_outbox_pending", f"Outbox rows not yet on the log{OF_ALL}", registry=registry
        )
        self.outbox_refused = Gauge(
            "attache_store_outbox_refused",
            f"Outbox rows kept aside because the log will never take them{OF_ALL}",
            registry=registry,
        )
        self.deliveries = Counter(
            "attache_notifier_deliveries_total",
            "Delivery attempts by channel and outcome.",
            ["channel", "outcome"],
            registry=registry,
        )
        self.deliveries_pending = Gauge(
            "attache_notifier_deliveries_pending", f"Deliveries not finished{OF_ALL}", registry=registry
        )
        self.oldest_pending = Gauge(
            "attache_notifier_oldest_pending_timestamp_seconds",
            f"When the oldest unfinished delivery was created; 0 when there is none{OF_ALL}",
            registry=registry,
        )
        self.endpoints_disabled = Gauge(
            "attache_notifier_endpoints_disabled",
            f"Subscriptions not sent to any more because their receiver is gone or never answered{OF_ALL}",
            registry=registry,
        )
        self.http_requests = Counter(
            "attache_web_requests_total",
            "Requests to the API and the page, by route and status class.",
            ["route", "status"],
            registry=registry,
        )
        self.build = Gauge(
            "attache_build_info",
            "1, with the version, and the service this process runs (all: the five together).",
            ["version", "service"],
            registry=registry,
        )
        for stage in STAGES:
            for outcome in ("handled", "dead", "heartbeat"):
                self.stage_events.labels(stage, outcome)
            for gauge in (self.stage_last_event, self.heartbeat_seen, self.lag_seconds, self.lag_records):
                gauge.labels(stage)
            self.pauses.labels(stage)
        for group in STAGES[1:]:
            for counter in (self.log_rebuilds, self.log_rebalances, self.log_dropped_commits):
                counter.labels(group)
        for item_outcome in ("new", "updated", "known", "backfill", "dropped"):
            self.items.labels(item_outcome)

    def saw_heartbeat(self, stage: str, sent_at: datetime, partition: int = 0) -> None:
        """Export the newest heartbeat a stage has seen; one read again after a crash does not turn it back."""
        self.stage_events.labels(stage, "heartbeat").inc()
        self._newest_beat[stage, partition] = max(sent_at, self.newest_heartbeat(stage, partition))
        newest = max(beat for (name, _), beat in self._newest_beat.items() if name == stage)
        self.heartbeat_seen.labels(stage).set(newest.timestamp())

    def newest_heartbeat(self, stage: str, partition: int) -> datetime:
        """Return when the newest heartbeat that `stage` saw in `partition` was sent, or a time before all of them."""
        return self._newest_beat.get((stage, partition), LONG_AGO)


def process_metrics(service: str) -> Metrics:
    """Return a process's metrics on a registry of their own, with its memory, CPU time, open files and what it runs."""
    metrics = Metrics(CollectorRegistry())
    ProcessCollector(registry=metrics.registry)
    PlatformCollector(registry=metrics.registry)
    metrics.build.labels(version("attache"), service).set(1)
    return metrics
