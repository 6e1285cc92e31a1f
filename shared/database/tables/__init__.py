"""Every table, one file per service that writes it; all others only read. Migrations read `METADATA`."""

from shared.database.tables import fetcher, notifier, store, web  # noqa: F401 - registers the tables
from shared.database.tables.metadata import METADATA

__all__ = ["METADATA"]
