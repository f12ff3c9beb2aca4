"""Down to the tables: what the shop stops showing stays, what it erases goes."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.rows import dict_row
from shopify_records import SEEN, address, customer, order

from storelink.connectors.protocol import Read
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import stage
from storelink.sync.lane import hold
from storelink.sync.page import normalize_page, write_page

HIDDEN: dict[str, Any] = {"protected": {"personal": "withheld", "Customer": "granted"}}
PERSONAL = ("firstName", "lastName", "address1", "address2", "zip", "phone")
Write = Callable[..., dict[str, Any]]


@pytest.fixture
def write(database: Database, resource: str) -> Iterator[Write]:
    """Writes a record as the engine does, and answers with its row."""
    store = uuid.uuid4()
    with database.session() as session:
        session.add(
            ConnectorConfig(id=store, name="s", platform="shopify", store_url="https://s", auth_mode="token")
        )
        session.flush()
        session.add(SyncState(connector_id=store, resource=resource))
        session.commit()

    def write(raw: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        page = normalize_page(CONNECTOR, resource, settings, [(None, raw)], (), Read(now, now))
        assert not page.rejected
        write_page(lane, CONNECTOR, page)
        table = {"orders": "platform_order", "customers": "platform_customer"}[resource]
        with lane.connection.cursor(row_factory=dict_row) as cursor:
            [row] = cursor.execute(f"SELECT * FROM {table}").fetchall()
        return row

    with hold(database, store, resource, None) as lane:
        stage.prepare(lane.connection, resource)
        yield write


@pytest.mark.parametrize("resource", ["orders"])
def test_case_42_an_order_that_is_shown_without_its_people_keeps_them(write: Write) -> None:
    hidden = address(**dict.fromkeys(PERSONAL))
    redacted = order(
        updatedAt="2026-07-03T00:00:00Z", note="later", email=None, phone=None,
        shippingAddress=hidden, billingAddress=hidden,
    )  # fmt: skip
    write(order(customer=None), SEEN)
    row = write(redacted | {"customer": None}, HIDDEN)
    assert row["metadata"]["note"] == "later"
    assert row["email"] == row["metadata"]["email"] == "ann@example.com"
    assert row["shipping_address"] == row["metadata"]["shippingAddress"] == address()
    row = write(redacted | {"updatedAt": "2026-07-04T00:00:00Z", "customer": None}, SEEN)
    assert row["email"] is None and row["metadata"]["email"] is None
    assert row["shipping_address"] == hidden


@pytest.mark.parametrize("resource", ["customers"])
def test_case_42_a_customer_who_is_no_longer_shown_keeps_name_and_addresses(write: Write) -> None:
    home = address(**dict.fromkeys(PERSONAL)) | {"id": customer()["defaultAddress"]["id"]}
    redacted = customer(
        updatedAt="2026-07-03T00:00:00Z", firstName=None, lastName=None, tags=["late"],
        defaultEmailAddress=None, defaultPhoneNumber=None, defaultAddress=home, addresses=[home],
    )  # fmt: skip
    first = write(customer(), SEEN)
    row = write(redacted, HIDDEN)
    assert row["metadata"] == first["metadata"] | {"tags": ["late"], "updatedAt": "2026-07-03T00:00:00Z"}
    assert [row[name] for name in ("email", "name", "phone", "default_address")] == [
        first[name] for name in ("email", "name", "phone", "default_address")
    ]
    row = write(redacted | {"updatedAt": "2026-07-04T00:00:00Z"}, SEEN)
    assert (row["email"], row["name"], row["phone"], row["default_address"]) == (None, None, None, home)
