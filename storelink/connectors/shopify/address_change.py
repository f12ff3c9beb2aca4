"""Changing the shipping address of a Shopify order: what is sent, what refuses it, how one reads. Pure.

`orderUpdate` overwrites the whole address, so the whole is sent. There is no billing address in it, no
idempotency and no compare-and-set; success is an empty `userErrors`, as `order` comes back unchanged
beside errors. Shopify moves no parcel and recalculates nothing.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderUpdate
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from importlib import resources
from typing import Any

import orjson

from storelink.connectors.action import Address, Remark
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.refusal import plain
from storelink.errors import NotFound, Rejected

_KEYS = {
    "first_name": "firstName", "last_name": "lastName", "company": "company", "address1": "address1",
    "address2": "address2", "city": "city", "province": "provinceCode", "postcode": "zip",
    "country": "countryCode", "phone": "phone",
}  # fmt: skip
"""Our word → Shopify's, in `MailingAddressInput`."""
_READ = {**_KEYS, "country": "countryCodeV2"}
_OURS = {
    **{theirs: ours.replace("_", " ") for ours, theirs in _KEYS.items()},
    "address1": "street", "address2": "second line", "province": "province", "country": "country",
}  # fmt: skip
"""Shopify's word, in an error → what people call it. It says `province` of a `provinceCode`."""


def compose(order_gid: str, present: Address, changes: Mapping[str, str]) -> str:
    """The body of the one POST that makes `present` with these changes the shipping address.

    Raises `ValueError` for a field that a shipping address does not have.
    """
    if not changes or not changes.keys() <= _KEYS.keys():
        raise ValueError(f"no change of a shipping address: {sorted(changes)}")
    whole = asdict(replace(present, **changes))
    given = {theirs: whole[ours] or None for ours, theirs in _KEYS.items()}
    variables = {"input": {"id": order_gid, "shippingAddress": given}}
    document = {"query": queries.load("order_address"), "variables": variables}
    return orjson.dumps({**document, "operationName": "OrderAddress"}).decode()


def remarks(changes: Mapping[str, str]) -> tuple[Remark, ...]:
    """What Shopify does not do: it changes the record, and nothing that hangs on it."""
    if not {"country", "province", "postcode"} & changes.keys():
        return ()
    words = "Shopify recalculates neither taxes nor shipping for the new address: they stay as they were paid"
    return (Remark("recalculates_nothing", f"{words}."),)


def judge(data: Mapping[str, Any]) -> None:
    """What an answer's `data` says. Returns if the address was taken; raises `Rejected` if it was not."""
    said = data.get("orderUpdate")
    errors = said.get("userErrors") if isinstance(said, dict) else None
    if not isinstance(errors, list):
        raise ValueError("the answer has no userErrors")
    found = [one for one in errors if isinstance(one, dict)]
    if not found:
        return
    words = f"Shopify refuses the address: {'; '.join(_worded(one) for one in found)}"
    if any("does not exist" in str(one.get("message")) and _field(one) == "id" for one in found):
        raise NotFound(words, code="order_not_found", status=200)
    raise Rejected(words, code="user_errors", status=200)


def address_of(fields: object) -> Address:
    """A `MailingAddress`; what is not text in it counts as empty. It has no e-mail address."""
    held = fields if isinstance(fields, Mapping) else {}
    texts = {ours: held.get(theirs) for ours, theirs in _READ.items()}
    return Address(**{name: value if isinstance(value, str) else "" for name, value in texts.items()})


def provinces(country: str) -> Mapping[str, str]:
    """The provinces that Shopify knows in a country, code → name; empty for most countries.

    Its codes are ISO's for the most part: `JP-13`, `DF` and a few others are not.
    """
    return _provinces().get(country, {})


@cache
def _provinces() -> Mapping[str, Mapping[str, str]]:
    text = resources.files("storelink.connectors.shopify").joinpath("provinces.json").read_bytes()
    found: dict[str, dict[str, str]] = orjson.loads(text)["provinces"]
    return found


def _worded(error: Mapping[str, Any]) -> str:
    """`postcode: “Enter a ZIP code”`: the field in our words, the rest in Shopify's."""
    field = _OURS.get(_field(error), "")
    return f"{field}{': ' if field else ''}“{plain(str(error.get('message') or 'an error without words'))}”"


def _field(error: Mapping[str, Any]) -> str:
    path = error.get("field")
    return str(path[-1]) if isinstance(path, Sequence) and not isinstance(path, str) and path else ""
