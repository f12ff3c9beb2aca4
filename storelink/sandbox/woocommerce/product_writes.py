"""Creating, changing and deleting products and variations."""

from typing import Any

from storelink.sandbox.money import bare, cents
from storelink.sandbox.woocommerce import blanks
from storelink.sandbox.woocommerce.answers import Answer, Refused
from storelink.sandbox.woocommerce.body import Body, Kind, check_body, items, truth
from storelink.sandbox.woocommerce.customers import Doc
from storelink.sandbox.woocommerce.edits import Edits, reprice
from storelink.sandbox.woocommerce.order_writes import merge_meta
from storelink.sandbox.woocommerce.php import encode
from storelink.sandbox.woocommerce.products import picture, restock, slug_of
from storelink.sandbox.woocommerce.singles import FULL, no_product, no_variation, variation
from storelink.sandbox.woocommerce.store import Store

_STATUSES = ("draft", "pending", "private", "publish", "future", "auto-draft", "trash")
_COMMON: dict[str, Kind] = {
    "description": "string",
    "sku": "string",
    "regular_price": "string",
    "sale_price": "string",
    "weight": "string",
    "virtual": "boolean",
    "downloadable": "boolean",
    "stock_quantity": "integer",
    "inventory_delta": "integer",
    "attributes": "array",
    "meta_data": "array",
}
PRODUCT: dict[str, Kind] = {
    **_COMMON,
    "name": "string",
    "type": ("simple", "grouped", "external", "variable"),
    "status": _STATUSES,
    "short_description": "string",
    "featured": "boolean",
    "manage_stock": "boolean",
    "categories": "array",
    "images": "array",
    "external_url": "string",
    "button_text": "string",
    "grouped_products": "array",
}
VARIATION: dict[str, Kind] = {**_COMMON, "status": _STATUSES, "image": "object"}
_PLAIN = (
    "name", "type", "status", "description", "short_description", "sku", "weight", "external_url",
    "button_text", "slug", "tax_status", "tax_class", "catalog_visibility", "purchase_note",
    "backorders", "menu_order", "grouped_products",
)  # fmt: skip
_FLAGS = ("featured", "virtual", "downloadable", "sold_individually", "reviews_allowed")


def create(store: Store, body: Body, *, check: bool = True) -> Answer:
    """`POST /products`."""
    if check:
        check_body(PRODUCT, body)
    _free_sku(store, body, 0, creating=True)
    name = str(body.get("name", "Product"))
    doc = blanks.product(store.site, store.numbers, store.clock.stamp(), name)
    _apply(store, doc, body)
    if body.get("type") == "variable":
        doc["has_options"] = True
    store.put("products", doc)
    return _created(store, "products", doc)


