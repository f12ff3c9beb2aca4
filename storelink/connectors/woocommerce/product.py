"""A product with its variations, from WooCommerce's JSON to one row per sellable unit. Pure.

The raw record is the product as `GET /products/<id>` gives it, plus our key `variation_details`: its
variations as `GET /products/<id>/variations` gives them, where it is a variable product.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#products
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from storelink.connectors.money import amount
from storelink.connectors.protocol import Ignored, Rows
from storelink.connectors.rows import Json, ProductRow
from storelink.connectors.storable import json_text
from storelink.connectors.text import line, paragraphs, short, text
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.moment import moment
from storelink.connectors.woocommerce.shape import Record, a_list, record_id, records

Settings = Mapping[str, Any]

VOLATILE = (
    "_links",  # says http or https as the request came, and grows with every plugin
    "related_ids",  # drawn at random from the product's categories
    "price_html",  # how the theme shows the price: tax display, currency plugins, visitor's country
    "total_sales",  # grows with every sale and moves no date; the orders say it better
)
VARIATION_VOLATILE = (*VOLATILE, "product")
"""`product` is where the product's own fields are kept."""


def normalize_product(raw: Record, settings: Settings) -> Rows | Ignored:
    """Rows of a product: its variations, itself, or none if it only groups others. Raises `Unfit`."""
    key = record_id(raw.get("id"), "id")
    kind = text(raw.get("type"), "type") or "simple"
    if kind == "variation":
        return Ignored(key, "a variation comes with its product")
    status = text(raw.get("status"), "status") or "publish"
    if status == "auto-draft":
        return Ignored(key, "a product in status auto-draft is not saved yet")
    listed = variation_ids(raw)
    version = moment(raw, "date_modified", settings)
    if is_variable(raw):
        products, version = _variations(raw, key, listed, version, settings)
    elif kind == "grouped":
        products = []  # it is a page that shows other products; those are sold
    else:
        products = [_simple(raw, key, version, settings)]
    return Rows(
        id=key,
        version=version,
        trashed=status == "trash",
        parts=tuple(sorted(listed)),
        products=products,
    )


def is_variable(raw: Mapping[str, Any]) -> bool:
    """Whether a product is sold as its variations. Plugins have kinds of their own."""
    return str(raw.get("type")).startswith("variable") or bool(raw.get("variations"))


def variation_ids(raw: Mapping[str, Any]) -> list[str]:
    """The ids that the product names. Raises `Unfit`."""
    named = raw.get("variations")
    if not named:
        return []
    return [record_id(value, "variations") for value in a_list(named, "variations")]


def _simple(raw: Record, key: str, version: datetime | None, settings: Settings) -> ProductRow:
    kept = {name: value for name, value in raw.items() if name not in VOLATILE}
    kept.pop("variation_details", None)
    return _row(raw, raw, key, key, json_text({"product": kept}), version, settings)


def _variations(
    raw: Record, key: str, listed: Sequence[str], version: datetime | None, settings: Settings
) -> tuple[list[ProductRow], datetime | None]:
    details = raw.get("variation_details")
    if details is None and listed:
        raise Unfit("variation_details is missing: the product was read without its variations")
    product = {name: value for name, value in raw.items() if name not in VOLATILE}
    product.pop("variation_details", None)
    rows: dict[str, ProductRow] = {}
    for place, detail in enumerate(records(details, "variation_details")):
        try:
            variant_id = record_id(detail.get("id"), "id")
            changed = moment(detail, "date_modified", settings)
            kept = {name: part for name, part in detail.items() if name not in VARIATION_VOLATILE}
            kept["product"] = product
            later = max(filter(None, (version, changed)), default=None)
            rows[variant_id] = _row(detail, raw, key, variant_id, json_text(kept), later, settings)
        except Unfit as error:
            raise error.within(f"variation_details[{place}]") from None
    ordered = [rows[variant_id] for variant_id in sorted(rows, key=int)]
    versions = [row.source_updated_at for row in ordered if row.source_updated_at]
    return ordered, max(versions, default=version)


