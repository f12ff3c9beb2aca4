"""The mutation `orderUpdate`: the shipping address and a few words about an order (facts §8).

The address that is given takes the place of the old one, whole: what is left out is empty after.
Wordings marked "seen" were recorded from live shops; the others are ours.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pycountry

from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.customers import COUNTRIES, make_address
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.order_edits import OrderEdits
from storelink.sandbox.shopify.refund_create import UserError, check_scope, visible_order
from storelink.sandbox.shopify.refusal import not_implemented

Args = Mapping[str, Any]
Doc = dict[str, Any]
_NAME = "orderUpdate"
_WORDS = ("email", "phone", "note", "tags", "customAttributes", "poNumber")
_FIELDS = (
    "firstName", "lastName", "company", "address1", "address2", "city", "provinceCode", "countryCode",
    "zip", "phone",
)  # fmt: skip
_PHONE = re.compile(r"\+?[0-9 ().-]{5,20}")
#: countries whose provinces the shop knows, and what it calls them
_LABELS = {
    **dict.fromkeys(("US", "AU", "MX", "BR", "IN"), "State"),
    **dict.fromkeys(("CA", "IT", "ES"), "Province"),
    "JP": "Prefecture",
}
_MILITARY = {"AA": "Armed Forces Americas", "AE": "Armed Forces Europe", "AP": "Armed Forces Pacific"}
_NO_ZIP = frozenset(("AE", "HK", "IE", "QA"))


def register(graph: Graph, edits: OrderEdits) -> None:
    """Give a graph the mutation."""
    graph.mutations[_NAME] = partial(_answer, edits)


def _answer(edits: OrderEdits, context: Context, args: Args) -> Doc:
    check_scope(context, _NAME)
    asked = args["input"]
    doc = visible_order(edits, context, asked["id"])
    if doc is None:
        return {"order": None, "userErrors": [UserError("Order does not exist", "id").shown()]}  # seen
    for name in ("metafields", "localizedFields", "localizationExtensions"):
        if asked.get(name):
            raise not_implemented(f"{name} of orderUpdate")
    errors = [error.shown() for error in _wrong(asked)]
    if not errors:
        _change(doc, asked)
        edits.keep(doc)
    return {"order": doc, "userErrors": errors}


def _change(doc: Doc, asked: Args) -> None:
    for name in _WORDS:
        if name in asked:
            doc[name] = asked[name]
    given = asked.get("shippingAddress")
    if given is not None:
        fields = {name: given.get(name) for name in _FIELDS if name != "countryCode"}
        fields["provinceCode"], fields["province"] = _province(given) or (None, None)
        doc["_shipping"] = make_address(**fields, countryCodeV2=given.get("countryCode"))


def _wrong(asked: Args) -> Iterator[UserError]:
    if not any(name in asked for name in (*_WORDS, "shippingAddress")):
        yield UserError("No valid update parameters have been provided")  # seen
    if asked.get("phone") and not _PHONE.fullmatch(asked["phone"]):
        yield UserError("Phone is invalid", "phone")  # seen
    given = asked.get("shippingAddress")
    if given is None:
        return
    if given.get("country") or given.get("province"):
        raise not_implemented("countries and provinces by name")
    country = given.get("countryCode")
    for name, words in (("lastName", "Enter a last name"), ("address1", "Enter an address"),
                        ("city", "Enter a city")):  # fmt: skip
        if not (given.get(name) or "").strip():  # of these the last name is seen
            yield UserError(words, "shippingAddress", name)
    if country is None:
        yield UserError("Select a country", "shippingAddress", "country")
        return
    if country not in _NO_ZIP and not (given.get("zip") or "").strip():
        kind = "ZIP code" if country == "US" else "postal code"
        yield UserError(f"Enter a {kind}", "shippingAddress", "zip")  # seen for the US
    if country in _LABELS and _province(given) is None:
        label, name = _LABELS[country], _country_name(country)
        words = f"{label} is not a valid {label.lower()} in {name}"
        yield UserError(words, "shippingAddress", "province")  # seen, under this name
    if given.get("phone") and not _PHONE.fullmatch(given["phone"]):
        yield UserError("Phone is invalid", "shippingAddress", "phone")


def _province(given: Args) -> tuple[str, str] | None:
    """Code and name of the province; None where there is none, or none that the shop knows."""
    country, code = given.get("countryCode"), given.get("provinceCode")
    if country not in _LABELS or not code:
        return None
    if country == "US" and code in _MILITARY:
        return code, _MILITARY[code]
    wanted = code if country == "JP" else f"{country}-{code}"
    names = [part.name for part in pycountry.subdivisions if part.code == wanted]
    return (code, str(names[0])) if names else None


def _country_name(code: str) -> str:
    found = pycountry.countries.get(alpha_2=code)
    return COUNTRIES.get(code) or (str(found.name) if found else code)