def update(store: Store, number: int, body: Body, *, check: bool = True) -> Answer:
    """`PUT /products/<id>`: every write stamps it, one that changes nothing too."""
    if check:
        check_body(PRODUCT, body)
    doc = store.doc("products", number)
    if doc is None:
        if number in store.drawers["variations"].rows:
            raise Refused(
                404,
                "woocommerce_rest_invalid_product_id",
                "To manipulate product variations you should use the "
                "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            )
        raise no_product(400)
    _free_sku(store, body, number, creating=False)
    _apply(store, doc, body)
    store.touch(doc)
    store.put("products", doc)
    return Answer(200, encode(doc), allow=FULL)


def delete(store: Store, number: int, query: Body) -> Answer:
    """`DELETE /products/<id>`: into the trash, or with `force` for good."""
    doc = store.doc("products", number)
    if doc is None:
        raise no_product()
    _away(store, "products", doc, force=truth(query.get("force", False)))
    return Answer(200, encode(doc), allow=FULL)


def create_variation(store: Store, parent: int, body: Body, *, check: bool = True) -> Answer:
    """`POST /products/<parent>/variations`."""
    if check:
        check_body(VARIATION, body)
    owner = store.doc("products", parent)
    if owner is None:
        raise Refused(404, "woocommerce_rest_product_variation_invalid_parent", "Invalid parent product.")
    _free_sku(store, body, 0, creating=True)
    chosen = [str(part.get("option", "")) for part in items(body.get("attributes"))]
    label = ", ".join(part for part in chosen if part)
    doc = blanks.variation(store.site, store.numbers, store.clock.stamp(), owner, label)
    _apply(store, doc, {k: v for k, v in body.items() if k != "attributes"})
    store.put("variations", doc)
    store.resum(parent)
    return _created(store, f"products/{parent}/variations", doc)


def update_variation(store: Store, parent: int, number: int, body: Body, *, check: bool = True) -> Answer:
    """`PUT /products/<parent>/variations/<id>`: stamps the parent, too."""
    if check:
        check_body(VARIATION, body)
    doc = store.doc("variations", number)
    if doc is None or doc["parent_id"] != parent:
        raise no_variation(400)
    _free_sku(store, body, number, creating=False)
    _apply(store, doc, {k: v for k, v in body.items() if k not in ("attributes", "name", "type")})
    store.touch(doc)
    store.put("variations", doc)
    store.resum(parent)
    return Answer(200, encode(doc), allow=FULL)


def delete_variation(store: Store, parent: int, number: int, query: Body) -> Answer:
    """`DELETE /products/<parent>/variations/<id>`."""
    doc = variation(store, parent, number)
    _away(store, "variations", doc, force=truth(query.get("force", False)))
    return Answer(200, encode(doc), allow=FULL)


def _away(store: Store, kind: str, doc: Doc, *, force: bool) -> None:
    edits = Edits(store)
    if force:
        edits.delete(kind, doc["id"])
    elif doc["status"] == "trash":
        what = "product" if kind == "products" else "product_variation"
        raise Refused(410, "woocommerce_rest_already_trashed", f"The {what} has already been deleted.")
    else:
        edits.trash(kind, doc["id"])


def _created(store: Store, path: str, doc: Doc) -> Answer:
    found = Answer(201, encode(doc), allow="GET, POST")
    found.headers.append(("Location", f"{store.site.api}/{path}/{doc['id']}"))
    return found


def _free_sku(store: Store, body: Body, own: int, *, creating: bool) -> None:
    """A SKU in use, even by something in the trash, is refused in two different ways."""
    sku = str(body.get("sku") or "")
    if not sku:
        return
    rows = [*store.drawers["products"].rows.values(), *store.drawers["variations"].rows.values()]
    taken = next((row for row in rows if row.sku == sku and row.id != own), None)
    if taken is None:
        return
    if creating:
        raise Refused(
            400,
            "woocommerce_rest_product_not_created",
            f"The product with SKU ({sku}) you are trying to insert is already present in the lookup table",
        )
    data = {"status": 400, "resource_id": taken.id, "unique_sku": f"{sku}-1"}
    raise Refused(400, "product_invalid_sku", "Invalid or duplicated SKU.", data=data)


def _apply(store: Store, doc: Doc, body: Body) -> None:
    for name in _PLAIN:
        if body.get(name) is not None and name in doc:
            doc[name] = body[name]
    for name in _FLAGS:
        if name in body and name in doc:
            doc[name] = truth(body[name])
    prices: Doc = {n: _price(body[n]) for n in ("regular_price", "sale_price") if n in body}
    doc.update(prices)
    reprice(doc, prices)
    doc["purchasable"] = bool(doc["price"]) and doc["status"] in ("publish", "private")
    _stock(doc, body)
    if "slug" in doc and "name" in body and not doc["slug"]:
        doc["slug"] = slug_of(doc["name"])
    if body.get("categories") is not None and "categories" in doc:
        doc["categories"] = [_category(part) for part in items(body["categories"])]
    if body.get("images") is not None and "images" in doc:
        doc["images"] = [_image(store, part) for part in items(body["images"])]
    if body.get("attributes") is not None and "default_attributes" in doc:
        doc["attributes"] = [_attribute(part, at) for at, part in enumerate(items(body["attributes"]))]
    merge_meta(store, doc, body.get("meta_data"))


def _price(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if text == "" or "." in text else bare(cents(text))


def _stock(doc: Doc, body: Body) -> None:
    if "manage_stock" in body:
        doc["manage_stock"] = truth(body["manage_stock"])
        if not doc["manage_stock"]:
            restock(doc, None)
    if not doc["manage_stock"]:
        return
    quantity = doc["stock_quantity"] or 0
    if body.get("stock_quantity") is not None:
        quantity = int(body["stock_quantity"])
    elif body.get("inventory_delta") is not None:
        quantity += int(body["inventory_delta"])
    restock(doc, quantity)


def _category(part: Body) -> Doc:
    number = int(part.get("id", 15))
    return {"id": number, "name": f"Category {number}", "slug": f"category-{number}"}


def _image(store: Store, part: Body) -> Doc:
    made = picture(store.site, store.numbers.next_post(), store.clock.stamp())
    made["src"] = str(part.get("src", made["src"]))
    return made


def _attribute(part: Body, at: int) -> Doc:
    name = str(part.get("name", ""))
    return {
        "id": int(part.get("id", 0)),
        "name": name,
        "slug": name,
        "position": at,
        "visible": truth(part.get("visible", False)),
        "variation": truth(part.get("variation", False)),
        "options": list(part.get("options", [])),
    }
