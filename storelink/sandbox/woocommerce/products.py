"""Products and variations as JSON."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from storelink.sandbox import words
from storelink.sandbox.clock import read
from storelink.sandbox.drawer import Row
from storelink.sandbox.money import bare, cents
from storelink.sandbox.shop import Product, Variant
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.php import encode
from storelink.sandbox.woocommerce.site import Site

Doc = dict[str, Any]

_STATES = {
    "published": "publish", "draft": "draft", "pending": "pending", "private": "private",
    "trashed": "trash",
}  # fmt: skip
_ON_SALE_DATES = (
    "date_on_sale_from", "date_on_sale_from_gmt", "date_on_sale_to", "date_on_sale_to_gmt",
)  # fmt: skip
_MONEY = (
    '<span class="woocommerce-Price-amount amount"{hidden}><bdi>'
    '<span class="woocommerce-Price-currencySymbol" translate="no">&#36;</span>{price}</bdi></span>'
)


def slug_of(title: str) -> str:
    """`<b>Bold</b> 靴 10` → `bold-%e9%9d%b4-10`."""
    plain = title.replace("<b>", "").replace("</b>", "").lower()
    plain = "".join(c if c.isalnum() else "-" if c in " -–_" else "" for c in plain)
    return quote("-".join(part for part in plain.split("-") if part)).lower()


def price_html(low: str, high: str | None = None) -> str:
    """What the shop page shows; a range for a variable product."""
    if not low:
        return ""
    first = f"{cents(low) / 100:.2f}"
    if high is None or high == low:
        return _MONEY.format(hidden="", price=first)
    last = f"{cents(high) / 100:.2f}"
    hidden = ' aria-hidden="true"'
    return (
        _MONEY.format(hidden=hidden, price=first)
        + ' <span aria-hidden="true">&ndash;</span> '
        + _MONEY.format(hidden=hidden, price=last)
        + f'<span class="screen-reader-text">Price range: &#36;{first} through &#36;{last}</span>'
    )


def picture(site: Site, number: int, created: int) -> Doc:
    """An image of the media library."""
    local, gmt = site.both(created)
    return {
        "id": number,
        "date_created": local,
        "date_created_gmt": gmt,
        "date_modified": local,
        "date_modified_gmt": gmt,
        "src": f"{site.base}/wp-content/uploads/2025/01/image-{number}.jpg",
        "name": f"image-{number}.jpg",
        "alt": "",
    }


def metadata(numbers: Numbers, pairs: Sequence[tuple[str, Any]]) -> list[Doc]:
    return [{"id": numbers.next_meta(), "key": key, "value": value} for key, value in pairs]


def _dates(site: Site, created: int, modified: int) -> Doc:
    made, made_gmt = site.both(created)
    changed, changed_gmt = site.both(modified)
    return {
        "date_created": made,
        "date_created_gmt": made_gmt,
        "date_modified": changed,
        "date_modified_gmt": changed_gmt,
    }


def _prices(regular: int | None, sale: int | None) -> Doc:
    return {
        "price": bare(sale if sale is not None else regular),
        "regular_price": bare(regular),
        "sale_price": bare(sale),
    }


def product_doc(site: Site, numbers: Numbers, product: Product, number: int) -> Doc:
    """A product of the generated shop; its variations and members are filled in by the caller."""
    slug = "" if product.state == "draft" else slug_of(product.title)
    sellable = product.price is not None or product.kind == "variable"
    variable = product.kind == "variable"
    doc: Doc = {
        "id": number,
        "name": product.title,
        "slug": slug + ("__trashed" if product.state == "trashed" else ""),
        "permalink": f"{site.base}/product/{slug}/"
        if product.state in ("published", "private")
        else f"{site.base}/?post_type=product&p={number}",
        **_dates(site, product.created, product.modified),
        "type": "simple" if product.kind == "virtual" else product.kind,
        "status": _STATES[product.state],
        "featured": product.sold % 23 == 0,
        "catalog_visibility": "visible",
        "description": product.description,
        "short_description": product.summary,
        "sku": product.sku,
        **_prices(product.price, product.sale),
        **dict.fromkeys(_ON_SALE_DATES),
        "on_sale": product.sale is not None,
        "purchasable": sellable and product.kind not in ("external", "grouped"),
        "total_sales": product.sold,
        "virtual": product.kind == "virtual",
        "downloadable": False,
        "downloads": [],
        "download_limit": -1,
        "download_expiry": -1,
        "external_url": "https://elsewhere.example.test/buy?a=1&b=2" if product.kind == "external" else "",
        "button_text": "Buy elsewhere" if product.kind == "external" else "",
        "tax_status": "taxable",
        "tax_class": "",
        **_stock(product.stock),
        "low_stock_amount": None,
        "sold_individually": False,
        "weight": product.weight,
        "dimensions": {"length": "", "width": "", "height": ""},
        "shipping_required": product.kind in ("simple", "variable"),
        "shipping_taxable": product.kind in ("simple", "variable"),
        "shipping_class": "",
        "shipping_class_id": 0,
        "reviews_allowed": True,
        "average_rating": "0.00",
        "rating_count": 0,
        "upsell_ids": [],
        "cross_sell_ids": [],
        "parent_id": 0,
        "purchase_note": "",
        "categories": [_category(product.category)],
        "brands": [],
        "tags": [],
        "images": [picture(site, product.image, product.created)] if product.image else [],
        "attributes": [_choice(product)] if variable else [],
        "default_attributes": [],
        "variations": [],
        "grouped_products": [],
        "menu_order": 0,
        "price_html": "",
        "related_ids": [14 + (number * k) % 200 for k in (3, 5, 7)] if product.sold % 2 else [],
        "meta_data": metadata(numbers, product.extra),
        "stock_status": "outofstock" if product.stock is not None and product.stock <= 0 else "instock",
        "has_options": variable,
        "post_password": "",
        "global_unique_id": "",
    }
    doc["price_html"] = price_html(doc["price"])
    doc["_links"] = site.links(f"products/{number}", "products")
    return doc


def _stock(stock: int | None) -> Doc:
    return {
        "manage_stock": stock is not None,
        "stock_quantity": stock,
        "backorders": "no",
        "backorders_allowed": False,
        "backordered": False,
    }


def _category(number: int) -> Doc:
    name = words.CATEGORIES[number]
    return {"id": 16 + number, "name": name.replace("&", "&amp;"), "slug": slug_of(name)}


def _choice(product: Product) -> Doc:
    return {
        "id": 0,
        "name": product.option,
        "slug": product.option,
        "position": 0,
        "visible": True,
        "variation": True,
        "options": [variant.label for variant in product.variants],
    }


def variation_doc(site: Site, option: str, created: int, parent: Doc, variant: Variant, number: int) -> Doc:
    """A variation as `/products/<id>/variations` has it; `option` is what it chooses, like "Size"."""
    enabled = variant.enabled
    doc: Doc = {
        "id": number,
        "type": "variation",
        **_dates(site, created, variant.modified),
        "description": "",
        "permalink": _variation_address(parent, option, variant.label),
        "sku": variant.sku,
        "global_unique_id": "",
        **_prices(variant.price, variant.sale),
        **dict.fromkeys(_ON_SALE_DATES),
        "on_sale": variant.sale is not None,
        "status": "trash" if parent["status"] == "trash" else "publish" if enabled else "private",
        "purchasable": enabled and variant.price is not None and parent["status"] == "publish",
        "virtual": False,
        "downloadable": False,
        "downloads": [],
        "download_limit": -1,
        "download_expiry": -1,
        "tax_status": "taxable",
        "tax_class": "",
        "manage_stock": variant.stock is not None,
        "stock_quantity": variant.stock,
        "stock_status": "outofstock" if variant.stock is not None and variant.stock <= 0 else "instock",
        "backorders": "no",
        "backorders_allowed": False,
        "backordered": False,
        "low_stock_amount": None,
        "weight": variant.weight,
        "dimensions": {"length": "", "width": "", "height": ""},
        "shipping_class": "",
        "shipping_class_id": 0,
        "image": picture(site, variant.image, created) if variant.image else None,
        "gallery_image_ids": [],
        "attributes": [
            {
                "id": 0,
                "name": option,
                "slug": option.lower(),
                "option": variant.label,
            }
        ],
        "menu_order": 0,
        "meta_data": [],
        "name": variant.label,
        "parent_id": parent["id"],
    }
    doc["_links"] = variation_links(site, parent["id"], number)
    return doc


def _variation_address(parent: Doc, option: str, label: str) -> str:
    address: str = parent["permalink"]
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}attribute_{option.lower()}={quote(label)}"


def variation_links(site: Site, parent: int, number: int) -> Doc:
    links = site.links(f"products/{parent}/variations/{number}", f"products/{parent}/variations")
    links["up"] = [{"href": f"{site.api}/products/{parent}"}]
    return links


def globally(site: Site, number: int, body: bytes) -> bytes:
    """A variation's bytes for the store-wide list, whose links, at the end, are wrong."""
    links = site.links(f"variations/{number}", "variations", [])
    links["up"] = [{"href": f"{site.api}/products/0"}]
    mark = b',"_links":'
    return body[: body.rindex(mark)] + mark + encode(links) + b"}"


