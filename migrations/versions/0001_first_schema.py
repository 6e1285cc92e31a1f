"""The first schema: feeds, articles, claims, developments, alerts, outbox, deliveries, subscriptions, keys.

Types are spelled out here, not imported, so that what this revision did stays what it did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "secret_sha256",
            sa.String(length=64),
            nullable=False,
            comment="full-entropy secret, so a fast hash is enough",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "article",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("feed_id", sa.String(length=64), nullable=False),
        sa.Column("outlet", sa.Text(), nullable=False),
        sa.Column("outlet_country", sa.String(length=8), nullable=True),
        sa.Column("grade", sa.String(length=1), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="the body evidence offsets of field 'text' point into"),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("published", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("alerting", sa.Boolean(), nullable=False, comment="whether the tagger's decision was to alert"),
        sa.Column("decision", sa.Text(), nullable=False, comment="JSON of shared.events.Decision"),
        sa.Column("rules_version", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="the article event's JSON, byte for byte"),
        sa.Column("trace_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
    )
    op.create_index("ix_article_observed", "article", ["observed_at", "id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column(
            "id",
            sa.String(length=64),
            nullable=False,
            comment="from alert and subscription; the webhook-id on every attempt",
        ),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("development_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="of the alert: a later one waits for the earlier"),
        sa.Column("subscription_id", sa.String(length=64), nullable=False),
        sa.Column("subscription_name", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False, comment="JSON of the channel as it was when the alert matched"),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON of shared.events.Alert"),
        sa.Column("matched", sa.Text(), nullable=False, comment="why the subscription wants it"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="pending, delivered, failed or disabled"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_outcome", sa.String(length=32), nullable=True),
        sa.Column("last_detail", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_due", "delivery", ["state", "due_at"], unique=False)
    op.create_index("ix_delivery_order", "delivery", ["development_id", "subscription_id", "sequence"], unique=False)
    op.create_index("ix_delivery_subscription", "delivery", ["subscription_id", "created_at"], unique=False)
    op.create_table(
        "delivery_attempt",
        sa.Column("delivery_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempt")),
    )
    op.create_table(
        "development",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("dyad", sa.String(length=128), nullable=False, comment="sorted codes joined by '-'"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_report_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("severity", sa.String(length=2), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="JSON: matters reached, names, wording, parties"),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False, comment="alerts raised so far; the next one's sequence"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_development")),
    )
    op.create_index("ix_development_dyad", "development", ["dyad", "last_report_at"], unique=False)
    op.create_index("ix_development_last_report", "development", ["last_report_at"], unique=False)
    op.create_table(
        "endpoint",
        sa.Column("subscription_id", sa.String(length=64), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_endpoint")),
        comment="subscriptions whose receiver is gone or never answered; removed when the subscription is saved again",
    )
    op.create_table(
        "feed",
        sa.Column("id", sa.String(length=64), nullable=False, comment="stable; survives a change of URL"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True, comment="the page the feed belongs to"),
        sa.Column("country", sa.String(length=8), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("grade", sa.String(length=1), nullable=False, comment="Admiralty source grade A to F"),
        sa.Column("origin", sa.String(length=16), nullable=False, comment="starter, added or opml"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "etag",
            sa.Text(),
            nullable=True,
            comment="as the server wrote it; set only after the log acknowledged every item",
        ),
        sa.Column("last_modified", sa.Text(), nullable=True, comment="as the server wrote it, never reformatted"),
        sa.Column(
            "identity_policy",
            sa.String(length=16),
            nullable=False,
            comment="guid, guid-link or content; never goes back",
        ),
        sa.Column(
            "state", sa.String(length=16), nullable=False, comment="new, healthy, failing, gone; the metric's label"
        ),
        sa.Column("failures", sa.Float(), nullable=False, comment="weighted failures in a row"),
        sa.Column("interval_s", sa.Integer(), nullable=True, comment="seconds the adaptive schedule has settled on"),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_poll_reason", sa.Text(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("last_polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "last_full_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="last unconditional fetch, for the audit of lying validators",
        ),
        sa.Column("last_outcome", sa.String(length=32), nullable=True),
        sa.Column("last_detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
        sa.UniqueConstraint("url", name=op.f("uq_feed_url")),
    )
    op.create_index("ix_feed_due", "feed", ["enabled", "next_poll_at"], unique=False)
    op.create_table(
        "feed_item",
        sa.Column("feed_id", sa.String(length=64), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="of title and body: a change is a revision"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "article_id", name=op.f("pk_feed_item")),
    )
    op.create_table(
        "host_gate",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host_gate")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False, comment="JSON list of [name, value], values UTF-8"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        comment="rows that must become log records; deleted once the log has acknowledged them",
    )
    op.create_table(
        "poll_attempt",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("feed_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("items_new", sa.Integer(), nullable=False),
        sa.Column("items_updated", sa.Integer(), nullable=False),
        sa.Column("items_known", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll_attempt")),
    )
    op.create_index("ix_poll_attempt_feed", "poll_attempt", ["feed_id", "at"], unique=False)
    op.create_table(
        "subscription",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False, comment="JSON of the subscription as its owner wrote it"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("development_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=2), nullable=False),
        sa.Column("dyad", sa.String(length=128), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON of shared.events.Alert"),
        sa.ForeignKeyConstraint(
            ["development_id"], ["development.id"], name=op.f("fk_alert_development_id_development")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("development_id", "sequence", name=op.f("uq_alert_development_id")),
    )
    op.create_index("ix_alert_raised", "alert", ["raised_at", "id"], unique=False)
    op.create_table(
        "claim",
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("aim", sa.String(length=32), nullable=True),
        sa.Column("parties", sa.Text(), nullable=False, comment="sorted codes joined by a space"),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("certainty", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, comment="JSON list of shared.events.Evidence"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON of shared.events.Claim"),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_claim_article_id_article")),
        sa.PrimaryKeyConstraint("article_id", "id", name=op.f("pk_claim")),
    )
    op.create_index("ix_claim_topic", "claim", ["topic", "status"], unique=False)
    op.create_table(
        "development_article",
        sa.Column("development_id", sa.String(length=64), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why the article joined, in the decision's words"),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_development_article_article_id_article")),
        sa.ForeignKeyConstraint(
            ["development_id"], ["development.id"], name=op.f("fk_development_article_development_id_development")
        ),
        sa.PrimaryKeyConstraint("development_id", "article_id", name=op.f("pk_development_article")),
        sa.UniqueConstraint("article_id", name=op.f("uq_development_article_article_id")),
    )
    op.create_table(
        "alert_matter",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_matter_alert_id_alert")),
        sa.PrimaryKeyConstraint("alert_id", "topic", "status", name=op.f("pk_alert_matter")),
    )
    op.create_index("ix_alert_matter_topic", "alert_matter", ["topic", "status"], unique=False)
    op.create_table(
        "alert_party",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_party_alert_id_alert")),
        sa.PrimaryKeyConstraint("alert_id", "party", name=op.f("pk_alert_party")),
    )
    op.create_index("ix_alert_party_party", "alert_party", ["party"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_alert_party_party", table_name="alert_party")
    op.drop_table("alert_party")
    op.drop_index("ix_alert_matter_topic", table_name="alert_matter")
    op.drop_table("alert_matter")
    op.drop_table("development_article")
    op.drop_index("ix_claim_topic", table_name="claim")
    op.drop_table("claim")
    op.drop_index("ix_alert_raised", table_name="alert")
    op.drop_table("alert")
    op.drop_table("subscription")
    op.drop_index("ix_poll_attempt_feed", table_name="poll_attempt")
    op.drop_table("poll_attempt")
    op.drop_table("outbox")
    op.drop_table("host_gate")
    op.drop_table("feed_item")
    op.drop_index("ix_feed_due", table_name="feed")
    op.drop_table("feed")
    op.drop_table("endpoint")
    op.drop_index("ix_development_last_report", table_name="development")
    op.drop_index("ix_development_dyad", table_name="development")
    op.drop_table("development")
    op.drop_table("delivery_attempt")
    op.drop_index("ix_delivery_subscription", table_name="delivery")
    op.drop_index("ix_delivery_order", table_name="delivery")
    op.drop_index("ix_delivery_due", table_name="delivery")
    op.drop_table("delivery")
    op.drop_index("ix_article_observed", table_name="article")
    op.drop_table("article")
    op.drop_table("api_key")
