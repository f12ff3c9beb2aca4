"""Customers and addresses as documents."""

from typing import Any

from storelink.sandbox.shop import Address, Customer
from storelink.sandbox.shopify.ids import part_number
from storelink.sandbox.shopify.site import stamp_text

Doc = dict[str, Any]

#: country → its name
COUNTRIES = {
    "US": "United States",
    "GB": "United Kingdom",
    "DE": "Germany",
    "CA": "Canada",
    "JP": "Japan",
    "FR": "France",
}
#: country and code → the province's name
PROVINCES = {
    ("US", "CA"): "California",
    ("US", "NY"): "New York",
    ("US", "TX"): "Texas",
    ("US", "OR"): "Oregon",
    ("CA", "QC"): "Quebec",
    ("JP", "JP-13"): "Tokyo",
}


def address_doc(address: Address) -> Doc:
    """An address in Shopify's words: what is not there is null, never empty."""
    state = "JP-13" if address.state == "JP13" else address.state
    if address.country == "DE":
        state = ""  # Shopify knows no provinces of Germany
    return make_address(
        firstName=address.first,
        lastName=address.last,
        company=address.company,
        address1=address.line1,
        address2=address.line2,
        city=address.city,
        provinceCode=state,
        countryCodeV2=address.country,
        zip=address.postcode,
        phone=address.phone,
    )


def make_address(**fields: Any) -> Doc:
    """An address with every field, from those that are given; names follow from codes."""
    given = {name: value or None for name, value in fields.items()}
    country, code = given.get("countryCodeV2"), given.get("provinceCode")
    names = [part for part in (given.get("firstName"), given.get("lastName")) if part]
    return {
        "__typename": "MailingAddress",
        "firstName": given.get("firstName"),
        "lastName": given.get("lastName"),
        "name": " ".join(names) or None,
        "company": given.get("company"),
        "address1": given.get("address1"),
        "address2": given.get("address2"),
        "city": given.get("city"),
        "province": given.get("province") or PROVINCES.get((str(country), str(code))),
        "provinceCode": code,
        "country": COUNTRIES.get(str(country), country),
        "countryCodeV2": country,
        "zip": given.get("zip"),
        "phone": given.get("phone"),
        "latitude": None,
        "longitude": None,
        "timeZone": None,
        "coordinatesValidated": False,
    }


def changed_address(address: Doc | None, fields: Doc) -> Doc:
    """An address with some fields changed."""
    kept = {name: value for name, value in (address or {}).items() if name not in ("__typename", "id")}
    if "provinceCode" in fields:
        kept.pop("province", None)
    return make_address(**{**kept, **fields})


def customer_doc(person: Customer, number: int) -> Doc:
    """A generated customer."""
    doc = blank_customer(number, person.created)
    addresses = [person.billing] if person.billing else []
    if person.shipping and person.shipping != person.billing:
        addresses.append(person.shipping)
    doc.update(
        firstName=person.first or None,
        lastName=person.last or None,
        updatedAt=stamp_text(person.modified or person.created),
        state="ENABLED" if person.paying else "DISABLED",
        verifiedEmail=person.paying,
        tags=[] if person.role == "customer" else [person.role],
        _email=person.email,
        _phone=f"+1555{number % 10_000_000:07d}" if number % 11 == 0 else None,
    )
    for address in addresses:
        add_address(doc, address_doc(address))
    return doc


def blank_customer(number: int, at: int) -> Doc:
    """Somebody of whom nothing is known."""
    return {
        "__typename": "Customer",
        "id": number,
        "firstName": None,
        "lastName": None,
        "state": "DISABLED",
        "note": None,
        "tags": [],
        "locale": "en-US",
        "taxExempt": False,
        "taxExemptions": [],
        "verifiedEmail": True,
        "dataSaleOptOut": False,
        "multipassIdentifier": None,
        "productSubscriberStatus": "NEVER_SUBSCRIBED",
        "createdAt": stamp_text(at),
        "updatedAt": stamp_text(at),
        "_email": None,
        "_phone": None,
        "_marketing": "NOT_SUBSCRIBED",
        "_addresses": [],
        "_parts": 0,
        "_orders": 0,
        "_spent": 0,
        "_metafields": [],
    }


def add_address(doc: Doc, address: Doc) -> Doc:
    """Give a customer one more address; the first is the default one."""
    doc["_parts"] += 1
    address["id"] = part_number("MailingAddress", doc["id"], "customers", doc["_parts"])
    doc["_addresses"].append(address)
    return address


def display_name(doc: Doc) -> str:
    """The name, or what stands in for it."""
    names = " ".join(part for part in (doc["firstName"], doc["lastName"]) if part)
    return str(names or doc["_email"] or doc["_phone"] or "")
