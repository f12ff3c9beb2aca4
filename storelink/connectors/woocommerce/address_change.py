"""Changing an address of a WooCommerce order: what is sent, and how an address there reads. Pure.

A PUT merges: only the keys that are sent change, "" clears. It takes strings only, an empty
`billing.email` is refused, nothing else is checked, and any PUT with an address recalculates taxes and
totals, on orders of any status.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#update-an-order
"""

from collections.abc import Mapping

import orjson

from storelink.connectors.action import BILLING, SHIPPING, Address, Remark, Standing

_KEYS = {
    "first_name": "first_name", "last_name": "last_name", "company": "company", "address1": "address_1",
    "address2": "address_2", "city": "city", "province": "state", "postcode": "postcode",
    "country": "country", "phone": "phone", "email": "email",
}  # fmt: skip
"""Our word → WooCommerce's."""


def compose(kind: str, changes: Mapping[str, str]) -> str:
    """The body of the PUT that sets these fields of that address; other fields are left as they are.

    Raises `ValueError` for what WooCommerce would not take, or would take and ignore.
    """
    if kind not in (SHIPPING, BILLING) or not changes:
        raise ValueError(f"no change of an address: {kind}, {sorted(changes)}")
    sent: dict[str, str] = {}
    for name, value in changes.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")
        if name == "email" and (kind != BILLING or not value):
            raise ValueError("only a billing address has an e-mail address, and never an empty one")
        sent[_KEYS[name]] = value
    return orjson.dumps({kind: sent}, option=orjson.OPT_SORT_KEYS).decode()


def remarks(standing: Standing, changes: Mapping[str, str]) -> tuple[Remark, ...]:
    """What WooCommerce does besides: it recalculates, whatever field changes."""
    total = f"{standing.total.amount} {standing.total.currency}"
    moved = [name for name in ("country", "province", "postcode", "city") if name in changes]
    words = "WooCommerce recalculates taxes and totals on every change of an address"
    if moved:
        words += f", and the {moved[0]} changes too, so the tax may"
    told = [
        Remark(
            "recalculates",
            f"{words}. The total is {total} now; it is read again afterwards and any difference is shown."
            " Nobody is charged or paid back by it.",
        )
    ]
    if standing.refunds:
        words = f"Of this order {standing.refunded} {standing.total.currency} were refunded already: a total"
        told.append(Remark("recalculates_refunded", f"{words} recalculated may leave less than that."))
    return tuple(told)


def address_of(fields: object) -> Address:
    """An order's `shipping` or `billing`; what is not text in it counts as empty."""
    held = fields if isinstance(fields, Mapping) else {}
    texts = {ours: held.get(theirs) for ours, theirs in _KEYS.items()}
    return Address(**{name: value if isinstance(value, str) else "" for name, value in texts.items()})
