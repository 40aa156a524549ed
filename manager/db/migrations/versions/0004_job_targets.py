"""Jobs that are looked at live: where their hosts take TLS, and in which order steps changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_job_targets"
down_revision = "0003_models"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    # Jobs that are under way know of neither, and go on as they began.
    port = sa.Column("download_port", sa.Integer(), nullable=False, server_default="0")
    op.add_column("job_targets", port)
    turn = sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("job_steps", turn)
    op.create_index("ix_job_steps_job_id_turn", "job_steps", ["job_id", "turn"])
