"""Fields that are more than a value of their document, by type and name.

Each is a function of (run, source, path, arguments).
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql.pyutils import Path

from storelink.sandbox.shopify import ids
from storelink.sandbox.shopify.amounts import money
from storelink.sandbox.shopify.context import Run
from storelink.sandbox.shopify.customers import display_name
from storelink.sandbox.shopify.metafields import metafield, metafields
from storelink.sandbox.shopify.parts import MOST_ITEMS, Page, Part, list_page, page_of
from storelink.sandbox.shopify.products import inventory_item
from storelink.sandbox.shopify.refusal import not_implemented
from storelink.sandbox.shopify.roots import location, node_of, rows_of, sort_key

Args = Mapping[str, Any]

Field = Callable[[Run, Any, Path, Args], Any]


def _legacy(run: Run, source: Any, path: Path, args: Args) -> str:
    return str(source["id"])


def _first(parts: list[Any], args: Args) -> list[Any]:
    return parts if args.get("first") is None else parts[: args["first"]]


# products and variants


def _variants(run: Run, source: Any, path: Path, args: Args) -> Page:
    store = run.graph.store
    rows = store.drawers["variants"].rows
    found = [rows[number] for number in store.variants_of(source["id"])]
    sort = args.get("sortKey") or "POSITION"
    # one product at the root may show all its variants at once, when nothing else is asked (facts §4)
    alone = run.roots == 1 and path.prev is not None and path.prev.prev is None
    most = store.site.max_variants if alone and run.single else MOST_ITEMS

    def load(row: Any) -> Any:
        return store.doc("variants", row.id)

    if sort == "POSITION":  # they are numbered as they are placed
        return page_of(run, args, found, lambda row: ("position", row.id), load, most)
    key = sort_key("variants", sort)
    return page_of(run, args, sorted(found, key=key), key, load, most)


def _variants_count(run: Run, source: Any, path: Path, args: Args) -> Any:
    return {"count": source["_variants"], "precision": "EXACT"}


def _options(run: Run, source: Any, path: Path, args: Args) -> Any:
    base = source["id"] * 8
    made = [
        {
            "__typename": "ProductOption",
            "id": ids.gid("ProductOption", base + place),
            "position": place,
            "linkedMetafield": None,
            **option,
        }
        for place, option in enumerate(source["_options"], 1)
    ]
    return _first(made, args)


def _image(run: Run, source: Any, path: Path, args: Args) -> Any:
    url = source["_image"]
    if url is None:
        return None
    image = {
        "__typename": "Image",
        "id": ids.gid("ImageSource", source["id"]),
        "url": url,
        "altText": source["title"],
        "width": 800,
        "height": 800,
    }
    return {
        "__typename": "MediaImage",
        "id": ids.gid("MediaImage", source["id"]),
        "alt": source["title"],
        "mediaContentType": "IMAGE",
        "status": "READY",
        "image": image,
        "preview": {"image": image, "status": "READY"},
    }


def _price_range(run: Run, source: Any, path: Path, args: Args) -> Any:
    currency = run.graph.store.site.currency
    return {
        "minVariantPrice": money(source["_low"], currency),
        "maxVariantPrice": money(source["_high"], currency),
    }


def _product_of_variant(run: Run, source: Any, path: Path, args: Args) -> Any:
    return run.graph.store.doc("products", source["_product"])


def _inventory(run: Run, source: Any, path: Path, args: Args) -> Any:
    return inventory_item(source, run.graph.store.site.currency)


# customers


def _display_name(run: Run, source: Any, path: Path, args: Args) -> str:
    return display_name(source)


def _email(run: Run, source: Any, path: Path, args: Args) -> Any:
    if source["_email"] is None or run.context.protected != "granted":
        return None
    return {
        "emailAddress": source["_email"],
        "marketingState": source["_marketing"],
        "validFormat": "@" in source["_email"],
    }


def _phone(run: Run, source: Any, path: Path, args: Args) -> Any:
    if source["_phone"] is None or run.context.protected != "granted":
        return None
    return {"phoneNumber": source["_phone"]}


def _default_address(run: Run, source: Any, path: Path, args: Args) -> Any:
    return next(iter(source["_addresses"]), None)


def _addresses(run: Run, source: Any, path: Path, args: Args) -> Page:
    return list_page(run, args, source["_addresses"])


def _order_count(run: Run, source: Any, path: Path, args: Args) -> str:
    return str(source["_orders"])


def _spent(run: Run, source: Any, path: Path, args: Args) -> Any:
    return money(source["_spent"], run.graph.store.site.currency)


def _can_delete(run: Run, source: Any, path: Path, args: Args) -> bool:
    return bool(source["_orders"] == 0)


def _orders_of_customer(run: Run, source: Any, path: Path, args: Args) -> Page:
    sort = args.get("sortKey") or "ID"
    rows = rows_of(run, "orders", path, args, sort)
    own = [row for row in rows if row.parent == source["id"]]
    return page_of(run, args, own, sort_key("orders", sort), lambda row: node_of(run, "orders", row.id))


# orders and what hangs on them


def _part(name: str) -> Field:
    def resolve(run: Run, source: Any, path: Path, args: Args) -> Page:
        owner = getattr(source, "owner", source)
        return list_page(run, args, source[name], lambda part: Part(part, owner))

    return resolve


def _list(name: str) -> Field:
    def resolve(run: Run, source: Any, path: Path, args: Args) -> list[Part]:
        owner = getattr(source, "owner", source)
        return [Part(part, owner) for part in _first(source[name], args)]

    return resolve


def _link(kind: str, name: str) -> Field:
    """Another record; None where there is none, or no more."""

    def resolve(run: Run, source: Any, path: Path, args: Args) -> Any:
        number = source[name]
        return None if number is None else node_of(run, kind, number)

    return resolve


def _sibling(place: str, name: str) -> Field:
    """Another part of the same order."""

    def resolve(run: Run, source: Any, path: Path, args: Args) -> Any:
        owner, number = source.owner, source[name]
        return next((Part(part, owner) for part in owner[place] if part["id"] == number), None)

    return resolve


def _owner(run: Run, source: Any, path: Path, args: Args) -> Any:
    return source.owner


def _address(name: str) -> Field:
    def resolve(run: Run, source: Any, path: Path, args: Args) -> Any:
        address = source[name]
        if address is None:
            return None
        # an order's address has a number only together with the model's name (facts §6)
        number = ids.part_number("MailingAddress", source["id"], "orders", 1 if name == "_billing" else 2)
        return {**address, "id": f"gid://shopify/MailingAddress/{number + 10**16}?model_name=OrderAddress"}

    return resolve


def _transactions(run: Run, source: Any, path: Path, args: Args) -> Any:
    if args.get("capturable") is not None or args.get("manuallyResolvable") is not None:
        raise not_implemented("which transactions are capturable or manually resolvable")
    return [Part(part, source) for part in _first(source["_transactions"], args)]


def _transactions_count(run: Run, source: Any, path: Path, args: Args) -> Any:
    return {"count": len(source["_transactions"]), "precision": "EXACT"}


def _refund_transactions(run: Run, source: Any, path: Path, args: Args) -> Page:
    owner = source.owner
    own = [part for part in owner["_transactions"] if part["id"] in source["_transactions"]]
    return list_page(run, args, own, lambda part: Part(part, owner))


def _shipping_lines(run: Run, source: Any, path: Path, args: Args) -> Page:
    parts = source["_deliveries"]
    if not args.get("includeRemovals"):
        parts = [part for part in parts if not part["isRemoved"]]
    return list_page(run, args, parts, lambda part: Part(part, source))


def _allocations(run: Run, source: Any, path: Path, args: Args) -> Any:
    if not source["_discount"]:
        return []
    # part_of an order-wide code: which application it belongs to is not kept
    return [Part({"allocatedAmountSet": source["_discount"]}, source.owner)]


def _discounted_total(run: Run, source: Any, path: Path, args: Args) -> Any:
    if args.get("withCodeDiscounts"):
        return source["originalTotalSet"] - source["_discount"]
    return source["discountedTotalSet"]


def _restock_place(run: Run, source: Any, path: Path, args: Args) -> Any:
    return location() if source["restocked"] else None


def _no_allocations(run: Run, source: Any, path: Path, args: Args) -> Any:
    return []


FIELDS: dict[tuple[str, str], Field] = {
    ("Product", "variants"): _variants,
    ("Product", "variantsCount"): _variants_count,
    ("Product", "options"): _options,
    ("Product", "featuredMedia"): _image,
    ("Product", "priceRangeV2"): _price_range,
    ("ProductVariant", "product"): _product_of_variant,
    ("ProductVariant", "inventoryItem"): _inventory,
    ("Customer", "displayName"): _display_name,
    ("Customer", "defaultEmailAddress"): _email,
    ("Customer", "defaultPhoneNumber"): _phone,
    ("Customer", "defaultAddress"): _default_address,
    ("Customer", "addressesV2"): _addresses,
    ("Customer", "numberOfOrders"): _order_count,
    ("Customer", "amountSpent"): _spent,
    ("Customer", "canDelete"): _can_delete,
    ("Customer", "orders"): _orders_of_customer,
    ("Order", "customer"): _link("customers", "_customer"),
    ("Order", "lineItems"): _part("_lines"),
    ("Order", "shippingLines"): _shipping_lines,
    ("Order", "transactions"): _transactions,
    ("Order", "transactionsCount"): _transactions_count,
    ("Order", "refunds"): _list("_refunds"),
    ("Order", "shippingAddress"): _address("_shipping"),
    ("Order", "billingAddress"): _address("_billing"),
    ("LineItem", "product"): _link("products", "_product"),
    ("LineItem", "variant"): _link("variants", "_variant"),
    ("LineItem", "taxLines"): _list("_taxes"),
    ("LineItem", "discountAllocations"): _allocations,
    ("LineItem", "discountedTotalSet"): _discounted_total,
    ("ShippingLine", "taxLines"): _list("_taxes"),
    ("ShippingLine", "discountAllocations"): _no_allocations,
    ("OrderTransaction", "parentTransaction"): _sibling("_transactions", "_parent"),
    ("OrderTransaction", "order"): _owner,
    ("Refund", "order"): _owner,
    ("Refund", "refundLineItems"): _part("_lines"),
    ("Refund", "refundShippingLines"): _part("_shipping"),
    ("Refund", "orderAdjustments"): _part("_adjustments"),
    ("Refund", "transactions"): _refund_transactions,
    ("RefundLineItem", "lineItem"): _sibling("_lines", "_line"),
    ("RefundLineItem", "location"): _restock_place,
    ("RefundShippingLine", "shippingLine"): _sibling("_deliveries", "_line"),
    **{
        (kind, "legacyResourceId"): _legacy
        for kind in ("Product", "ProductVariant", "Customer", "Order", "Refund", "InventoryItem")
    },
    **{(kind, "metafields"): metafields for kind in ("Product", "ProductVariant", "Customer", "Order")},
    **{(kind, "metafield"): metafield for kind in ("Product", "ProductVariant", "Customer", "Order")},
}
