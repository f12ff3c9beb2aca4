"""Orders, and what is noted of records, hang on no foreign key"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_STORE = {name: f"fk_{name}_connector_id" for name in ("platform_order", "source_record")}
_CUSTOMER = "fk_platform_order_connector_id_customer_id"


def upgrade() -> None:
    op.drop_constraint(op.f(_CUSTOMER), "platform_order", type_="foreignkey")
    for table, name in _STORE.items():
        op.drop_constraint(op.f(name), table, type_="foreignkey")


def downgrade() -> None:
    for table, name in _STORE.items():
        op.create_foreign_key(
            op.f(name), table, "connector_config", ["connector_id"], ["id"], ondelete="CASCADE"
        )
    customer = ["connector_id", "customer_id"]
    op.create_foreign_key(op.f(_CUSTOMER), "platform_order", "platform_customer", customer, customer)
