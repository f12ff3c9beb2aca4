"""Orders hang on no foreign key"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_STORE = "fk_platform_order_connector_id"
_CUSTOMER = "fk_platform_order_connector_id_customer_id"


def upgrade() -> None:
    op.drop_constraint(op.f(_CUSTOMER), "platform_order", type_="foreignkey")
    op.drop_constraint(op.f(_STORE), "platform_order", type_="foreignkey")


def downgrade() -> None:
    op.create_foreign_key(
        op.f(_STORE), "platform_order", "connector_config", ["connector_id"], ["id"], ondelete="CASCADE"
    )
    customer = ["connector_id", "customer_id"]
    op.create_foreign_key(op.f(_CUSTOMER), "platform_order", "platform_customer", customer, customer)
