"""Alembic's way in: applies the revisions on the connection it is given, inside the caller's transaction.

There is no alembic.ini and no URL here: `shared.database.migrate` opens the database, takes the lock, and passes
its connection in `config.attributes`.
"""

from alembic import context

from shared.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite's DDL is transactional too once BEGIN is ours (shared.database.engine)
)
with context.begin_transaction():
    context.run_migrations()
