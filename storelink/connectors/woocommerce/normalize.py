"""WooCommerce's JSON → unified rows: pure and total. What cannot become rows says why.

`rebuild` is its inverse as far as it matters: the rows of a rebuilt record are the same rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storelink.connectors.protocol import Ignored, Raw, Rejection, Rows
from storelink.connectors.total import Normalizers, Row, normalized, rebuilt
from storelink.connectors.woocommerce.customer import normalize_customer, rebuild_customer
from storelink.connectors.woocommerce.order import normalize_order, rebuild_order
from storelink.connectors.woocommerce.product import normalize_product, rebuild_product
from storelink.connectors.woocommerce.shape import known_id

NORMALIZER_VERSION = 1
"""Raised when rows of an unchanged record would come out different."""

_NORMALIZERS: Normalizers = {
    "orders": normalize_order,
    "products": normalize_product,
    "customers": normalize_customer,
}
_REBUILDERS: Mapping[str, Callable[[Sequence[Row]], Raw]] = {
    "orders": lambda rows: rebuild_order(rows[0]),
    "products": rebuild_product,
    "customers": lambda rows: rebuild_customer(rows[0]),
}


def normalize(resource: str, raw: Raw, settings: Mapping[str, Any]) -> Rows | Rejection | Ignored:
    """Rows of one raw record, or why there are none. Never raises, whatever the JSON says.

    `settings` may say `currency`, `time_zone` and `gmt_offset`.
    """
    return normalized(_NORMALIZERS, known_id, resource, raw, settings)


def rebuild(resource: str, rows: Sequence[Row]) -> Raw:
    """See `total.rebuilt`."""
    return rebuilt(_REBUILDERS, resource, rows)
