"""Customers as JSON."""

from hashlib import sha256
from typing import Any

from storelink.sandbox.clock import read
from storelink.sandbox.drawer import Row
from storelink.sandbox.shop import Address, Customer
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.products import metadata
from storelink.sandbox.woocommerce.site import Site

Doc = dict[str, Any]

ROLES = {
    "admin": "administrator", "manager": "shop_manager", "customer": "customer",
    "subscriber": "subscriber",
}  # fmt: skip
#: the order of keys differs between customers and orders
ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country",
    "state", "email", "phone",
)  # fmt: skip


def address_doc(address: Address | None, email: str | None) -> Doc:
    """An address with a customer's order of keys; `email` None leaves that key out."""
    doc: Doc = dict.fromkeys(ADDRESS, "")
    if address is not None:
        doc.update(
            first_name=address.first,
            last_name=address.last,
            company=address.company,
            address_1=address.line1,
            address_2=address.line2,
            city=address.city,
            postcode=address.postcode,
            country=address.country,
            state=address.state,
            phone=address.phone,
        )
    doc["email"] = email or ""
    if email is None:
        del doc["email"]
    return doc


def avatar(email: str) -> str:
    digest = sha256(email.strip().lower().encode()).hexdigest()
    return f"https://secure.gravatar.com/avatar/{digest}?s=96&d=mm&r=g"


def customer_doc(site: Site, numbers: Numbers, person: Customer, number: int) -> Doc:
    """A customer of the generated shop."""
    made, made_gmt = site.both(person.created)
    changed, changed_gmt = site.both(person.modified)
    shipping = address_doc(person.shipping, None)
    shipping["phone"] = ""
    return {
        "id": number,
        "date_created": made,
        "date_created_gmt": made_gmt,
        "date_modified": changed,
        "date_modified_gmt": changed_gmt,
        "email": person.email,
        "first_name": person.first,
        "last_name": person.last,
        "role": ROLES[person.role],
        "username": person.login,
        "billing": address_doc(person.billing, person.email if person.billing else ""),
        "shipping": shipping,
        "is_paying_customer": person.paying,
        "avatar_url": avatar(person.email),
        "meta_data": metadata(numbers, person.extra),
        "_links": site.links(f"customers/{number}", "customers"),
    }


def customer_row(doc: Doc) -> Row:
    """What lists need to know of a customer."""
    changed = doc["date_modified_gmt"]
    return Row(
        id=doc["id"],
        created=read(doc["date_created_gmt"]),
        modified=None if changed is None else read(changed),
        kind=doc["role"],
        name=f"{doc['first_name']} {doc['last_name']}".strip() or doc["username"],
        email=doc["email"],
    )
