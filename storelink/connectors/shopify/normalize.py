"""Shopify's JSON → unified rows: pure and total. What cannot become rows says why.

`rebuild` is its inverse as far as it matters: the rows of a rebuilt record are the same rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storelink.connectors.protocol import Ignored, Raw, Rejection, Rows
from storelink.connectors.shopify.customer import normalize_customer, rebuild_customer
from storelink.connectors.shopify.order import normalize_order, rebuild_order
from storelink.connectors.shopify.product import normalize_product, rebuild_product
from storelink.connectors.shopify.shape import known_id
from storelink.connectors.unfit import Unfit

NORMALIZER_VERSION = 1
"""Raised when rows of an unchanged record would come out different."""

_NORMALIZERS: Mapping[str, Callable[[Raw, Mapping[str, Any]], Rows]] = {
    "orders": normalize_order,
    "products": normalize_product,
    "customers": normalize_customer,
}


def normalize(resource: str, raw: Raw, settings: Mapping[str, Any]) -> Rows | Rejection | Ignored:
    """Rows of one raw record, or why there are none. Never raises, whatever the JSON says.

    `settings` may say `currency`, and in `protected` what may be seen of customers.
    """
    record: Any = raw
    if not isinstance(record, dict):
        return Rejection(None, f"the record is no JSON object: {type(record).__name__}")
    try:
        return _NORMALIZERS[resource](raw, settings)
    except Unfit as error:
        return Rejection(known_id(raw), str(error))
    except RecursionError:
        return Rejection(known_id(raw), "the record is nested too deeply")


def rebuild(resource: str, rows: Sequence[Mapping[str, Any]]) -> Raw:
    """The raw record from the stored rows of its first table; {} if there are none.

    Rows are mappings of columns, JSON columns decoded.
    """
    if not rows:
        return {}
    if resource == "orders":
        return rebuild_order(rows[0])
    if resource == "customers":
        return rebuild_customer(rows[0])
    return rebuild_product(rows)
