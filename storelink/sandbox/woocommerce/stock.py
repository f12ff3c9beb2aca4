"""Stock moved by orders and refunds; a moved stock stamps the product (facts §3)."""

from typing import Any

from storelink.sandbox.woocommerce.orders import item_meta
from storelink.sandbox.woocommerce.products import restock
from storelink.sandbox.woocommerce.store import Store

Doc = dict[str, Any]
TAKING = frozenset(("processing", "completed", "on-hold"))
GIVING = frozenset(("cancelled", "pending"))
_REDUCED = "_reduced_stock"


def follow_status(store: Store, doc: Doc) -> None:
    """Take or give back what an order's status asks for; every line remembers what it took."""
    for line in doc["line_items"]:
        note = next((part for part in line["meta_data"] if part["key"] == _REDUCED), None)
        if doc["status"] in TAKING and note is None:
            if move(store, line, -line["quantity"]):
                taken = str(line["quantity"])
                line["meta_data"].append(item_meta(store.numbers, _REDUCED, taken))
        elif doc["status"] in GIVING and note is not None:
            move(store, line, int(note["value"]))
            line["meta_data"].remove(note)


def move(store: Store, line: Doc, by: int) -> bool:
    """Change the stock of a line's product or variation; False where none is counted."""
    kind, record = "products", line["product_id"]
    if line["variation_id"]:
        kind, record = "variations", line["variation_id"]
    doc = store.doc(kind, record)
    if doc is None or doc["manage_stock"] is not True:
        return False
    restock(doc, (doc["stock_quantity"] or 0) + by)
    store.touch(doc)
    store.put(kind, doc)
    if kind == "variations":
        store.resum(doc["parent_id"])
    return True
