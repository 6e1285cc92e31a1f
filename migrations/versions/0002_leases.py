"""Several fetchers share the feeds by host; an outbox row the log would never take is kept aside.

`host_of` is spelled out here as it was, not imported, so that what this revision did stays what it did.
"""

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

feed = sa.table("feed", sa.column("id", sa.String), sa.column("url", sa.Text), sa.column("host", sa.String))
gate = sa.table("host_gate", sa.column("host", sa.String), sa.column("closed_until", sa.DateTime(timezone=True)))


def host_of(url: str) -> str:
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        host = ""
    return host.removeprefix("www.")


def upgrade() -> None:
    op.add_column("feed", sa.Column("host", sa.String(length=255), nullable=True))
    with op.batch_alter_table("host_gate") as batch:
        batch.alter_column("closed_until", existing_type=sa.DateTime(timezone=True), nullable=True)
        batch.alter_column("reason", existing_type=sa.Text(), nullable=True)
        batch.add_column(
            sa.Column(
                "last_start", sa.DateTime(timezone=True), nullable=True, comment="of a request, by whichever fetcher"
            )
        )
        batch.add_column(
            sa.Column("leased_by", sa.String(length=255), nullable=True, comment="replica name, '#', process")
        )
        batch.add_column(sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("refused", sa.Text(), nullable=True, comment="why the log will never take it"))
    connection = op.get_bind()
    hosts = {row.id: host_of(row.url) for row in connection.execute(sa.select(feed.c.id, feed.c.url)).all()}
    for feed_id, host in hosts.items():
        connection.execute(sa.update(feed).where(feed.c.id == feed_id).values(host=host))
    with op.batch_alter_table("feed") as batch:
        batch.alter_column(
            "host",
            existing_type=sa.String(length=255),
            nullable=False,
            comment="whose patience its polls cost: the row of host_gate they are leased by",
        )


def downgrade() -> None:
    op.execute(sa.delete(gate).where(gate.c.closed_until.is_(None)))
    op.drop_column("outbox", "refused")
    with op.batch_alter_table("host_gate") as batch:
        batch.drop_column("leased_until")
        batch.drop_column("leased_by")
        batch.drop_column("last_start")
        batch.alter_column("reason", existing_type=sa.Text(), nullable=False)
        batch.alter_column("closed_until", existing_type=sa.DateTime(timezone=True), nullable=False)
    with op.batch_alter_table("feed") as batch:
        batch.drop_column("host")
