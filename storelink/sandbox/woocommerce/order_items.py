"""Lines of an order as a write request gives them (facts §5)."""

from typing import Any

from storelink.sandbox.money import amount, apply_percent, cents, ratio
from storelink.sandbox.shop import Coupon
from storelink.sandbox.woocommerce.answers import Refused
from storelink.sandbox.woocommerce.body import Body, items
from storelink.sandbox.woocommerce.orders import coupon_doc, item_meta
from storelink.sandbox.woocommerce.store import Store
from storelink.sandbox.woocommerce.totals import COUPONS

Doc = dict[str, Any]
_NULLABLE = ("product_id", "method_id", "method_title", "name", "code")


def set_items(store: Store, doc: Doc, group: str, value: Any) -> None:
    """Add, change or remove lines of one group: line_items, fee_lines or shipping_lines."""
    for posted in items(value):
        number = posted.get("id") or 0
        held = next((part for part in doc[group] if part["id"] == number), None)
        gone = any(name in posted and posted[name] is None for name in _NULLABLE)
        if gone or posted.get("quantity") == 0:
            doc[group] = [part for part in doc[group] if part["id"] != number]
            continue
        if number and held is None:
            raise Refused(
                400,
                "woocommerce_rest_invalid_item_id",
                "Order item ID provided is not associated with order.",
            )
        if held is None:
            held = _BLANKS[group](store, posted)
            doc[group].append(held)
        _fill(store, held, posted)


def _fill(store: Store, part: Doc, posted: Body) -> None:
    for name in ("name", "method_title", "method_id", "instance_id", "tax_class", "tax_status"):
        if name in posted and name in part:
            part[name] = str(posted[name])
    if "quantity" in posted and "quantity" in part:
        part["quantity"] = int(posted["quantity"])
    for name in ("total", "subtotal"):
        if name in posted and name in part:
            part[name] = amount(cents(posted[name]))
    if "price" in part:
        part["price"] = ratio(cents(part["total"]), part["quantity"])
    for meta in items(posted.get("meta_data")):
        key, value = str(meta.get("key", "")), meta.get("value")
        part["meta_data"].append(item_meta(store.numbers, key, str(value)))


def _find(store: Store, posted: Body) -> tuple[Doc | None, Doc | None]:
    """The product and the variation a line names."""
    if posted.get("sku"):
        sku = str(posted["sku"])
        for kind in ("products", "variations"):
            rows = store.drawers[kind].rows.values()
            found = next((row.id for row in rows if row.sku == sku and row.status != "trash"), None)
            if found is not None:
                return _pair(store, found)
        return None, None
    number = posted.get("variation_id") or posted.get("product_id")
    if not number:
        raise Refused(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
    return _pair(store, int(number))


def _pair(store: Store, number: int) -> tuple[Doc | None, Doc | None]:
    variation = store.doc("variations", number)
    if variation is not None:
        return store.doc("products", variation["parent_id"]), variation
    return store.doc("products", number), None


def _new_line(store: Store, posted: Body) -> Doc:
    product, variation = _find(store, posted)
    quantity = int(posted.get("quantity", 1))
    sold = variation or product
    total = amount(cents(sold["price"] or "0") * quantity) if sold else amount(0)
    name = "" if product is None else product["name"]
    metas = []
    if product is not None and variation is not None:
        name = f"{name} - {variation['name']}"
        for part in variation["attributes"]:
            metas.append(item_meta(store.numbers, part["slug"], part["option"], part["name"]))
    return {
        "id": store.numbers.next_item(),
        "name": name,
        "product_id": product["id"] if product else 0,
        "variation_id": variation["id"] if variation else 0,
        "quantity": quantity,
        "tax_class": "",
        "subtotal": total,
        "subtotal_tax": amount(0),
        "total": total,
        "total_tax": amount(0),
        "taxes": [],
        "meta_data": metas,
        "sku": sold["sku"] if sold else None,
        "global_unique_id": "" if sold else None,
        "price": ratio(cents(total), quantity),
        "image": {"id": "" if sold and not variation else 0, "src": ""},
        "parent_name": product["name"] if product and variation else None,
    }


def _new_fee(store: Store, posted: Body) -> Doc:
    return {
        "id": store.numbers.next_item(),
        "name": str(posted.get("name", "")),
        "tax_class": "",
        "tax_status": "taxable",
        "amount": "",
        "total": amount(0),
        "total_tax": amount(0),
        "taxes": [],
        "meta_data": [],
    }


def _new_delivery(store: Store, posted: Body) -> Doc:
    if not posted.get("method_id"):
        raise Refused(400, "woocommerce_rest_invalid_shipping_item", "Shipping method ID is required.")
    return {
        "id": store.numbers.next_item(),
        "method_title": "",
        "method_id": "",
        "instance_id": "",
        "total": amount(0),
        "total_tax": amount(0),
        "taxes": [],
        "tax_status": "taxable",
        "meta_data": [],
    }


_BLANKS = {"line_items": _new_line, "fee_lines": _new_fee, "shipping_lines": _new_delivery}


def apply_coupons(store: Store, doc: Doc, value: Any) -> None:
    """Take the coupons named off the lines, from their full prices on."""
    codes = []
    for posted in items(value):
        if posted.get("id"):
            raise Refused(400, "woocommerce_rest_coupon_item_id_readonly", "Coupon item ID is readonly.")
        code = str(posted.get("code", "")).lower()
        if not code:
            raise Refused(400, "woocommerce_rest_invalid_coupon", "Coupon code is required.")
        if code not in COUPONS:
            message = f'Coupon "{code}" cannot be applied because it does not exist.'
            raise Refused(400, "woocommerce_rest_invalid_coupon", message)
        codes.append(code)
    lines = doc["line_items"]
    for line in lines:
        line["total"] = line["subtotal"]
    doc["coupon_lines"] = []
    for code in codes:
        off = apply_percent([cents(line["total"]) for line in lines], COUPONS[code])
        taken = 0
        for line, less in zip(lines, off, strict=True):
            line["total"] = amount(cents(line["total"]) - less)
            line["price"] = ratio(cents(line["total"]), line["quantity"])
            taken += _cut_taxes(line, less)
        coupon = Coupon(code, COUPONS[code], sum(off), taken)
        doc["coupon_lines"].append(coupon_doc(store.numbers, coupon))


def _cut_taxes(line: Doc, less: int) -> int:
    """What a discount on a line saves in taxes, cut to the cent per rate."""
    from storelink.sandbox.money import RATES

    numbers = [tax["id"] for tax in line["taxes"]]
    return sum(less * rate.share // 100_000 for rate in RATES if rate.number in numbers)
