"""What the store may keep from us, and how its nulls are to be read. Pure.

Shopify redacts the personal fields of customers and orders to null where the app has no access to
protected customer data. Such a null must not erase what is held: it says nothing. So all that may be
kept from us is named in `Rows.withheld`, but where access is known to be granted (the doctor finds
out, and leaves it in `settings["protected"]`). While nobody has found out, a record that shows
something of each kind vouches for itself.
Docs: https://shopify.dev/docs/apps/launch/protected-customer-data
"""

from collections.abc import Mapping
from typing import Any

from storelink.connectors.shopify.shape import an_object

Record = Mapping[str, Any]
NOTHING: frozenset[str] = frozenset()

_GROUPS = (("firstName", "lastName"), ("address1", "address2", "zip"), ("phone",))
"""The protected fields of an address. Access is given to names, streets and phone numbers each.
Company, city, province and country are not protected."""


def _address(*places: str) -> frozenset[str]:
    fields = [field for group in _GROUPS for field in group]
    return frozenset([*places, *(f"{place}.{field}" for place in places for field in fields)])


ORDER_PERSONAL = frozenset(("email", "metadata.email", "metadata.phone")) | _address(
    "shipping_address", "billing_address", "metadata.shippingAddress", "metadata.billingAddress"
)
ORDER_CUSTOMER = frozenset(("customer_id", "metadata.customer"))
CUSTOMER_PERSONAL = frozenset(
    (
        "email",
        "name",
        "phone",
        "metadata.firstName",
        "metadata.lastName",
        "metadata.defaultEmailAddress",
        "metadata.defaultEmailAddress.emailAddress",
        "metadata.defaultPhoneNumber",
        "metadata.defaultPhoneNumber.phoneNumber",
    )
) | _address("default_address", "metadata.defaultAddress", "metadata.addresses")


def unseen_of_order(raw: Record, settings: Record) -> frozenset[str]:
    """What of an order's row may be withheld; nothing if all of it is known to be shown."""
    unseen = NOTHING
    shown = _access(settings, "personal")
    if shown is None:
        shown = raw.get("email") is not None and not (
            _lacks(an_object(raw, "shippingAddress")) or _lacks(an_object(raw, "billingAddress"))
        )
    if not shown:
        unseen = ORDER_PERSONAL
    if raw.get("customer") is None and not _access(settings, "Customer"):
        unseen |= ORDER_CUSTOMER  # a guest, or somebody we are not shown
    return unseen


def unseen_of_customer(raw: Record, settings: Record) -> frozenset[str]:
    """What of a customer's row may be withheld; nothing if all of it is known to be shown."""
    shown = _access(settings, "personal")
    if shown is None:
        shown = (
            an_object(raw, "defaultEmailAddress").get("emailAddress") is not None
            and an_object(raw, "defaultPhoneNumber").get("phoneNumber") is not None
            and not _lacks(raw, _GROUPS[:1])
            and not _lacks(an_object(raw, "defaultAddress"))
        )
    return NOTHING if shown else CUSTOMER_PERSONAL


def _access(settings: Record, what: str) -> bool | None:
    """Whether access is granted to a type or to what is `personal`; None if nobody knows."""
    protected = settings.get("protected")
    said = protected.get(what) if isinstance(protected, Mapping) else None
    if said in ("granted", "withheld"):
        return bool(said == "granted")
    return said if isinstance(said, bool) else None


def _lacks(record: Record, groups: tuple[tuple[str, ...], ...] = _GROUPS) -> bool:
    """Whether a whole group is null. A missing address lacks all of them."""
    for group in groups:
        for name in group:
            if record.get(name) is not None:
                break
        else:
            return True
    return False
