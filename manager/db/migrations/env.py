"""Alembic's entry: runs the migrations on the connection that ``manager.db.migrate`` hands over."""

from alembic import context

from manager.db import tables
from manager.db.base import Base

assert tables.ALL
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
