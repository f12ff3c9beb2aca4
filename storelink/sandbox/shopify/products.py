"""Products and variants as documents.

A document has the names and values of the Admin API. What begins with `_` is ours; ids are bare
numbers and money is whole cents, which the graph writes out.
"""

import re
from typing import Any

from storelink.sandbox import words
from storelink.sandbox.shop import Product
from storelink.sandbox.shop import Variant as Unit
from storelink.sandbox.shopify.ids import INVENTORY, gid
from storelink.sandbox.shopify.site import Site, stamp_text

Doc = dict[str, Any]

_STATES = {
    "published": "ACTIVE",
    "draft": "DRAFT",
    "pending": "DRAFT",
    "private": "UNLISTED",
    "trashed": "ARCHIVED",
}
_VENDORS = ("Sandbox Shop", "Acme & Sons", "Åkerlund AB", "白山")
DEFAULT = "Default Title"


def product_doc(site: Site, product: Product, number: int, index: int) -> Doc:
    """A generated product, without its variants."""
    status = _STATES[product.state]
    shown = status in ("ACTIVE", "UNLISTED")
    labels = [unit.label for unit in product.variants] or [DEFAULT]
    doc = blank_product(site, product.title, number, product.created)
    doc.update(
        handle=handle_of(product.title, index),
        status=status,
        vendor=_VENDORS[index % len(_VENDORS)],
        productType=words.CATEGORIES[product.category],
        tags=sorted({product.kind, "sale"} if product.sale else {product.kind}),
        descriptionHtml=product.description,
        updatedAt=stamp_text(max(product.modified, *(unit.modified for unit in product.variants), 0)),
        publishedAt=stamp_text(product.created + 60) if shown else None,
        onlineStoreUrl=f"https://{site.domain}/products/{handle_of(product.title, index)}" if shown else None,
        _options=[{"name": product.option or "Title", "values": labels}],
        _image=None if not product.image else f"https://cdn.example.test/{product.image}.jpg",
        _metafields=[
            {"namespace": "custom", "key": key.strip("_"), "type": "json", "jsonValue": value}
            for key, value in product.extra
        ],
    )
    return doc


def blank_product(site: Site, title: str, number: int, at: int) -> Doc:
    """A new product with nothing but a title."""
    handle = handle_of(title, number % 100_000)
    return {
        "__typename": "Product",
        "id": number,
        "title": title,
        "handle": handle,
        "status": "ACTIVE",
        "vendor": site.title,
        "productType": "",
        "tags": [],
        "descriptionHtml": "",
        "createdAt": stamp_text(at),
        "updatedAt": stamp_text(at),
        "publishedAt": stamp_text(at),
        "onlineStoreUrl": f"https://{site.domain}/products/{handle}",
        "onlineStorePreviewUrl": None,
        "templateSuffix": None,
        "isGiftCard": False,
        "totalInventory": 0,
        "tracksInventory": False,
        "hasOnlyDefaultVariant": True,
        "hasOutOfStockVariants": False,
        "_options": [{"name": "Title", "values": [DEFAULT]}],
        "_image": None,
        "_metafields": [],
        "_variants": 0,
        "_low": 0,
        "_high": 0,
    }


def units_of(product: Product) -> tuple[Unit, ...]:
    """The product's variants; one that has none to choose from has the default one."""
    if product.variants:
        return product.variants
    only = Unit(
        label=DEFAULT,
        sku=product.sku,
        price=product.price,
        sale=product.sale,
        stock=product.stock,
        modified=product.modified,
        weight=product.weight,
    )
    return (only,)


def variant_doc(product: Product, owner: Doc, unit: Unit, number: int, position: int) -> Doc:
    """A generated variant; without a SKU it is null or, as imports leave it, empty."""
    doc = blank_variant(owner, unit.label, number, position, product.created)
    doc.update(
        updatedAt=stamp_text(unit.modified),
        sku=unit.sku or (None if number % 2 else ""),
        price=unit.sale or unit.price or 0,
        compareAtPrice=unit.price if unit.sale else None,
        inventoryQuantity=unit.stock or 0,
        inventoryPolicy="DENY" if number % 7 else "CONTINUE",
        _tracked=unit.stock is not None,
        _ships=product.kind != "virtual",
        _weight=float(unit.weight) if unit.weight else None,
        _enabled=unit.enabled,
    )
    judge_variant(doc)
    return doc


def blank_variant(owner: Doc, label: str, number: int, position: int, at: int) -> Doc:
    """A new variant, by default on sale for nothing and not counted."""
    option = owner["_options"][0]["name"]
    doc = {
        "__typename": "ProductVariant",
        "id": number,
        "_product": owner["id"],
        "title": label,
        "displayName": f"{owner['title']} - {label}",
        "position": position,
        "sku": None,
        "barcode": None,
        "price": 0,
        "compareAtPrice": None,
        "taxable": True,
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 0,
        "createdAt": stamp_text(at),
        "updatedAt": stamp_text(at),
        "selectedOptions": [{"name": option, "value": label}],
        "_tracked": False,
        "_ships": True,
        "_weight": None,
        "_enabled": True,
        "_cost": None,
        "_metafields": [],
    }
    judge_variant(doc)
    return doc


def judge_variant(doc: Doc) -> None:
    """Set what follows from the rest."""
    stocked = doc["inventoryQuantity"] > 0 or not doc["_tracked"] or doc["inventoryPolicy"] == "CONTINUE"
    doc["availableForSale"] = bool(doc["_enabled"] and stocked)
    doc["sellableOnlineQuantity"] = max(0, doc["inventoryQuantity"])


def sum_up(doc: Doc, variants: list[Doc]) -> None:
    """Bring a product in line with its variants."""
    tracked = [part for part in variants if part["_tracked"]]
    prices = [part["price"] for part in variants] or [0]
    doc["_variants"] = len(variants)
    doc["totalInventory"] = sum(part["inventoryQuantity"] for part in tracked)
    doc["tracksInventory"] = bool(tracked)
    doc["hasOnlyDefaultVariant"] = len(variants) == 1 and variants[0]["title"] == DEFAULT
    doc["hasOutOfStockVariants"] = any(part["inventoryQuantity"] <= 0 for part in tracked)
    doc["_options"][0]["values"] = list(dict.fromkeys(part["title"] for part in variants))
    doc["_low"], doc["_high"] = min(prices), max(prices)


def inventory_item(variant: Doc, currency: str) -> Doc:
    """The InventoryItem of a variant."""
    number = INVENTORY + variant["id"]
    weight = variant["_weight"]
    cost = variant["_cost"]
    return {
        "__typename": "InventoryItem",
        "id": number,
        "sku": variant["sku"],
        "tracked": variant["_tracked"],
        "requiresShipping": variant["_ships"],
        "createdAt": variant["createdAt"],
        "updatedAt": variant["updatedAt"],
        "unitCost": None if cost is None else {"amount": cost, "currencyCode": currency},
        "measurement": {
            "id": gid("InventoryItemMeasurement", number),
            "weight": None if weight is None else {"value": weight, "unit": "KILOGRAMS"},
        },
    }


def handle_of(title: str, index: int) -> str:
    """A handle that is unique by its number."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return f"{slug or 'product'}-{index}"