def as_product(site: Site, variation: Doc, parent: Doc) -> Doc:
    """The same as `/products/<id of the variation>` answers it: a product of type `variation`."""
    skipped = ("image", "gallery_image_ids", "_links")
    doc: Doc = {key: parent[key] for key in parent if key != "_links"}
    doc.update({key: value for key, value in variation.items() if key not in skipped})
    title = f"{parent['name']} - {variation['name']}"
    doc.update(
        name=title,
        slug=slug_of(title),
        type="variation",
        featured=False,
        catalog_visibility="visible",
        short_description="",
        sold_individually=False,
        total_sales="0",
        shipping_required=True,
        shipping_taxable=True,
        reviews_allowed=False,
        parent_id=variation["parent_id"],
        purchase_note="",
        categories=[],
        tags=[],
        images=[variation["image"]] if variation["image"] else [],
        default_attributes=[],
        variations=[],
        grouped_products=[],
        related_ids=[],
        price_html=price_html(variation["price"]),
        has_options=False,
        external_url="",
        button_text="",
    )
    doc["_links"] = site.links(f"products/{variation['id']}", "products")
    doc["_links"]["up"] = [{"href": f"{site.api}/products/{variation['parent_id']}"}]
    return doc


def sum_up(doc: Doc, variations: list[Doc]) -> None:
    """A variable product shows its variations' ids and price range; a trashed one shows none."""
    if doc["type"] != "variable":
        return
    shown = [] if doc["status"] == "trash" else [v for v in variations if v["status"] != "trash"]
    doc["variations"] = [variation["id"] for variation in shown]
    prices = sorted((v["price"] for v in shown if v["price"]), key=cents)
    doc["price"] = prices[0] if prices else ""
    doc["price_html"] = price_html(prices[0], prices[-1]) if prices else ""
    doc["on_sale"] = any(v["on_sale"] for v in shown)


def restock(doc: Doc, quantity: int | None) -> None:
    """Set a counted stock and what follows from it."""
    doc["manage_stock"] = quantity is not None
    doc["stock_quantity"] = quantity
    if quantity is not None:
        doc["stock_status"] = "instock" if quantity > 0 else "outofstock"


def product_row(doc: Doc) -> Row:
    """What lists need to know of a product or variation."""
    return Row(
        id=doc["id"],
        created=read(doc["date_created_gmt"]),
        modified=read(doc["date_modified_gmt"]),
        status=doc["status"],
        kind=doc["type"],
        sku=doc["sku"],
        parent=doc["parent_id"],
        name=doc["name"],
    )