def _row(
    unit: Record,
    product: Record,
    product_id: str,
    variant_id: str,
    metadata: Json,
    version: datetime | None,
    settings: Settings,
) -> ProductRow:
    """One sellable unit; `unit` is the product itself where it has no variations."""
    status = _status(unit, product)
    on_sale = unit.get("on_sale") is True
    options = None if unit is product else _options(unit)
    return ProductRow(
        variant_id=variant_id,
        sku=short(unit.get("sku"), "sku"),
        product_id=product_id,
        title=line(product.get("name"), "name") or "",
        variant_title=None if unit is product else _variant_title(unit, options),
        description=_description(unit, product),
        price=amount(unit.get("price"), "price"),
        compare_at_price=amount(unit.get("regular_price"), "regular_price") if on_sale else None,
        currency=text(settings.get("currency"), "currency"),
        available=status == "publish" and _can_be_bought(unit),
        inventory_quantity=_stock(unit, product),
        status=status,
        vendor=_vendor(product),
        product_type=text(unit.get("type"), "type"),
        options=json_text(options) if options is not None else None,
        image_url=_picture(unit, product),
        url=text(unit.get("permalink"), "permalink"),
        metadata=metadata,
        source_created_at=moment(unit, "date_created", settings),
        source_updated_at=version,
    )


def _status(unit: Record, product: Record) -> str:
    """The unit's own status; its product's while that is not published."""
    own = text(unit.get("status"), "status") or "publish"
    above = text(product.get("status"), "status") or "publish"
    return own if above == "publish" else above


def _can_be_bought(unit: Record) -> bool:
    """As WooCommerce counts it, for somebody who is not signed in."""
    if unit.get("purchasable") is not True:
        return False
    in_stock = unit.get("stock_status") in ("instock", "onbackorder")
    return in_stock or unit.get("backorders_allowed") is True


def _stock(unit: Record, product: Record) -> Decimal | None:
    """Units in stock, None where the store does not count them; a product may count for all."""
    counts = unit.get("manage_stock")
    if not counts:
        return None
    own = amount(unit.get("stock_quantity"), "stock_quantity")
    if own is None and counts == "parent":
        return amount(product.get("stock_quantity"), "stock_quantity")
    return own


def _options(unit: Record) -> list[dict[str, str]]:
    """What this variation fixes; "any size" fixes nothing."""
    found = []
    for option in records(unit.get("attributes"), "attributes"):
        name, value = line(option.get("name"), "name"), line(option.get("option"), "option")
        if value:
            found.append({"name": name or "", "value": value})
    return found


def _variant_title(unit: Record, options: Sequence[Mapping[str, str]] | None) -> str | None:
    joined = " / ".join(option["value"] for option in options or ())
    return joined or line(unit.get("name"), "name")


def _description(unit: Record, product: Record) -> str | None:
    for source, name in ((unit, "description"), (product, "description"), (product, "short_description")):
        if source.get(name) and (found := paragraphs(source[name], name)):
            return found
    return None


def _vendor(product: Record) -> str | None:
    for brand in records(product.get("brands"), "brands"):
        if name := line(brand.get("name"), "brands.name"):
            return name
    return None


def _picture(unit: Record, product: Record) -> str | None:
    own = unit.get("image")
    if isinstance(own, dict) and (found := text(own.get("src"), "image.src")):
        return found
    for image in records(product.get("images"), "images"):
        if found := text(image.get("src"), "images.src"):
            return found
    return None


def rebuild_product(rows: Sequence[Mapping[str, Any]]) -> Record:
    """The raw product from the rows of its units.

    `metadata` always has the product's own fields under `product`; a variation's stand beside it,
    and a simple product has nothing beside it.
    """
    units = [row["metadata"] or {} for row in rows]
    product: Record = dict(units[0].get("product") or {})
    details = [{name: part for name, part in unit.items() if name != "product"} for unit in units]
    details = [detail for detail in details if detail]
    if details or is_variable(product):
        product["variation_details"] = details
    return product
