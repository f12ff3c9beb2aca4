"""Fields that are more than a value of their document, by type and name.

Each is a function of what is asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from storelink.sandbox.shopify import ids
from storelink.sandbox.shopify.amounts import money
from storelink.sandbox.shopify.context import Ask
from storelink.sandbox.shopify.customers import display_name
from storelink.sandbox.shopify.metafields import metafield, metafields
from storelink.sandbox.shopify.parts import MOST_ITEMS, Page, Part, list_page, page_of
from storelink.sandbox.shopify.products import inventory_item
from storelink.sandbox.shopify.refusal import not_implemented
from storelink.sandbox.shopify.roots import location, node_of, rows_of, sort_key
from storelink.sandbox.shopify.suggest import suggested_refund

Args = Mapping[str, Any]

Field = Callable[[Ask], Any]


def _legacy(ask: Ask) -> str:
    return str(ask.source["id"])


def _first(parts: list[Any], args: Args) -> list[Any]:
    return parts if args.get("first") is None else parts[: args["first"]]


# products and variants


def _variants(ask: Ask) -> Page:
    store = ask.run.graph.store
    rows = store.drawers["variants"].rows
    found = [rows[number] for number in store.variants_of(ask.source["id"])]
    sort = ask.args.get("sortKey") or "POSITION"
    # one product at the root may show all its variants at once, when nothing else is asked (facts §4)
    alone = ask.run.roots == 1 and ask.path.prev is not None and ask.path.prev.prev is None
    most = store.site.max_variants if alone and ask.run.single else MOST_ITEMS

    def load(row: Any) -> Any:
        return store.doc("variants", row.id)

    if sort == "POSITION":  # they are numbered as they are placed
        return page_of(ask.run, ask.args, found, lambda row: ("position", row.id), load, most)
    key = sort_key("variants", sort)
    return page_of(ask.run, ask.args, sorted(found, key=key), key, load, most)


def _variants_count(ask: Ask) -> Any:
    return {"count": ask.source["_variants"], "precision": "EXACT"}


def _options(ask: Ask) -> Any:
    base = ask.source["id"] * 8
    made = [
        {
            "__typename": "ProductOption",
            "id": ids.gid("ProductOption", base + place),
            "position": place,
            "linkedMetafield": None,
            **option,
        }
        for place, option in enumerate(ask.source["_options"], 1)
    ]
    return _first(made, ask.args)


def _image(ask: Ask) -> Any:
    url = ask.source["_image"]
    if url is None:
        return None
    image = {
        "__typename": "Image",
        "id": ids.gid("ImageSource", ask.source["id"]),
        "url": url,
        "altText": ask.source["title"],
        "width": 800,
        "height": 800,
    }
    return {
        "__typename": "MediaImage",
        "id": ids.gid("MediaImage", ask.source["id"]),
        "alt": ask.source["title"],
        "mediaContentType": "IMAGE",
        "status": "READY",
        "image": image,
        "preview": {"image": image, "status": "READY"},
    }


def _price_range(ask: Ask) -> Any:
    currency = ask.run.graph.store.site.currency
    return {
        "minVariantPrice": money(ask.source["_low"], currency),
        "maxVariantPrice": money(ask.source["_high"], currency),
    }


def _product_of_variant(ask: Ask) -> Any:
    return ask.run.graph.store.doc("products", ask.source["_product"])


def _inventory(ask: Ask) -> Any:
    return inventory_item(ask.source, ask.run.graph.store.site.currency)


def _variants_of_item(ask: Ask) -> Page:
    """The one variant that a stock item belongs to."""
    found = ask.run.graph.store.doc("variants", ask.source["id"] - ids.INVENTORY)
    return list_page(ask.run, ask.args, [] if found is None else [found])


# customers


def _display_name(ask: Ask) -> str:
    return display_name(ask.source)


def _email(ask: Ask) -> Any:
    if ask.source["_email"] is None or ask.run.context.protected != "granted":
        return None
    return {
        "emailAddress": ask.source["_email"],
        "marketingState": ask.source["_marketing"],
        "validFormat": "@" in ask.source["_email"],
    }


def _phone(ask: Ask) -> Any:
    if ask.source["_phone"] is None or ask.run.context.protected != "granted":
        return None
    return {"phoneNumber": ask.source["_phone"]}


def _default_address(ask: Ask) -> Any:
    return next(iter(ask.source["_addresses"]), None)


def _addresses(ask: Ask) -> Page:
    return list_page(ask.run, ask.args, ask.source["_addresses"])


def _order_count(ask: Ask) -> str:
    return str(ask.source["_orders"])


def _spent(ask: Ask) -> Any:
    return money(ask.source["_spent"], ask.run.graph.store.site.currency)


def _can_delete(ask: Ask) -> bool:
    return bool(ask.source["_orders"] == 0)


def _orders_of_customer(ask: Ask) -> Page:
    sort = ask.args.get("sortKey") or "ID"
    rows = rows_of(ask.run, "orders", ask.path, ask.args, sort)
    own = [row for row in rows if row.parent == ask.source["id"]]
    return page_of(
        ask.run, ask.args, own, sort_key("orders", sort), lambda row: node_of(ask.run, "orders", row.id)
    )


# orders and what hangs on them


def _part(name: str) -> Field:
    def resolve(ask: Ask) -> Page:
        owner = getattr(ask.source, "owner", ask.source)
        return list_page(ask.run, ask.args, ask.source[name], lambda part: Part(part, owner))

    return resolve


def _list(name: str) -> Field:
    def resolve(ask: Ask) -> list[Part]:
        owner = getattr(ask.source, "owner", ask.source)
        return [Part(part, owner) for part in _first(ask.source[name], ask.args)]

    return resolve


def _link(kind: str, name: str) -> Field:
    """Another record; None where there is none, or no more."""

    def resolve(ask: Ask) -> Any:
        number = ask.source[name]
        return None if number is None else node_of(ask.run, kind, number)

    return resolve


def _sibling(place: str, name: str) -> Field:
    """Another part of the same order."""

    def resolve(ask: Ask) -> Any:
        owner, number = ask.source.owner, ask.source[name]
        return next((Part(part, owner) for part in owner[place] if part["id"] == number), None)

    return resolve


def _owner(ask: Ask) -> Any:
    return ask.source.owner


def _address(name: str) -> Field:
    def resolve(ask: Ask) -> Any:
        address = ask.source[name]
        if address is None:
            return None
        # an order's address has a number only together with the model's name (facts §6)
        number = ids.part_number("MailingAddress", ask.source["id"], "orders", 1 if name == "_billing" else 2)
        return {**address, "id": f"gid://shopify/MailingAddress/{number + 10**16}?model_name=OrderAddress"}

    return resolve


def _transactions(ask: Ask) -> Any:
    if ask.args.get("capturable") is not None or ask.args.get("manuallyResolvable") is not None:
        raise not_implemented("which transactions are capturable or manually resolvable")
    return [Part(part, ask.source) for part in _first(ask.source["_transactions"], ask.args)]


def _transactions_count(ask: Ask) -> Any:
    return {"count": len(ask.source["_transactions"]), "precision": "EXACT"}


def _refund_transactions(ask: Ask) -> Page:
    owner = ask.source.owner
    own = [part for part in owner["_transactions"] if part["id"] in ask.source["_transactions"]]
    return list_page(ask.run, ask.args, own, lambda part: Part(part, owner))


def _shipping_lines(ask: Ask) -> Page:
    parts = ask.source["_deliveries"]
    if not ask.args.get("includeRemovals"):
        parts = [part for part in parts if not part["isRemoved"]]
    return list_page(ask.run, ask.args, parts, lambda part: Part(part, ask.source))


def _allocations(ask: Ask) -> Any:
    if not ask.source["_discount"]:
        return []
    # part_of an order-wide code: which application it belongs to is not kept
    return [Part({"allocatedAmountSet": ask.source["_discount"]}, ask.source.owner)]


def _discounted_total(ask: Ask) -> Any:
    if ask.args.get("withCodeDiscounts"):
        return ask.source["originalTotalSet"] - ask.source["_discount"]
    return ask.source["discountedTotalSet"]


def _restock_place(ask: Ask) -> Any:
    return location() if ask.source["restocked"] else None


def _no_allocations(_ask: Ask) -> Any:
    return []


FIELDS: dict[tuple[str, str], Field] = {
    ("Product", "variants"): _variants,
    ("Product", "variantsCount"): _variants_count,
    ("Product", "options"): _options,
    ("Product", "featuredMedia"): _image,
    ("Product", "priceRangeV2"): _price_range,
    ("ProductVariant", "product"): _product_of_variant,
    ("ProductVariant", "inventoryItem"): _inventory,
    ("InventoryItem", "variants"): _variants_of_item,
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
    ("Order", "suggestedRefund"): suggested_refund,
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
