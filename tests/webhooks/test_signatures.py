"""Signatures and bodies: pure, and never trusting."""

import base64
import hmac
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.hook import Hint, Notice, Webhooks
from storelink.connectors.shopify.subscriptions import ShopifyWebhooks
from storelink.connectors.woocommerce.subscriptions import WooCommerceWebhooks

HEADER = {"woocommerce": "x-wc-webhook-signature", "shopify": "x-shopify-hmac-sha256"}
TOPIC = {"woocommerce": "x-wc-webhook-topic", "shopify": "x-shopify-topic"}
PLATFORMS: list[Any] = [
    pytest.param(WooCommerceWebhooks(), "woocommerce", id="woocommerce"),
    pytest.param(ShopifyWebhooks(), "shopify", id="shopify"),
]
either = pytest.mark.parametrize("webhooks, platform", PLATFORMS)
secrets = st.text(st.characters(codec="utf-8"), min_size=1)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "type", "parent_id", "order_id", "customer", "order_edit", "product_id",
                         "orders_to_redact", "inventory_item_id", "admin_graphql_api_customer_kept_id"]),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


def signed(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


@either
@given(body=st.binary(), secret=secrets, older=secrets)
def test_any_of_the_secrets_will_do(
    webhooks: Webhooks, platform: str, body: bytes, secret: str, older: str
) -> None:
    for made_with in (secret, older):
        assert webhooks.verify({HEADER[platform]: signed(made_with, body)}, body, [secret, older])


@either
@given(body=st.binary(), secret=secrets, other=secrets, flipped=st.integers(0, 255))
def test_nothing_else_will(
    webhooks: Webhooks, platform: str, body: bytes, secret: str, other: str, flipped: int
) -> None:
    header = {HEADER[platform]: signed(secret, body)}
    assert not webhooks.verify(header, body, [])
    assert not webhooks.verify(header, body, [""])
    assert not webhooks.verify({}, body, [secret])
    assert not webhooks.verify(header, body + bytes([flipped]), [secret])
    # HMAC pads short keys with zeros: a key is the same as itself with NULs behind
    if other.rstrip("\x00") != secret.rstrip("\x00") and len(other.encode()) <= 64 >= len(secret.encode()):
        assert not webhooks.verify(header, body, [other])


@either
@given(junk=st.text(), body=st.binary())
def test_a_signature_that_is_none(webhooks: Webhooks, platform: str, junk: str, body: bytes) -> None:
    assert not webhooks.verify({HEADER[platform]: junk}, body, ["secret"])


def test_a_secret_with_signs_in_it() -> None:
    body, secret = b'{"id":1}', 'a&b<c>"d'
    assert WooCommerceWebhooks().verify({HEADER["woocommerce"]: signed(secret, body)}, body, [secret])


@either
@given(
    body=st.binary() | documents.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 5000),
    topic=st.text(),
)
def test_whatever_comes_is_understood_or_ignored(
    webhooks: Webhooks, platform: str, body: bytes, topic: str
) -> None:
    known = [*TOPICS[platform], topic]
    for one in known:
        found = webhooks.parse({TOPIC[platform]: one}, body)
        assert isinstance(found, Notice)
        assert all(hint.id.isdecimal() and 0 < int(hint.id) < 2**63 for hint in found.hints)


