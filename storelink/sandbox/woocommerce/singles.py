"""One record by its id."""

from collections.abc import Sequence
from typing import Any

from storelink.sandbox.woocommerce import fields, products, refunds
from storelink.sandbox.woocommerce.answers import Answer, Refused, json_answer
from storelink.sandbox.woocommerce.lists import links, paging
from storelink.sandbox.woocommerce.params import Checks
from storelink.sandbox.woocommerce.php import Query, encode
from storelink.sandbox.woocommerce.store import Doc, Store

FULL = "GET, POST, PUT, PATCH, DELETE"
REFUND_ALLOW = "GET, DELETE"


def no_order(status: int = 404) -> Refused:
    words = "Invalid ID." if status == 404 else "ID is invalid."
    return Refused(status, "woocommerce_rest_shop_order_invalid_id", words, allow=FULL)


def no_product(status: int = 404) -> Refused:
    words = "Invalid ID." if status == 404 else "ID is invalid."
    return Refused(status, "woocommerce_rest_product_invalid_id", words, allow=FULL)


def no_variation(status: int = 404) -> Refused:
    words = "Invalid ID." if status == 404 else "ID is invalid."
    return Refused(status, "woocommerce_rest_product_variation_invalid_id", words, allow=FULL)


def no_customer() -> Refused:
    return Refused(404, "wc_user_invalid_id", "Invalid user ID.", allow="")


def order(store: Store, number: int) -> Doc:
    found = store.doc("orders", number)
    if found is None:
        raise no_order()
    return found


def product(store: Store, number: int) -> Doc:
    """A product; for the id of a variation, that, in the shape of a product."""
    found = store.doc("products", number)
    if found is not None:
        return found
    variation = store.doc("variations", number)
    parent = store.doc("products", variation["parent_id"]) if variation else None
    if variation is None or parent is None:
        raise no_product()
    return products.as_product(store.site, variation, parent)


def variation(store: Store, parent: int, number: int) -> Doc:
    found = store.doc("variations", number)
    if found is None or found["parent_id"] != parent:
        raise no_variation()
    return found


def customer(store: Store, number: int) -> Doc:
    found = store.doc("customers", number)
    if found is None:
        raise no_customer()
    return found


def refund(store: Store, number_of_order: int, number: int) -> Doc:
    if number_of_order not in store.drawers["orders"].rows:
        raise Refused(404, "woocommerce_rest_invalid_order_id", "Invalid order ID.", allow=REFUND_ALLOW)
    found = store.doc("refunds", number)
    if found is None or found["parent_id"] != number_of_order:
        raise Refused(
            404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.",
            allow=REFUND_ALLOW,
        )  # fmt: skip
    return refunds.without_parent(found)


def shown(doc: Doc, query: Query, allow: str = FULL) -> Answer:
    """One record as an answer; `_fields` leaves `_links` in."""
    names = fields.wanted(query)
    if not names:
        return Answer(200, encode(doc), allow=allow)
    return json_answer(fields.pick(doc, fields.tree((*names, "_links"))), allow=allow)


def paged_docs(
    store: Store, path: str, docs: Sequence[Doc], query: Query, allow: str = "GET, POST"
) -> Answer:
    """A short list of ready documents, paged and picked like any other."""
    checks = Checks()
    paged = paging(checks, query)
    checks.done()
    page: Sequence[Any] = docs[paged.start : paged.start + paged.per_page]
    names = fields.wanted(query)
    if names:
        tree = fields.tree(names)
        page = [fields.pick(doc, tree) for doc in page]
    pages = -(-len(docs) // paged.per_page)
    found = json_answer(page, allow=allow)
    found.headers = [("X-WP-Total", str(len(docs))), ("X-WP-TotalPages", str(pages))]
    found.link = links(store, path, paged, pages, query)
    return found
