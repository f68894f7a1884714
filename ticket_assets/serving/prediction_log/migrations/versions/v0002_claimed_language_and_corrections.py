"""What language a sender claimed; and each correction as it was given, so that a used id is known.

Belongs here: this step, for ever as it is.
Does not belong here: later changes, which are revisions of their own.

Columns are added and dropped by themselves: SQLite would make a changed table anew, and dropping the old one takes the
targets of all predictions with it.
"""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

AT_ONCE = 500


def upgrade() -> None:
    """Add them; what was corrected before is known by the labels that it changed."""
    op.add_column("predictions", sa.Column("claimed_language", sa.Text(), nullable=True))
    made = op.create_table(
        "corrections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("prediction_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_prediction_id", "corrections", ["prediction_id"])
    op.create_index("ix_corrections_at", "corrections", ["at"])
    known = sa.table(
        "feedback",
        *(sa.column(name, sa.Text()) for name in ("id", "prediction_id", "target", "label", "reviewer", "comment")),
        sa.column("at", sa.DateTime(timezone=True)),
    )
    rows: list[dict[str, object]] = []
    given = op.get_bind().execute(sa.select(known).order_by(known.c.id)).all()
    for _, its in groupby(given, key=lambda row: row.id):
        parts = list(its)
        about = {name: getattr(parts[0], name) for name in ("id", "prediction_id", "at", "reviewer", "comment")}
        rows.append({**about, "labels": {row.target: row.label for row in parts}})
    for start in range(0, len(rows), AT_ONCE):
        op.bulk_insert(made, rows[start : start + AT_ONCE])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("corrections")
    op.drop_column("predictions", "claimed_language")
