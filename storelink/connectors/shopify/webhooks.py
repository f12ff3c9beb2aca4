"""Shopify's webhooks: signatures and topics. No I/O.

Docs: https://shopify.dev/docs/apps/build/webhooks and .../webhooks/subscribe/https
The body is flat JSON in the style of the old REST API, with whole numbers as ids. Header names come
in any case. The secret is the app's client secret, of a custom app its API secret key.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from storelink.connectors.hook import Hint, Notice, signed

INVENTORY_ITEM = "inventory_item"
"""A part: the stock of one variant."""
_LARGEST = 2**63 - 1
_PLAIN = {
    "products/create": ("products", "create"),
    "products/update": ("products", "update"),
    "products/delete": ("products", "delete"),
    "customers/create": ("customers", "create"),
    "customers/update": ("customers", "update"),
    "customers/enable": ("customers", "update"),
    "customers/disable": ("customers", "update"),
    "customers/delete": ("customers", "delete"),
    "orders/create": ("orders", "create"),
    "orders/updated": ("orders", "update"),
    "orders/edited": ("orders", "update"),
    "orders/paid": ("orders", "update"),
    "orders/cancelled": ("orders", "update"),
    "orders/fulfilled": ("orders", "update"),
    "orders/partially_fulfilled": ("orders", "update"),
    "orders/delete": ("orders", "delete"),
}
"""Topics whose body is the record, or at least has its `id`."""
_OWNED = {
    "refunds/create": ("orders", "order_id", ""),
    "order_transactions/create": ("orders", "order_id", ""),
    "fulfillments/create": ("orders", "order_id", ""),
    "fulfillments/update": ("orders", "order_id", ""),
    "variants/in_stock": ("products", "product_id", ""),
    "variants/out_of_stock": ("products", "product_id", ""),
    "inventory_levels/update": ("products", "inventory_item_id", INVENTORY_ITEM),
    "inventory_levels/connect": ("products", "inventory_item_id", INVENTORY_ITEM),
    "inventory_levels/disconnect": ("products", "inventory_item_id", INVENTORY_ITEM),
    "inventory_items/update": ("products", "id", INVENTORY_ITEM),
}
"""Topics of something that belongs to a record: resource, the field that names it, of what part."""
REQUESTS = {
    "customers/data_request": "export",
    "customers/redact": "erase",
    "shop/redact": "erase_shop",
    "app/uninstalled": "uninstalled",
}
_SCOPED = (
    (
        ("read_products",),
        ("PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE"),
    ),
    (
        ("read_inventory",),
        ("INVENTORY_LEVELS_UPDATE",),
    ),
    (
        ("read_customers",),
        ("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE"),
    ),
    (
        ("read_customer_merge",),
        ("CUSTOMERS_MERGE",),
    ),
    (
        ("read_orders",),
        (
            "ORDERS_CREATE",
            "ORDERS_UPDATED",
            "ORDERS_CANCELLED",
            "ORDERS_EDITED",
            "ORDERS_DELETE",
            "REFUNDS_CREATE",
            "ORDER_TRANSACTIONS_CREATE",
        ),
    ),
)
"""Topics by the scopes that they need; APP_UNINSTALLED needs none."""


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> bool:
    """See `hook.Webhooks`."""
    return signed(headers.get("x-shopify-hmac-sha256", ""), body, secrets)


def parse(headers: Mapping[str, str], body: bytes) -> Notice:
    """See `hook.Webhooks`."""
    topic = headers.get("x-shopify-topic", "").strip().lower()[:100]
    record = _record(body)
    return Notice(
        topic,
        _hints(topic, record),
        _time(headers.get("x-shopify-triggered-at", "")),
        headers.get("x-shopify-webhook-id", "").strip()[:100] or None,
        REQUESTS.get(topic),
        _about(record) if topic in REQUESTS else (),
    )


def wanted(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The topics that the granted scopes allow, in the words of `WebhookSubscriptionTopic`.

    Before any check-up all are wanted, and Shopify says which it refuses.
    """
    scopes = settings.get("scopes")
    held = set(scopes) if isinstance(scopes, list | tuple) else None
    found = [
        topic
        for needed, topics in _SCOPED
        if held is None or all({scope, scope.replace("read_", "write_")} & held for scope in needed)
        for topic in topics
    ]
    return (*found, "APP_UNINSTALLED")


def _hints(topic: str, record: Mapping[str, Any]) -> tuple[Hint, ...]:
    if topic in _PLAIN:
        resource, op = _PLAIN[topic]
        # orders/edited wraps its order's id
        inner = record.get("order_edit")
        value = record.get("id") if not isinstance(inner, dict) else inner.get("order_id")
        return _one(resource, value, op)
    if topic in _OWNED:
        resource, name, part = _OWNED[topic]
        return _one(resource, record.get(name), "update", part)
    if topic == "customers/merge":
        return (
            *_one("customers", record.get("admin_graphql_api_customer_kept_id"), "update"),
            *_one("customers", record.get("admin_graphql_api_customer_deleted_id"), "delete"),
        )
    return ()


def _one(resource: str, value: Any, op: str, part: str = "") -> tuple[Hint, ...]:
    key = _id(value)
    return () if key is None else (Hint(resource, key, op, part),)


def _about(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The records that a request of the shop's owner or of a customer names."""
    customer = record.get("customer")
    found = [("customers", customer.get("id"))] if isinstance(customer, dict) else []
    for name in ("orders_requested", "orders_to_redact"):
        listed = record.get(name)
        found += [("orders", value) for value in listed] if isinstance(listed, list) else []
    return tuple(f"{resource}/{key}" for resource, value in found if (key := _id(value)))


def _record(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _id(value: Any) -> str | None:
    """The number of a record as text, from a number or a global id; None for what is none."""
    if isinstance(value, str):
        tail = value.rpartition("/")[2] if value.startswith("gid://shopify/") else value
        value = int(tail) if tail.isascii() and tail.isdecimal() and len(tail) < 20 else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
        return str(value)
    return None


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.utcoffset() is not None and 2000 <= found.year < 2200 else None
