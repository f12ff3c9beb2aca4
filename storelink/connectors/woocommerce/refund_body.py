"""The body of a refund request. Pure: the same plan and words make the same text.

`amount` must be a string and `refund_total` numbers. `api_refund` and `api_restock` are true where they are
left out, so neither ever is. Shipping and fees go into `line_items` by their own ids, as WooCommerce's own
refund page has it (`wc_create_refund` goes through lines, fees and shipping alike).
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#create-a-refund
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from storelink.connectors.action import Plan, Words, marked

REFERENCE_KEY = "_storelink_reference"
"""In the refund's metadata, a second copy of the mark: it is saved only after the gateway has paid."""


def body_of(plan: Plan, words: Words) -> str:
    """The JSON to send. Raises `ValueError` for a plan that has refusals."""
    if plan.refusals:
        raise ValueError("a plan with refusals is not to be sent")
    detail: Mapping[str, Any] = plan.detail
    body = {
        "amount": detail["amount"],
        "reason": marked(words),
        "api_refund": detail["ask_gateway"],
        "api_restock": plan.wish.restock,
        "line_items": [_item(part) for part in detail["parts"]],
        "meta_data": [{"key": REFERENCE_KEY, "value": words.reference}],
    }
    return orjson.dumps(body).decode()


def _item(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": int(part["id"]),
        "quantity": part["quantity"],
        "refund_total": _number(part["total"]),
        "refund_tax": [{"id": rate, "refund_total": _number(tax)} for rate, tax in part["taxes"]],
    }


def _number(text: str) -> int | float:
    """A JSON number that reads back as the same decimal: PHP keeps 14 digits of it."""
    value = Decimal(text)
    if value == value.to_integral_value():
        return int(value)
    found = float(value)
    if len(value.normalize().as_tuple().digits) > 14 or Decimal(repr(found)) != value:
        raise ValueError(f"{text} has too many digits for WooCommerce")
    return found
