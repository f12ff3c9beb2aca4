"""Records to start from, and a reader over a simulated store."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CAPTURES = Path(__file__).parents[1] / "captures" / "woocommerce"
SETTINGS = {"currency": "USD", "time_zone": "America/New_York", "gmt_offset": -5}


def _body(name: str) -> Any:
    text = (CAPTURES / name).read_text("utf-8")
    return json.loads(text if name.endswith(".json") else text.partition("\n\n")[2])


def _order() -> dict[str, Any]:
    order = _body("order-full-with-refunds.json")
    return {**order, "refund_details": _body("refunds-list.json.txt")}


def _small_order() -> dict[str, Any]:
    order = _order()
    for name, kept in (
        ("line_items", slice(1)),
        ("refunds", slice(-1, None)),
        ("refund_details", slice(-1, None)),
    ):
        order[name] = order[name][kept]
    return order


def _variable() -> dict[str, Any]:
    product = _body("product-variable.json.txt")[0]
    return {**product, "variation_details": _body("product-variations.json.txt")}


_MADE: dict[str, Any] = {
    "order": _order(),
    "small order": _small_order(),
    "simple": _body("product-simple.json.txt")[0],
    "variable": _variable(),
    "customer": _body("customer-full.json.txt"),
}


@pytest.fixture(scope="session")
def make() -> Callable[..., dict[str, Any]]:
    """`make("order", total="-")`: a recorded record with some fields changed; `...` removes one.

    Names: order (three lines, eleven refunds), small order (one of each), simple, variable (one
    variation), customer.
    """

    def changed(name: str, **fields: Any) -> dict[str, Any]:
        raw: dict[str, Any] = copy.deepcopy(_MADE[name])
        for key, value in fields.items():
            if value is ...:
                del raw[key]
            else:
                raw[key] = value
        return raw

    return changed
