"""What the tables themselves hold to, whoever writes them."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from storelink.db import Database
from storelink.models import (
    ConnectorConfig,
    OrderItem,
    OrderRefund,
    PlatformCustomer,
    PlatformOrder,
    SourceRecord,
    SyncState,
    metadata,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def connector(**more: Any) -> ConnectorConfig:
    row = {"name": "shop", "platform": "woocommerce", "store_url": "https://a.example", "auth_mode": "keys"}
    return ConnectorConfig(**{**row, **more})


def order(connector_id: uuid.UUID, **more: Any) -> PlatformOrder:
    row = {
        "connector_id": connector_id,
        "order_id": "1",
        "platform": "woocommerce",
        "order_number": "1",
        "customer_id": "1",
        "status": "open",
        "total_amount": Decimal("10"),
        "refunded_amount": Decimal(0),
        "current_total_amount": Decimal("10"),
        "currency": "EUR",
        "line_items": [],
        "attributes": {},
        "synced_at": NOON,
    }
    return PlatformOrder(**{**row, **more})


def fill(database: Database) -> uuid.UUID:
    with database.session() as session:
        shop = connector()
        session.add(shop)
        session.flush()
        session.add(
            PlatformCustomer(
                connector_id=shop.id, customer_id="1", platform="woocommerce", attributes={}, synced_at=NOON
            )
        )
        session.flush()
        session.add(order(shop.id))
        session.flush()
        amount = Decimal("1.2345")
        session.add_all(
            [
                OrderItem(
                    connector_id=shop.id,
                    order_id="1",
                    item_id="1",
                    title="Tea",
                    quantity=Decimal("0.5"),
                    current_quantity=Decimal("0.5"),
                    refunded_quantity=Decimal(0),
                    price=amount,
                    total_amount=amount,
                    tax_amount=amount,
                    discount_amount=amount,
                ),
                OrderRefund(
                    connector_id=shop.id,
                    refund_id="1",
                    order_id="1",
                    amount=Decimal("123456789012345.6789"),
                    currency="VND",
                    items=[],
                ),
                SourceRecord(connector_id=shop.id, resource="orders", record_id="1", state="held"),
                SyncState(connector_id=shop.id, resource="orders"),
            ]
        )
        session.commit()
        return shop.id


def test_all_of_a_store_goes_with_it(database: Database) -> None:
    shop = fill(database)
    with database.engine.begin() as connection:
        # these hang on nothing: whoever removes a store removes them (`account.remove`)
        for table in ("order_item", "platform_order", "source_record"):
            connection.execute(text(f"DELETE FROM {table} WHERE connector_id = :id"), {"id": shop})
        connection.execute(text("DELETE FROM connector_config WHERE id = :id"), {"id": shop})
    with database.connect() as connection:
        left = {
            name: connection.scalar(text(f"SELECT count(*) FROM {name}"))
            for name in metadata.tables
            if name not in ("audit_event", "master_key", "key_report")
        }
    assert set(left.values()) == {0}, left


def test_money_and_fractions_come_back_exactly(database: Database) -> None:
    fill(database)
    with database.connect() as connection:
        assert connection.scalar(text("SELECT amount FROM order_refund")) == Decimal("123456789012345.6789")
        assert connection.scalar(text("SELECT quantity FROM order_item")) == Decimal("0.5")


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "asleep"},
        {"sync_interval": 9},
    ],
)
def test_a_wrong_store_is_refused(database: Database, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(connector(**wrong))
        session.commit()


def test_one_row_for_a_store_and_for_a_name(database: Database) -> None:
    for twin in ({"name": "other"}, {"store_url": "https://b.example"}):
        with pytest.raises(IntegrityError), database.session() as session:
            session.add_all([connector(), connector(**twin)])
            session.commit()


def test_an_order_of_an_unknown_status_is_refused(database: Database) -> None:
    shop = fill(database)
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(order(shop, order_id="2", status="processing"))
        session.commit()


def test_postgres_refuses_nul(database: Database) -> None:
    with pytest.raises((DBAPIError, ValueError)), database.session() as session:
        session.add(connector(name="a\0b"))
        session.commit()
