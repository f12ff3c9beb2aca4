"""WooCommerce's webhooks: signatures and topics. No I/O.

Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
The body is the REST record as it was at delivery time, or only its id after a deletion. Variations
come under product topics, with their own id and, where they still exist, `parent_id`.
`X-WC-Webhook-Delivery-ID` is the same for all deliveries of one webhook in one second, so it tells
no repetition from another record.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from storelink.connectors.hook import VARIANT, Hint, Notice, signed
from storelink.connectors.woocommerce.jsontext import Unreadable, parse_json

TOPICS = (
    "product.created",
    "product.updated",
    "product.deleted",
    "product.restored",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
)
_RESOURCES = {"product": "products", "customer": "customers", "order": "orders"}
_OPS = {
    "created": "create",
    "updated": "update",
    "published": "update",
    "restored": "update",
    "deleted": "delete",
}
_GREETING = 200
"""The longest body of a greeting: `webhook_id=` and a number."""
_LARGEST = 2**63 - 1


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> bool:
    """See `hook.Webhooks`."""
    return signed(headers.get("x-wc-webhook-signature", ""), body, secrets)


def greets(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether this is the ping that WooCommerce sends, unsigned, to a new delivery address."""
    if any(name.startswith("x-wc-webhook-") for name in headers) or len(body) > _GREETING:
        return False
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return False
    try:
        fields = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=2)
    except ValueError:
        return False
    return len(fields) == 1 and fields[0][0] == "webhook_id" and fields[0][1].isdecimal()


def parse(headers: Mapping[str, str], body: bytes) -> Notice:
    """See `hook.Webhooks`."""
    topic = headers.get("x-wc-webhook-topic", "").strip().lower()[:100]
    noun, _, event = topic.partition(".")
    resource, op = _RESOURCES.get(noun), _OPS.get(event)
    record = _record(body)
    key = _id(record.get("id"))
    if resource is None or op is None or key is None:
        return Notice(topic)
    if resource != "products":
        return Notice(topic, (Hint(resource, key, op),))
    parent = _id(record.get("parent_id"))
    if record.get("type") == "variation":
        return Notice(topic, (Hint("products", parent, "update"),) if parent else ())
    # nothing but the id is left of what was deleted: it may have been a variation
    return Notice(topic, (Hint("products", key, op, "" if len(record) > 1 else VARIANT),))


def wanted(_settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The topics that name records which storelink keeps."""
    return TOPICS


def _record(body: bytes) -> Mapping[str, Any]:
    try:
        found = parse_json(body)
    except Unreadable:
        return {}
    return found if isinstance(found, dict) else {}


def _id(value: Any) -> str | None:
    """An id as text; None for what is none. PHP writes some as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
        return str(value)
    return None
