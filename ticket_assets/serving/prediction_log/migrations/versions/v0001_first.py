"""The first tables: predictions with their targets, feedback, events, rejected records.

Belongs here: this step, for ever as it is.
Does not belong here: later changes, which are revisions of their own.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _at() -> sa.Column[datetime]:
    return sa.Column("at", sa.DateTime(timezone=True), nullable=False)


def _moment() -> sa.Column[int]:
    return sa.Column("moment", sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "predictions",
        *(_text("id"), _at(), _moment(), _text("ticket_id", True), _text("transport"), _text("bundle")),
        *(_text(name, True) for name in ("model_version", "key", "request_id", "language")),
        *(_text("subject"), _text("body"), sa.Column("context", sa.JSON(), nullable=False)),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    op.create_index("ix_predictions_at_id", "predictions", ["at", "id"])
    op.create_index("ix_predictions_ticket_id", "predictions", ["ticket_id"])
    op.create_index("ix_predictions_key_at", "predictions", ["key", "at"])
    op.create_table(
        "prediction_targets",
        *(_text("prediction_id"), _text("target"), _text("label"), sa.Column("probability", sa.Float(), nullable=True)),
        *(_text("band"), _text("served_band"), sa.Column("probabilities", sa.JSON(), nullable=False)),
        sa.PrimaryKeyConstraint("prediction_id", "target", name="pk_prediction_targets"),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name="fk_prediction_targets_prediction_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "feedback",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        *(_text("id"), _text("prediction_id"), _text("target"), _text("label"), _at(), _moment()),
        *(_text(name, True) for name in ("key", "reviewer", "comment")),
        sa.PrimaryKeyConstraint("seq", name="pk_feedback"),
        sa.UniqueConstraint("id", "target", name="uq_feedback_id_target"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_feedback_prediction_id_target_moment_seq", "feedback", ["prediction_id", "target", "moment", "seq"]
    )
    op.create_index("ix_feedback_at", "feedback", ["at"])
    op.create_table(
        "events",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        *(_text("id"), _at(), _moment(), _text("name"), sa.Column("detail", sa.JSON(), nullable=False)),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_name_at", "events", ["name", "at"])
    op.create_table(
        "rejected",
        *(_text("id"), _at(), _text("kind"), _text("reason"), _text("line")),
        sa.PrimaryKeyConstraint("id", name="pk_rejected"),
    )
    op.create_index("ix_rejected_at", "rejected", ["at"])


def downgrade() -> None:
    """Drop them, with all they hold."""
    for name in ("rejected", "events", "feedback", "prediction_targets", "predictions"):
        op.drop_table(name)
