"""Creating, changing and deleting customers."""

from storelink.sandbox.woocommerce import blanks
from storelink.sandbox.woocommerce.answers import Answer, Refused
from storelink.sandbox.woocommerce.body import (
    BILLING,
    SHIPPING,
    Body,
    Kind,
    check_body,
    required,
    truth,
)
from storelink.sandbox.woocommerce.customers import Doc, avatar
from storelink.sandbox.woocommerce.edits import Edits
from storelink.sandbox.woocommerce.order_writes import merge_meta
from storelink.sandbox.woocommerce.php import encode
from storelink.sandbox.woocommerce.singles import FULL, customer
from storelink.sandbox.woocommerce.store import Store

SCHEMA: dict[str, Kind] = {
    "email": "email",
    "first_name": "string",
    "last_name": "string",
    "username": "string",
    "password": "string",
    "billing": BILLING,
    "shipping": SHIPPING,
    "meta_data": "array",
}
_ALLOWED = ("customer", "subscriber")


def create(store: Store, body: Body, *, check: bool = True) -> Answer:
    """`POST /customers`: needs an e-mail address that is not taken."""
    if check:
        required(body, ["email"])
        check_body(SCHEMA, body)
    _free_email(store, body, 0)
    doc = blanks.customer(store.site, store.numbers, store.clock.stamp())
    email = str(body.get("email", ""))
    doc["username"] = str(body.get("username") or email.partition("@")[0])
    _apply(store, doc, body)
    store.put("customers", doc)
    found = Answer(201, encode(doc), allow="GET, POST")
    found.headers.append(("Location", f"{store.site.api}/customers/{doc['id']}"))
    return found


def update(store: Store, number: int, body: Body, *, check: bool = True) -> Answer:
    """`PUT /customers/<id>`."""
    if check:
        check_body(SCHEMA, body)
    doc = customer(store, number)
    if doc["role"] not in _ALLOWED and str(body.get("email", doc["email"])) != doc["email"]:
        raise Refused(
            403,
            "woocommerce_rest_cannot_edit",
            f"Sorry, email cannot be updated via this endpoint for a user with role {doc['role']}.",
        )
    _free_email(store, body, number)
    _apply(store, doc, body)
    store.touch(doc)
    store.put("customers", doc)
    return Answer(200, encode(doc), allow=FULL)


def delete(store: Store, number: int, query: Body) -> Answer:
    """`DELETE /customers/<id>?force=true`; customers have no trash."""
    doc = customer(store, number)
    if doc["role"] not in _ALLOWED:
        raise Refused(
            403,
            "woocommerce_rest_cannot_delete",
            f"Sorry, users with {doc['role']} role cannot be deleted via this endpoint. "
            f"Allowed roles: {', '.join(_ALLOWED)}",
        )
    if not truth(query.get("force", False)):
        raise Refused(501, "woocommerce_rest_trash_not_supported", "Customers do not support trashing.")
    Edits(store).delete("customers", number)
    return Answer(200, encode(doc), allow=FULL)


def _free_email(store: Store, body: Body, own: int) -> None:
    email = str(body.get("email") or "").lower()
    rows = store.drawers["customers"].rows.values()
    if email and any(row.email.lower() == email and row.id != own for row in rows):
        raise Refused(
            400,
            "registration-error-email-exists",
            "An account is already registered with your email address. Please log in or use a "
            "different email address.",
        )


def _apply(store: Store, doc: Doc, body: Body) -> None:
    for name in ("email", "first_name", "last_name"):
        if body.get(name) is not None:
            doc[name] = str(body[name])
    doc["avatar_url"] = avatar(doc["email"])
    for name in ("billing", "shipping"):
        posted = body.get(name)
        if isinstance(posted, dict):
            doc[name].update({k: str(v) for k, v in posted.items() if k in doc[name]})
    merge_meta(store, doc, body.get("meta_data"))
