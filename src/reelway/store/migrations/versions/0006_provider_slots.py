"""How many jobs a provider has is counted over all workers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ACTIVE = "state IN ('running', 'submitting')"


def upgrade() -> None:
    op.create_index(
        "ix_tasks_provider_active",
        "tasks",
        ["provider"],
        sqlite_where=sa.text(_ACTIVE),
        postgresql_where=sa.text(_ACTIVE),
    )
