"""Single sign-on: who follows the provider, how a session began, and browsers that were sent there"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "console_user",
        sa.Column(
            "follows_provider", sa.Boolean(), server_default=sa.text("false"), nullable=False,
            comment="Whether single sign-on made it: its role is what the provider's groups say at each sign-in.",
        ),
    )  # fmt: skip
    op.add_column(
        "console_session",
        sa.Column(
            "through", sa.Text(), nullable=True,
            comment="The issuer of single sign-on; null for a password or link.",
        ),
    )  # fmt: skip
    op.create_table(
        "sign_in_attempt",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the browser's cookie."),
        sa.Column(
            "back", sa.Text(), nullable=False,
            comment="The page of the console that was asked for; may be empty.",
        ),
        sa.Column(
            "ends_at", sa.DateTime(timezone=True), nullable=False, comment="Until when they may come back."
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempt")),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("sign_in_attempt")
    op.drop_column("console_session", "through")
    op.drop_column("console_user", "follows_provider")
