"""Webhook subscriptions: kept and listed as a store does. What they deliver is in `deliveries`."""

from collections.abc import Sequence
from secrets import token_urlsafe
from urllib.parse import urlsplit

from storelink.sandbox.woocommerce.answers import Answer, Refused
from storelink.sandbox.woocommerce.body import Body, Kind, check_body, required, truth
from storelink.sandbox.woocommerce.customers import Doc
from storelink.sandbox.woocommerce.php import Query, encode
from storelink.sandbox.woocommerce.singles import FULL, paged_docs, shown
from storelink.sandbox.woocommerce.store import Store

FAILURES = "_failures"
SCHEMA: dict[str, Kind] = {
    "name": "string",
    "topic": "string",
    "delivery_url": "string",
    "secret": "string",
    "status": ("all", "active", "paused", "disabled"),
}
HOOKS = {
    "coupon.created": ("woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"),
    "coupon.updated": ("woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"),
    "coupon.deleted": ("wp_trash_post",),
    "coupon.restored": ("untrashed_post",),
    "customer.created": ("user_register", "woocommerce_created_customer", "woocommerce_new_customer"),
    "customer.updated": ("profile_update", "woocommerce_update_customer"),
    "customer.deleted": ("delete_user",),
    "order.created": ("woocommerce_new_order",),
    "order.updated": ("woocommerce_update_order", "woocommerce_order_refunded"),
    "order.deleted": ("wp_trash_post", "woocommerce_trash_order"),
    "order.restored": ("untrashed_post", "woocommerce_untrash_order"),
    "product.created": (
        "woocommerce_process_product_meta",
        "woocommerce_new_product",
        "woocommerce_new_product_variation",
    ),
    "product.updated": (
        "woocommerce_process_product_meta",
        "woocommerce_update_product",
        "woocommerce_update_product_variation",
    ),
    "product.deleted": ("wp_trash_post",),
    "product.restored": ("untrashed_post",),
    "product.published": ("woocommerce_product_published",),
}


def refused(what: str, message: str, status: int = 400) -> Refused:
    return Refused(status, f"woocommerce_rest_shop_webhook_{what}", message)


def listed(store: Store, query: Query) -> Answer:
    """`GET /webhooks`, newest first."""
    docs: Sequence[Doc] = [store.webhooks[number] for number in sorted(store.webhooks, reverse=True)]
    status = str(query.get("status", "all"))
    docs = [_told(doc) for doc in docs if status in ("all", doc["status"])]
    return paged_docs(store, "webhooks", docs, query)


def single(store: Store, number: int, query: Query) -> Answer:
    if number not in store.webhooks:
        raise refused("invalid_id", "Invalid ID.", 404)
    return shown(_told(store.webhooks[number]), query)


def create(store: Store, body: Body, *, check: bool = True) -> Answer:
    """`POST /webhooks`: the secret is never told again; without one, nobody knows it."""
    if check:
        required(body, ["topic", "delivery_url"])
        check_body(SCHEMA, body)
    topic = str(body.get("topic", ""))
    _check(body, topic)
    store.numbers.webhook += 1
    number = store.numbers.webhook
    made, made_gmt = store.site.both(store.clock.stamp())
    resource, _, event = topic.partition(".")
    doc: Doc = {
        "id": number,
        "name": str(body.get("name", f"Webhook created on {made}")),
        "status": str(body.get("status", "active")),
        "topic": topic,
        "resource": resource,
        "event": event,
        "hooks": list(HOOKS.get(topic, (event,))),
        "delivery_url": str(body["delivery_url"]),
        "date_created": made,
        "date_created_gmt": made_gmt,
        "date_modified": None,
        "date_modified_gmt": None,
        "_links": store.site.links(f"webhooks/{number}", "webhooks"),
        "secret": str(body.get("secret") or token_urlsafe(37)),
    }
    store.webhooks[number] = doc
    if store.listener is not None:
        store.listener.ping(doc)
    found = Answer(201, encode(_told(doc)), allow="GET, POST")
    found.headers.append(("Location", f"{store.site.api}/webhooks/{number}"))
    return found


def update(store: Store, number: int, body: Body, *, check: bool = True) -> Answer:
    """`PUT /webhooks/<id>`."""
    if check:
        check_body(SCHEMA, body)
    doc = store.webhooks.get(number)
    if doc is None:
        raise refused("invalid_id", "ID is invalid.")
    _check({"delivery_url": doc["delivery_url"], **body}, str(body.get("topic", doc["topic"])))
    moved = body.get("delivery_url") not in (None, "", doc["delivery_url"])
    for name in ("name", "status", "delivery_url", "secret", "topic"):
        if body.get(name):
            doc[name] = str(body[name])
    doc["resource"], _, doc["event"] = doc["topic"].partition(".")
    doc["hooks"] = list(HOOKS.get(doc["topic"], (doc["event"],)))
    store.touch(doc, store.clock.stamp())
    if moved and store.listener is not None:
        store.listener.ping(doc)
    return Answer(200, encode(_told(doc)), allow=FULL)


def delete(store: Store, number: int, query: Query) -> Answer:
    """`DELETE /webhooks/<id>?force=true`."""
    if not truth(query.get("force", False)):
        raise Refused(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    if number not in store.webhooks:
        raise refused("invalid_id", "Invalid ID.", 404)
    return Answer(200, encode(_told(store.webhooks.pop(number))), allow=FULL)


def _check(body: Body, topic: str) -> None:
    if topic.lower() not in HOOKS and not topic.startswith("action."):
        raise refused("invalid_topic", "Webhook topic is required and must be valid.")
    parts = urlsplit(str(body.get("delivery_url", "")))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise refused("invalid_delivery_url", message)


def _told(doc: Doc) -> Doc:
    """Without what no answer of the API shows: the secret, and the count of failures."""
    return {key: value for key, value in doc.items() if key not in ("secret", FAILURES)}
