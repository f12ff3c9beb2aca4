"""Deletions that wait for a person, and hints that led to nothing"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATUS = "received: still to be followed; done; ignored: nothing to read or do"
_FAILED = "; failed: the record could not be read in five tries, and is in quarantine."


def upgrade() -> None:
    op.add_column(
        "sync_state",
        sa.Column(
            "withheld", sa.Integer(), server_default=sa.text("0"), nullable=False,
            comment="Records that the store no longer has and that are kept until a person accepts it.",
        ),
    )  # fmt: skip
    op.alter_column("webhook_delivery", "status", comment=_STATUS + _FAILED, existing_comment=f"{_STATUS}.")


def downgrade() -> None:
    op.alter_column("webhook_delivery", "status", comment=f"{_STATUS}.", existing_comment=_STATUS + _FAILED)
    op.drop_column("sync_state", "withheld")
