"""Global ids and the numbers in them.

What hangs on a record gets a number that tells its record: no table of all line items is needed.
"""

import re

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/(\d+)(\?.*)?")
#: the first number of each kind of record
BASES = {
    "products": 7_100_000_000_000,
    "variants": 41_500_000_000_000,
    "customers": 6_300_000_000_000,
    "orders": 5_200_000_000_000,
    "events": 164_000_000_000_000,
}
TYPES = {
    "products": "Product",
    "variants": "ProductVariant",
    "customers": "Customer",
    "orders": "Order",
    "events": "BasicEvent",
}
#: what hangs on an order or a customer: the first number of each kind
PARTS = {
    "LineItem": 13_000_000_000_000,
    "Refund": 87_000_000_000_000,
    "RefundLineItem": 320_000_000_000_000,
    "RefundShippingLine": 21_000_000_000_000,
    "OrderAdjustment": 27_000_000_000_000,
    "OrderTransaction": 61_000_000_000_000,
    "ShippingLine": 43_000_000_000_000,
    "MailingAddress": 88_000_000_000_000,
}
#: how many parts of any kind one order may ever have
ROOM = 8_192
INVENTORY = 2_000_000_000_000


def gid(kind: str, number: object) -> str:
    """`("Order", 1)` → `"gid://shopify/Order/1"`."""
    return f"gid://shopify/{kind}/{number}"


def split_gid(text: str) -> tuple[str, int] | None:
    """Type and number of a global id; None when it is none."""
    found = _GID.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def part_number(kind: str, owner: int, base: str, count: int) -> int:
    """The number of the `count`th part of a record (`base` names the record's kind)."""
    return PARTS[kind] + (owner - BASES[base]) * ROOM + count


def owner_of(kind: str, number: int, base: str) -> int:
    """The reverse: the record on which a part hangs."""
    return BASES[base] + (number - PARTS[kind]) // ROOM
