"""A product with its variants, from Shopify's JSON to one row per variant. Pure.

The raw record is the `Product` with `variants` as a plain list, whole: Shopify has up to 2,048 of
them, and a product that was read without some would lose them in our tables.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Product and …/objects/ProductVariant
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from storelink.connectors.money import amount
from storelink.connectors.protocol import Rows
from storelink.connectors.rows import Json, ProductRow
from storelink.connectors.shopify.moment import moment, needed
from storelink.connectors.shopify.shape import Record, an_object, flag, gid, records, word
from storelink.connectors.storable import json_text
from storelink.connectors.text import one_line, paragraphs, short, text
from storelink.connectors.unfit import Unfit

Settings = Mapping[str, Any]

SOLD = frozenset(("ACTIVE", "UNLISTED"))
"""An unlisted product is sold to who has its address."""


def normalize_product(raw: Record, settings: Settings) -> Rows:
    """Rows of a product's variants. Raises `Unfit`.

    The record's version is the product's `updatedAt`, which is what lists show; a row's is the later
    of its own and the product's.
    """
    key = gid(raw.get("id"), "Product", "id")
    version = needed(raw.get("updatedAt"), "updatedAt")
    product = {name: value for name, value in raw.items() if name != "variants"}
    shared = _Shared(raw, key, version, settings)
    rows: dict[str, ProductRow] = {}
    for place, variant in enumerate(records(raw, "variants")):
        try:
            row = shared.row(variant, json_text({**variant, "product": product}))
        except Unfit as error:
            raise error.within(f"variants[{place}]") from None
        if row.variant_id in rows:
            raise Unfit("variants has one id twice")
        rows[row.variant_id] = row
    if not rows:
        raise Unfit("variants is empty, and every product has one at least")
    ordered = [rows[variant_id] for variant_id in sorted(rows, key=int)]
    return Rows(id=key, version=version, parts=tuple(sorted(rows)), products=ordered)


class _Shared:
    """What a product's variants have in common, read once."""

    def __init__(self, raw: Record, key: str, version: datetime, settings: Settings) -> None:
        self.key = key
        self.version = version
        self.title = one_line(raw.get("title"), "title") or ""
        self.description = paragraphs(raw.get("descriptionHtml"), "descriptionHtml")
        self.status = word(raw, "status")
        self.vendor = one_line(raw.get("vendor"), "vendor")
        self.kind = one_line(raw.get("productType"), "productType")
        self.single = flag(raw, "hasOnlyDefaultVariant")
        self.image = _picture(raw)
        self.url = text(raw.get("onlineStoreUrl"), "onlineStoreUrl")
        self.currency = word(settings, "currency")

    def row(self, variant: Record, metadata: Json) -> ProductRow:
        """One variant; what stands for "no choice" in Shopify is null in the row."""
        variant_id = gid(variant.get("id"), "ProductVariant", "id")
        price = amount(variant.get("price"), "price")
        if price is None:
            raise Unfit("price is missing")
        changed = moment(variant.get("updatedAt"), "updatedAt")
        sold = self.status in SOLD
        return ProductRow(
            variant_id=variant_id,
            sku=short(variant.get("sku"), "sku"),
            product_id=self.key,
            title=self.title,
            variant_title=None if self.single else one_line(variant.get("title"), "title"),
            description=self.description,
            price=price,
            compare_at_price=_compare_at(variant, price),
            currency=self.currency,
            available=sold and flag(variant, "availableForSale"),
            inventory_quantity=_stock(variant),
            status=self.status.lower() if self.status else None,
            vendor=self.vendor,
            product_type=self.kind,
            options=None if self.single else json_text(_options(variant)),
            image_url=self.image,
            url=self._page(variant_id),
            metadata=metadata,
            source_created_at=moment(variant.get("createdAt"), "createdAt"),
            source_updated_at=max(self.version, changed) if changed else self.version,
        )

    def _page(self, variant_id: str) -> str | None:
        """The product's page, with the variant chosen; null where the shop does not show it."""
        if self.url is None or self.single:
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}variant={variant_id}"


def _compare_at(variant: Record, price: Decimal) -> Decimal | None:
    """The price it is compared with; one that is not higher is no offer, though Shopify keeps it."""
    found = amount(variant.get("compareAtPrice"), "compareAtPrice")
    return found if found is not None and found > price else None


def _stock(variant: Record) -> Decimal | None:
    """Units that can be sold, None where the shop does not count them. Below zero: sold, not there."""
    item = an_object(variant, "inventoryItem")
    if item.get("tracked") is False:
        return None
    return amount(variant.get("inventoryQuantity"), "inventoryQuantity")


def _options(variant: Record) -> list[dict[str, str]]:
    found = []
    for place, option in enumerate(records(variant, "selectedOptions")):
        where = f"selectedOptions[{place}]"
        name, value = one_line(option.get("name"), where), one_line(option.get("value"), where)
        if value:
            found.append({"name": name or "", "value": value})
    return found


def _picture(raw: Record) -> str | None:
    image = an_object(an_object(an_object(raw, "featuredMedia"), "preview"), "image")
    return text(image.get("url"), "featuredMedia.preview.image.url")


def rebuild_product(rows: Sequence[Mapping[str, Any]]) -> Record:
    """The raw product from the rows of its variants, each of which has the product's fields."""
    variants = [dict(row["metadata"] or {}) for row in rows]
    products = [variant.pop("product", None) for variant in variants]
    return {**(products[0] or {}), "variants": variants}
