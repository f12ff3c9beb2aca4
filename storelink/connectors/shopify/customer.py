"""A customer from Shopify's JSON to its row. Pure.

The raw record is the `Customer` with `addresses`, the nodes of addressesV2, as a plain list.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Customer
"""

from collections.abc import Mapping
from typing import Any

from storelink.connectors.protocol import Rows
from storelink.connectors.rows import CustomerRow
from storelink.connectors.shopify.moment import moment, needed
from storelink.connectors.shopify.shape import Record, address, an_object, gid, records
from storelink.connectors.shopify.unseen import unseen_of_customer
from storelink.connectors.storable import json_text
from storelink.connectors.text import one_line, short, text


def normalize_customer(raw: Record, settings: Mapping[str, Any]) -> Rows:
    """The row of a customer. Raises `Unfit`."""
    key = gid(raw.get("id"), "Customer", "id")
    version = needed(raw.get("updatedAt"), "updatedAt")
    records(raw, "addresses")
    names = (one_line(raw.get("firstName"), "firstName"), one_line(raw.get("lastName"), "lastName"))
    row = CustomerRow(
        customer_id=key,
        email=short(an_object(raw, "defaultEmailAddress").get("emailAddress"), "emailAddress"),
        # not displayName, which is the e-mail or phone of who has no name
        name=" ".join(filter(None, names)) or None,
        phone=text(an_object(raw, "defaultPhoneNumber").get("phoneNumber"), "phoneNumber"),
        default_address=address(raw, "defaultAddress"),
        metadata=json_text(raw),
        source_created_at=moment(raw.get("createdAt"), "createdAt"),
        source_updated_at=version,
    )
    unseen = unseen_of_customer(raw, settings)
    return Rows(id=key, version=version, partial=bool(unseen), withheld=unseen, customers=(row,))


def rebuild_customer(row: Mapping[str, Any]) -> Record:
    """The raw customer from its row."""
    return dict(row["metadata"] or {})
