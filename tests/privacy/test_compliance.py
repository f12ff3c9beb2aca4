"""What Shopify asks for in its customers' name, from the signed words to the tables."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from private_store import Store

from storelink.connectors.hook import webhooks_of
from storelink.sync import account, compliance, delivery
from storelink.sync.lane import hold


@pytest.fixture
def platform() -> str:
    return "shopify"


def ask(
    shop: Store, topic: str, body: dict[str, Any], at: datetime | None = None
) -> list[compliance.Request]:
    """As a delivery that was verified: only ids are kept of it."""
    webhooks = webhooks_of(shop.connector)
    assert webhooks is not None
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-event-id": f"{topic}-1",
        "x-shopify-triggered-at": (at or datetime.now(UTC)).isoformat(),
    }
    notice = webhooks.parse(headers, json.dumps(body).encode())
    with shop.database.session() as session:
        store = account.find(session, "shop")
    with hold(shop.database, store.id, "orders", None) as lane:
        delivery.record(lane.connection, delivery.arrivals(store.id, notice, shop.connector.resources))
        due = lane.connection.execute(compliance.DUE).fetchall()
    assert [row[0] for row in due] == [store.id]
    done = compliance.follow_requests(shop.database, shop.keyring, store.id)
    assert compliance.follow_requests(shop.database, shop.keyring, store.id) == []
    return done


def test_redacting_a_customer_erases_them(shop: Store) -> None:
    person = shop.somebody()
    body = {
        "shop_id": 1, "shop_domain": "x.myshopify.com", "orders_to_redact": [],
        "customer": {"id": int(person["customer_id"]), "email": person["email"], "phone": person["phone"]},
    }  # fmt: skip
    [done] = ask(shop, "customers/redact", body)
    assert done.word == "erase"
    assert person["email"].casefold() not in shop.dump().casefold()
    [deed] = shop.select("SELECT actor, detail FROM audit_event WHERE action = 'privacy.erase'")
    assert deed["actor"] == "store" and deed["detail"]["reason"] == "customers/redact"


def test_a_request_for_data_is_written_down(shop: Store) -> None:
    person = shop.somebody()
    ask(shop, "customers/data_request", {
        "customer": {"id": int(person["customer_id"]), "email": person["email"]}, "orders_requested": [],
    })  # fmt: skip
    [deed] = shop.select("SELECT detail FROM audit_event WHERE action = 'privacy.data_requested'")
    assert deed["detail"]["about"] == [f"customers/{person['customer_id']}"]


def test_an_uninstalled_app_stops_the_schedule_and_a_redacted_shop_is_gone(shop: Store) -> None:
    ask(shop, "app/uninstalled", {"id": 1, "myshopify_domain": "x.myshopify.com"})
    [row] = shop.select("SELECT status, secret FROM connector_config")
    assert row["status"] == "auth_failed" and row["secret"]
    ask(shop, "shop/redact", {"shop_id": 1, "shop_domain": "x.myshopify.com"})
    assert shop.select("SELECT 1 FROM connector_config") == []
    assert shop.select("SELECT 1 FROM platform_order") == []


def test_a_late_word_of_uninstalling_stops_nothing(shop: Store) -> None:
    ask(shop, "app/uninstalled", {"id": 1}, at=datetime.now(UTC) - timedelta(hours=3))
    assert shop.select("SELECT status FROM connector_config") == [{"status": "active"}]


def test_a_shop_that_is_read_with_working_keys_is_not_thrown_away(shop: Store) -> None:
    ask(shop, "shop/redact", {"shop_id": 1, "shop_domain": "x.myshopify.com"})
    assert len(shop.select("SELECT 1 FROM platform_order")) > 10
    assert shop.select("SELECT 1 FROM audit_event WHERE action = 'privacy.shop_kept'")
