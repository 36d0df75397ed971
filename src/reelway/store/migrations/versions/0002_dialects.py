"""What the APIXO, Kling and OpenAI dialects keep on a task."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns are added with their constraints in plain SQL: both databases take this form, and SQLite needs no copy of
    # the table for it.
    op.execute(
        "ALTER TABLE tasks ADD COLUMN product TEXT NOT NULL DEFAULT 'text-to-video'"
        " CONSTRAINT ck_tasks_product CHECK (product IN ('image-to-video', 'text-to-video'))"
    )
    op.execute("UPDATE tasks SET product = 'image-to-video' WHERE generation LIKE '%\"start_frame\":{%'")
    for column in ("wire", "callback_url"):
        op.execute(f"ALTER TABLE tasks ADD COLUMN {column} TEXT")
    op.execute(
        "ALTER TABLE tasks ADD COLUMN callback_policy TEXT"
        " CONSTRAINT ck_tasks_callback CHECK ((callback_url IS NULL) = (callback_policy IS NULL))"
    )
    op.execute("ALTER TABLE tasks ADD COLUMN remixed_from TEXT")
    op.execute("ALTER TABLE tasks ADD COLUMN result_ttl_s BIGINT NOT NULL DEFAULT '1296000'")
    op.execute("ALTER TABLE tasks ADD COLUMN deleted_at_us BIGINT")
    op.add_column("api_keys", sa.Column("access_key", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("sealed_secret", sa.Text(), nullable=True))
    op.create_index("uq_api_keys_access_key", "api_keys", ["access_key"], unique=True)
