"""Orders as JSON."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from storelink.sandbox.clock import read
from storelink.sandbox.drawer import Row
from storelink.sandbox.money import amount, discount_tax, ratio
from storelink.sandbox.shop import Address, Coupon, Delivery, Fee, Line, Order, Tax, TaxRate
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.products import metadata
from storelink.sandbox.woocommerce.site import STATUSES, SYMBOLS, VERSION, Site

Doc = dict[str, Any]

_TITLES = {
    "fakepay": "Credit card", "cod": "Cash on delivery", "bacs": "Direct bank transfer",
    "nopay": "Invoice",
}  # fmt: skip
EDITABLE = frozenset(("pending", "on-hold", "auto-draft", "checkout-draft"))
PAYABLE = frozenset(("pending", "failed"))


def address_doc(address: Address) -> Doc:
    """An address with an order's order of keys, without the e-mail."""
    return {
        "first_name": address.first,
        "last_name": address.last,
        "company": address.company,
        "address_1": address.line1,
        "address_2": address.line2,
        "city": address.city,
        "state": address.state,
        "postcode": address.postcode,
        "country": address.country,
        "phone": address.phone,
    }


def billing_doc(address: Address, email: str) -> Doc:
    doc = address_doc(address)
    phone = doc.pop("phone")
    return {**doc, "email": email, "phone": phone}


def shipping_doc(address: Address) -> Doc:
    return {**address_doc(address), "phone": ""}


def percent(rate: TaxRate) -> int | float:
    value = rate.share / 1000
    return int(value) if value == int(value) else value


def rate_code(rate: TaxRate) -> str:
    place = f"{rate.country}-{rate.state}" if rate.state else rate.country
    return f"{place}-{rate.label.upper()}-1"


def item_meta(numbers: Numbers, key: str, value: str, shown: str | None = None) -> Doc:
    return {
        "id": numbers.next_item_meta(),
        "key": key,
        "value": value,
        "display_key": key if shown is None else shown,
        "display_value": value,
    }


def line_taxes(taxes: Sequence[Tax], *, plain: bool = False) -> list[Doc]:
    """`plain`: fees and shipping have no price before discounts."""
    return [
        {
            "id": tax.rate.number,
            "total": amount(tax.after),
            "subtotal": "" if plain else amount(tax.before),
        }
        for tax in taxes
    ]


def line_doc(numbers: Numbers, line: Line, ids: tuple[int, int], parent_name: str | None) -> Doc:
    """An order line; `ids` are the product's and the variation's, both 0 where there is none."""
    product, variation = ids
    gone = product == 0
    metas = [item_meta(numbers, key, str(value)) for key, value in line.extra]
    if variation and not gone:
        label = line.title.rpartition(" - ")[2]
        metas.append(item_meta(numbers, "size", label, "Size"))
    return {
        "id": numbers.next_item(),
        "name": line.title,
        "product_id": product,
        "variation_id": variation,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": amount(line.subtotal),
        "subtotal_tax": amount(sum(tax.before for tax in line.taxes)),
        "total": amount(line.total),
        "total_tax": amount(sum(tax.after for tax in line.taxes)),
        "taxes": line_taxes(line.taxes),
        "meta_data": metas,
        "sku": None if gone else line.sku,
        "global_unique_id": None if gone else "",
        "price": ratio(line.total, line.quantity),
        "image": {"id": 0 if gone or variation else "", "src": ""},
        "parent_name": parent_name,
    }


def delivery_doc(numbers: Numbers, delivery: Delivery) -> Doc:
    return {
        "id": numbers.next_item(),
        "method_title": delivery.title,
        "method_id": "flat_rate",
        "instance_id": "1",
        "total": amount(delivery.total),
        "total_tax": amount(sum(tax.after for tax in delivery.taxes)),
        "taxes": line_taxes(delivery.taxes, plain=True),
        "tax_status": "taxable",
        "meta_data": [],
    }


def fee_doc(numbers: Numbers, fee: Fee) -> Doc:
    return {
        "id": numbers.next_item(),
        "name": fee.title,
        "tax_class": "",
        "tax_status": "taxable",
        "amount": "",
        "total": amount(fee.total),
        "total_tax": amount(sum(tax.after for tax in fee.taxes)),
        "taxes": line_taxes(fee.taxes, plain=True),
        "meta_data": [],
    }


def coupon_doc(numbers: Numbers, coupon: Coupon) -> Doc:
    info = f'[10,"{coupon.code}","percent",{coupon.percent}]'
    return {
        "id": numbers.next_item(),
        "code": coupon.code,
        "discount": amount(coupon.discount),
        "discount_tax": amount(coupon.discount_tax),
        "meta_data": [item_meta(numbers, "coupon_info", info)],
        "discount_type": "percent",
        "nominal_amount": coupon.percent,
        "free_shipping": False,
    }


def tax_line(numbers: Numbers, rate: TaxRate, goods: int, delivery: int) -> Doc:
    return {
        "id": numbers.next_item(),
        "rate_code": rate_code(rate),
        "rate_id": rate.number,
        "label": rate.label,
        "compound": rate.compound,
        "tax_total": amount(goods),
        "shipping_tax_total": amount(delivery),
        "rate_percent": percent(rate),
        "meta_data": [],
    }


def tax_lines(numbers: Numbers, order: Order) -> list[Doc]:
    """One per rate: what it takes of goods and fees, and of shipping."""
    goods: dict[TaxRate, int] = {}
    delivery: dict[TaxRate, int] = {}
    taken = [line.taxes for line in order.lines] + [fee.taxes for fee in order.fees]
    for tax in (tax for taxes in taken for tax in taxes):
        goods[tax.rate] = goods.get(tax.rate, 0) + tax.after
    for sent in order.deliveries:
        for tax in sent.taxes:
            delivery[tax.rate] = delivery.get(tax.rate, 0) + tax.after
    rates = dict.fromkeys((*goods, *delivery))
    return [tax_line(numbers, r, goods.get(r, 0), delivery.get(r, 0)) for r in rates]


