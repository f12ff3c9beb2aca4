"""Taxes and totals of an order's document, worked out anew as the store does on many writes."""

from typing import Any

from storelink.sandbox.money import RATES, amount, cents, discount_tax, rates_at, taxes_on
from storelink.sandbox.shop import Tax, TaxRate
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.orders import line_taxes, percent, tax_line

Doc = dict[str, Any]
#: where the shop itself is: whose taxes count for an order without an address
HOME = ("US", "CA")
#: code → percent of the coupons the shop knows
COUPONS = {"ten": 10, "spring-25": 25, "vip5": 5}


def rates_for(doc: Doc) -> tuple[TaxRate, ...]:
    """The rates of the shipping address, else the billing address, else the shop's own."""
    for part in (doc["shipping"], doc["billing"]):
        if part["country"]:
            return rates_at(part["country"], part["state"])
    return rates_at(*HOME)


def _taxed(part: Doc, rates: tuple[TaxRate, ...], *, plain: bool) -> tuple[Tax, ...]:
    if part.get("tax_status") == "none":
        rates = ()
    after = cents(part["total"])
    before = after if plain else cents(part["subtotal"])
    taxes = taxes_on(before, after, rates)
    part["taxes"] = line_taxes(taxes, plain=plain)
    part["total_tax"] = amount(sum(tax.after for tax in taxes))
    if not plain:
        part["subtotal_tax"] = amount(sum(tax.before for tax in taxes))
    return taxes


def recalculate(numbers: Numbers, doc: Doc) -> None:
    """Set every tax and total of an order by its lines and its present address (facts §7)."""
    rates = rates_for(doc)
    goods: dict[TaxRate, int] = dict.fromkeys(rates, 0)
    delivery: dict[TaxRate, int] = dict.fromkeys(rates, 0)
    for line in doc["line_items"]:
        _add(goods, _taxed(line, rates, plain=False))
    for fee in doc["fee_lines"]:
        _add(goods, _taxed(fee, rates, plain=True))
    for sent in doc["shipping_lines"]:
        _add(delivery, _taxed(sent, rates, plain=True))
    doc["tax_lines"] = _tax_lines(numbers, doc, goods, delivery)
    add_up(doc)


def _add(sums: dict[TaxRate, int], taxes: tuple[Tax, ...]) -> None:
    for tax in taxes:
        sums[tax.rate] += tax.after


def _tax_lines(
    numbers: Numbers, doc: Doc, goods: dict[TaxRate, int], delivery: dict[TaxRate, int]
) -> list[Doc]:
    """One per rate while the order has anything in it; a rate that stays keeps its line's id."""
    if not (doc["line_items"] or doc["fee_lines"] or doc["shipping_lines"]):
        return []
    held = {part["rate_id"]: part["id"] for part in doc["tax_lines"]}
    lines = []
    for rate, taken in goods.items():
        line = tax_line(numbers, rate, taken, delivery[rate])
        line["id"] = held.get(rate.number, line["id"])
        line["rate_percent"] = percent(rate)
        lines.append(line)
    return lines


def add_up(doc: Doc) -> None:
    """The totals at the head of an order by what its lines say."""
    lines, fees, sent = doc["line_items"], doc["fee_lines"], doc["shipping_lines"]
    goods = sum(cents(part["total"]) for part in (*lines, *fees))
    goods_tax = sum(cents(part["total_tax"]) for part in (*lines, *fees))
    delivery = sum(cents(part["total"]) for part in sent)
    delivery_tax = sum(cents(part["total_tax"]) for part in sent)
    discount = sum(cents(line["subtotal"]) - cents(line["total"]) for line in lines)
    doc["cart_tax"] = amount(goods_tax)
    doc["shipping_total"] = amount(delivery)
    doc["shipping_tax"] = amount(delivery_tax)
    doc["total_tax"] = amount(goods_tax + delivery_tax)
    doc["discount_total"] = amount(discount)
    doc["discount_tax"] = amount(discount_tax(discount, _rates_of(lines)))
    doc["total"] = amount(goods + goods_tax + delivery + delivery_tax)


def _rates_of(lines: list[Doc]) -> tuple[TaxRate, ...]:
    """The rates that the first taxed line shows."""
    taxes: list[Doc] = next((line["taxes"] for line in lines if line["taxes"]), [])
    numbers = [tax["id"] for tax in taxes]
    return tuple(rate for rate in RATES if rate.number in numbers)
