"""A customer account from WooCommerce's JSON to its row. Pure.

Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#customers
"""

from collections.abc import Mapping
from typing import Any

from storelink.connectors.protocol import Rows
from storelink.connectors.rows import CustomerRow
from storelink.connectors.storable import json_text
from storelink.connectors.text import line, short, text
from storelink.connectors.woocommerce.moment import moment
from storelink.connectors.woocommerce.shape import Record, address, an_object, record_id

VOLATILE = (
    "_links",  # says http or https as the request came
    "orders_count",  # of old stores: grows with every order and moves no date
    "total_spent",
)


def normalize_customer(raw: Record, settings: Mapping[str, Any]) -> Rows:
    """The row of a customer of any role. Raises `Unfit`."""
    key = record_id(raw.get("id"), "id")
    billing = an_object(raw.get("billing"), "billing")
    version = moment(raw, "date_modified", settings)
    names = (line(raw.get("first_name"), "first_name"), line(raw.get("last_name"), "last_name"))
    kept = {name: value for name, value in raw.items() if name not in VOLATILE}
    row = CustomerRow(
        customer_id=key,
        email=short(raw.get("email"), "email"),
        name=" ".join(filter(None, names)) or None,
        phone=text(billing.get("phone"), "billing.phone"),
        default_address=address(billing, "billing") or address(raw.get("shipping"), "shipping"),
        metadata=json_text(kept),
        source_created_at=moment(raw, "date_created", settings),
        source_updated_at=version,
    )
    return Rows(id=key, version=version, customers=(row,))


def rebuild_customer(row: Mapping[str, Any]) -> Record:
    """The raw customer from its row."""
    return dict(row["metadata"] or {})