def _taken(parts: Sequence[Line | Fee | Delivery]) -> int:
    return sum(tax.after for part in parts for tax in part.taxes)


def order_doc(
    site: Site,
    numbers: Numbers,
    order: Order,
    number: int,
    customer: int,
    lines: list[Doc],
) -> Doc:
    """An order of the generated shop; `lines` are made, refunds are added by the caller."""
    made, made_gmt = site.both(order.created)
    changed, changed_gmt = site.both(order.modified)
    paid, paid_gmt = site.both(order.paid)
    done, done_gmt = site.both(order.done)
    lines_tax = _taken(order.lines) + _taken(order.fees)
    delivery = sum(sent.total for sent in order.deliveries)
    delivery_tax = _taken(order.deliveries)
    total = sum(line.total for line in order.lines) + sum(fee.total for fee in order.fees)
    total += delivery + lines_tax + delivery_tax
    discount = sum(line.subtotal - line.total for line in order.lines)
    rates = next((tuple(t.rate for t in line.taxes) for line in order.lines), ())
    key = f"wc_order_{order.token}"
    status = STATUSES[order.state]
    doc: Doc = {
        "id": number,
        "parent_id": 0,
        "status": "trash" if order.trashed else status,
        "currency": order.currency,
        "version": VERSION,
        "prices_include_tax": site.prices_include_tax,
        "date_created": made,
        "date_modified": changed,
        "discount_total": amount(discount),
        "discount_tax": amount(discount_tax(discount, rates)),
        "shipping_total": amount(delivery),
        "shipping_tax": amount(delivery_tax),
        "cart_tax": amount(lines_tax),
        "total": amount(total),
        "total_tax": amount(lines_tax + delivery_tax),
        "customer_id": customer,
        "order_key": key,
        "billing": billing_doc(order.billing, order.email),
        "shipping": shipping_doc(order.shipping),
        "payment_method": order.gateway,
        "payment_method_title": _TITLES[order.gateway],
        "transaction_id": f"txn_{order.token}" if order.gateway == "fakepay" else "",
        "customer_ip_address": f"203.0.113.{number % 250}" if order.source == "checkout" else "",
        "customer_user_agent": "Mozilla/5.0" if order.source == "checkout" else "",
        "created_via": order.source,
        "customer_note": order.note,
        "date_completed": done,
        "date_paid": paid,
        "cart_hash": "",
        "number": str(number),
        "meta_data": metadata(numbers, order.extra),
        "line_items": lines,
        "tax_lines": tax_lines(numbers, order),
        "shipping_lines": [delivery_doc(numbers, sent) for sent in order.deliveries],
        "fee_lines": [fee_doc(numbers, fee) for fee in order.fees],
        "coupon_lines": [coupon_doc(numbers, coupon) for coupon in order.coupons],
        "refunds": [],
        "payment_url": payment_url(site, number, key),
        "is_editable": False,
        "needs_payment": False,
        "needs_processing": False,
        "date_created_gmt": made_gmt,
        "date_modified_gmt": changed_gmt,
        "date_completed_gmt": done_gmt,
        "date_paid_gmt": paid_gmt,
        "currency_symbol": SYMBOLS[order.currency],
        "_links": order_links(site, number, customer),
    }
    if order.trashed:
        doc["meta_data"] += metadata(numbers, trash_notes(status, order.modified))
    judge(doc)
    return doc


def trash_notes(status: str, at: int) -> list[tuple[str, Any]]:
    """What the store writes down to be able to restore."""
    return [("_wp_trash_meta_status", f"wc-{status}"), ("_wp_trash_meta_time", str(at))]


def payment_url(site: Site, number: int, key: str) -> str:
    return f"{site.base}/checkout/order-pay/{number}/?pay_for_order=true&key={key}"


def order_links(site: Site, number: int, customer: int) -> Doc:
    links = site.links(f"orders/{number}", "orders")
    mails = f"{site.api}/orders/{number}/actions/email_templates"
    links["email_templates"] = [{"embeddable": True, "href": mails}]
    if customer:
        links["customer"] = [{"href": f"{site.api}/customers/{customer}"}]
    return links


def judge(doc: Doc) -> None:
    """The three answers the store works out from status, total and lines."""
    doc["is_editable"] = doc["status"] in EDITABLE
    doc["needs_payment"] = doc["status"] in PAYABLE and doc["total"].strip("0.") != ""
    doc["needs_processing"] = any(line["product_id"] for line in doc["line_items"])


_MONEY = frozenset((
    "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total",
    "total_tax", "subtotal", "subtotal_tax", "tax_total", "shipping_tax_total", "discount",
))  # fmt: skip


def with_decimals(value: Any, places: int) -> Any:
    """A document with its money to so many decimal places, as `dp` asks for."""
    if isinstance(value, list):
        return [with_decimals(part, places) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"{Decimal(part):.{places}f}"
        if key in _MONEY and isinstance(part, str) and part.strip("-")
        else with_decimals(part, places)
        for key, part in value.items()
    }


def order_row(doc: Doc) -> Row:
    """What lists need to know of an order."""
    return Row(
        id=doc["id"],
        created=read(doc["date_created_gmt"]),
        modified=read(doc["date_modified_gmt"]),
        status=doc["status"],
        parent=doc["customer_id"],
        email=doc["billing"]["email"],
    )