WOO = {
    "order.created": ({"id": 7, "status": "pending"}, (Hint("orders", "7", "create"),)),
    "order.updated": ({"id": 7, "status": "pending"}, (Hint("orders", "7"),)),
    "order.deleted": ({"id": 7}, (Hint("orders", "7", "delete"),)),
    "order.restored": ({"id": 7, "status": "pending"}, (Hint("orders", "7"),)),
    "customer.created": ({"id": 7, "email": ""}, (Hint("customers", "7", "create"),)),
    "customer.updated": ({"id": 7, "email": ""}, (Hint("customers", "7"),)),
    "customer.deleted": ({"id": 7}, (Hint("customers", "7", "delete"),)),
    "product.created": ({"id": 7, "type": "simple", "parent_id": 0}, (Hint("products", "7", "create"),)),
    "product.updated": ({"id": 8, "type": "variation", "parent_id": 7}, (Hint("products", "7"),)),
    "product.published": ({"id": 7, "type": "variable"}, (Hint("products", "7"),)),
    "product.restored": ({"id": "7", "type": "simple"}, (Hint("products", "7"),)),
    "product.deleted": ({"id": 8}, (Hint("products", "8", "delete", "variant"),)),
    "coupon.updated": ({"id": 7}, ()),
    "action.woocommerce_add_to_cart": ({"id": 7}, ()),
}
_KEPT, _GONE = "gid://shopify/Customer/7", "gid://shopify/Customer/8"
SHOPIFY: dict[str, Any] = {
    "products/create": ({"id": 7}, (Hint("products", "7", "create"),)),
    "products/update": ({"id": 788032119674292922}, (Hint("products", "788032119674292922"),)),
    "products/delete": ({"id": 7}, (Hint("products", "7", "delete"),)),
    "variants/out_of_stock": ({"id": 8, "product_id": 7}, (Hint("products", "7"),)),
    "inventory_levels/update": (
        {"inventory_item_id": 9, "available": 1},
        (Hint("products", "9", "update", "inventory_item"),),
    ),
    "customers/create": ({"id": 7}, (Hint("customers", "7", "create"),)),
    "customers/update": ({"id": 7}, (Hint("customers", "7"),)),
    "customers/delete": ({"id": 7}, (Hint("customers", "7", "delete"),)),
    "customers/merge": (
        {"admin_graphql_api_customer_kept_id": _KEPT, "admin_graphql_api_customer_deleted_id": _GONE},
        (Hint("customers", "7"), Hint("customers", "8", "delete")),
    ),
    "orders/create": ({"id": 7}, (Hint("orders", "7", "create"),)),
    "orders/updated": ({"id": 7}, (Hint("orders", "7"),)),
    "orders/cancelled": ({"id": 7}, (Hint("orders", "7"),)),
    "orders/edited": ({"order_edit": {"id": 70, "order_id": 7}}, (Hint("orders", "7"),)),
    "orders/delete": ({"id": 7}, (Hint("orders", "7", "delete"),)),
    "refunds/create": ({"id": 70, "order_id": 7}, (Hint("orders", "7"),)),
    "order_transactions/create": ({"id": 70, "order_id": 7}, (Hint("orders", "7"),)),
    "shop/update": ({"id": 7}, ()),
    "themes/publish": ({"id": 7}, ()),
}
TOPICS = {"woocommerce": WOO, "shopify": SHOPIFY}


@pytest.mark.parametrize("topic", WOO)
def test_topics_of_woocommerce(topic: str) -> None:
    body, hints = WOO[topic]
    found = WooCommerceWebhooks().parse({"x-wc-webhook-topic": topic}, orjson.dumps(body))
    assert (found.topic, found.hints) == (topic, hints)
    assert found.dedupe is None  # the delivery id is one for all of a second


@pytest.mark.parametrize("topic", SHOPIFY)
def test_topics_of_shopify(topic: str) -> None:
    body, hints = SHOPIFY[topic]
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-webhook-id": "b54557e4",
        "x-shopify-triggered-at": "2026-11-21T12:00:00.123456789Z",
    }
    found = ShopifyWebhooks().parse(headers, orjson.dumps(body))
    assert (found.topic, found.hints, found.dedupe) == (topic, hints, "b54557e4")
    assert found.triggered is not None
    assert found.triggered.isoformat() == "2026-11-21T12:00:00.123456+00:00"


@either
def test_every_topic_that_is_wanted_is_understood(webhooks: Webhooks, platform: str) -> None:
    for topic in webhooks.wanted({}):
        if topic == "APP_UNINSTALLED":
            continue
        header = topic.lower()
        if platform == "shopify":
            noun, _, verb = header.rpartition("_")
            header = f"{noun}/{verb}"
        _, hints = TOPICS[platform][header]
        assert hints, topic


@pytest.mark.parametrize(
    "topic, body, request_, about",
    [
        ("customers/redact", {"customer": {"id": 7}, "orders_to_redact": [8, 9]}, "erase",
         ("customers/7", "orders/8", "orders/9")),
        ("customers/data_request", {"customer": {"id": 7}, "orders_requested": []}, "export",
         ("customers/7",)),
        ("shop/redact", {"shop_id": 1}, "erase_shop", ()),
        ("app/uninstalled", {"id": 1}, "uninstalled", ()),
    ],
)  # fmt: skip
def test_what_a_shop_asks_for(topic: str, body: Any, request_: str, about: tuple[str, ...]) -> None:
    found = ShopifyWebhooks().parse({"x-shopify-topic": topic}, orjson.dumps(body))
    assert (found.request, found.about, found.hints) == (request_, about, ())


def test_topics_follow_scopes() -> None:
    few = ShopifyWebhooks().wanted({"scopes": ["write_products"]})
    assert set(few) == {"PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE", "APP_UNINSTALLED"}


_FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "headers, body, greets",
    [
        (_FORM, b"webhook_id=11", True),
        ({"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, b"webhook_id=11", True),
        (_FORM, b"webhook_id=11&x=1", False),
        (_FORM, b"webhook_id=", False),
        (_FORM, b"webhook_id=one", False),
        (_FORM, b"webhook_id=1" + b"1" * 500, False),
        ({"content-type": "application/json"}, b"webhook_id=11", False),
        ({**_FORM, "x-wc-webhook-topic": "order.updated"}, b"webhook_id=11", False),
        (_FORM, b"\xff", False),
    ],
)
def test_a_greeting(headers: dict[str, str], body: bytes, greets: bool) -> None:
    assert WooCommerceWebhooks().greets(headers, body) is greets
    assert ShopifyWebhooks().greets(headers, body) is False
