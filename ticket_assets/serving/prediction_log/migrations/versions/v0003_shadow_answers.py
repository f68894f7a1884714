"""What a challenger would have answered, and whose ticket it was while tickets were shared out between two models.

Belongs here: this step, for ever as it is.
Does not belong here: later changes, which are revisions of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; what was answered before was shared out with nobody."""
    op.add_column("predictions", sa.Column("arm", sa.Text(), nullable=True))
    op.create_table(
        "shadow_answers",
        sa.Column("prediction_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("bundle", "target", "label")),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("prediction_id", "bundle", "target", name="pk_shadow_answers"),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name="fk_shadow_answers_prediction_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_shadow_answers_bundle_at", "shadow_answers", ["bundle", "at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("shadow_answers")
    op.drop_column("predictions", "arm")
