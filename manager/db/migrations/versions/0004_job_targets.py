"""Where hosts of a job take gRPC over the cluster's TLS."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_job_targets"
down_revision = "0003_models"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    # Jobs that are under way know of no such port, and go on as they began.
    column = sa.Column("download_port", sa.Integer(), nullable=False, server_default="0")
    op.add_column("job_targets", column)
