"""People, tokens, sessions; the newest orders of a store first"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Made by storelink."),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="What it is for, as the person who made it said."
        ),
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the token; it is shown once and not kept.",
        ),
        sa.Column(
            "hint", sa.Text(), nullable=False, comment="Its last four characters, to tell tokens apart."
        ),
        sa.Column("role", sa.Text(), nullable=False, comment="reader, support, ops or admin."),
        sa.Column(
            "connectors",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Ids of the stores it may see; null for all.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was made.",
        ),
        sa.Column("created_by", sa.Text(), nullable=False, comment="Who made it."),
        sa.Column(
            "ends_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it stops working; null for never.",
        ),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when it does not work any more.",
        ),
        sa.Column(
            "used_at", sa.DateTime(timezone=True), nullable=True, comment="The last request, to the minute."
        ),
        sa.CheckConstraint("role IN ('reader', 'support', 'ops', 'admin')", name=op.f("ck_api_token_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_api_token_name")),
    )
    op.create_table(
        "console_user",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Made by storelink."),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="What is typed to sign in, lower case; often an e-mail address.",
        ),
        sa.Column("full_name", sa.Text(), nullable=False, comment="What colleagues read."),
        sa.Column("role", sa.Text(), nullable=False, comment="reader, support, ops or admin."),
        sa.Column("password_hash", sa.Text(), nullable=True, comment="argon2id; null until one is chosen."),
        sa.Column(
            "invitation",
            sa.LargeBinary(),
            nullable=True,
            comment="SHA-256 of the one-time link by which a password is chosen.",
        ),
        sa.Column(
            "invitation_ends_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Until when the link works.",
        ),
        sa.Column("oidc_subject", sa.Text(), nullable=True, comment="Issuer and subject of single sign-on."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the account was made.",
        ),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True, comment="The last time."),
        sa.Column(
            "disabled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when nobody signs in with it.",
        ),
        sa.CheckConstraint(
            "role IN ('reader', 'support', 'ops', 'admin')", name=op.f("ck_console_user_role")
        ),
        sa.CheckConstraint("name = lower(name)", name=op.f("ck_console_user_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_user")),
        sa.UniqueConstraint("invitation", name=op.f("uq_console_user_invitation")),
        sa.UniqueConstraint("name", name=op.f("uq_console_user_name")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_console_user_oidc_subject")),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Order of writing."
        ),
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="`name:` and the name that was typed, or `from:` and the address it came from.",
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When."
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failure")),
    )
    op.create_index("ix_sign_in_failure_key", "sign_in_failure", ["key", "at"], unique=False)
    op.create_table(
        "console_session",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the cookie."),
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="Who."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When they signed in.",
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="The last request, to the minute.",
        ),
        sa.Column(
            "ends_at", sa.DateTime(timezone=True), nullable=False, comment="When it ends, whatever they do."
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["console_user.id"], name=op.f("fk_console_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_console_session")),
    )
    op.create_index(op.f("ix_console_session_user_id"), "console_session", ["user_id"], unique=False)
    op.drop_index("ix_platform_order_created_at", table_name="platform_order")
    op.create_index(
        "ix_platform_order_created_at",
        "platform_order",
        ["connector_id", sa.literal_column("created_at DESC NULLS LAST")],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_platform_order_created_at", table_name="platform_order")
    op.create_index(
        "ix_platform_order_created_at", "platform_order", ["connector_id", "created_at"], unique=False
    )
    op.drop_index(op.f("ix_console_session_user_id"), table_name="console_session")
    op.drop_table("console_session")
    op.drop_index("ix_sign_in_failure_key", table_name="sign_in_failure")
    op.drop_table("sign_in_failure")
    op.drop_table("console_user")
    op.drop_table("api_token")
