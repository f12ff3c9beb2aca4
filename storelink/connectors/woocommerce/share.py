"""What is left of each part of an order, and how a part of that is taken, to the last cent. Pure.

A part is a line, a shipping line or a fee. Its money is what the order says: an amount before tax and
one per tax rate, never worked out from a rate, so that inclusive, compound and odd taxes are all the same
here. What earlier refunds gave back is taken off part by part and rate by rate.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-refunds
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

from storelink.connectors.money import ZERO, amount, or_zero
from storelink.connectors.text import text
from storelink.connectors.woocommerce.shape import Record, meta, optional_id, record_id, records

LINE, SHIPPING, FEE = "line", "shipping", "fee"
GROUPS = {"line_items": LINE, "shipping_lines": SHIPPING, "fee_lines": FEE}
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an order, or of a refund: `net` before tax, `taxes` by rate id; a discount is negative."""

    item_id: str
    kind: str
    title: str
    sku: str | None
    units: Decimal
    """Always 0 for shipping and fees."""
    net: Decimal
    taxes: tuple[tuple[int, Decimal], ...]

    @property
    def tax(self) -> Decimal:
        return sum((tax for _, tax in self.taxes), ZERO)

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def total_of(parts: Iterable[Part]) -> Decimal:
    """All of it, taxes included."""
    return sum((part.total for part in parts), ZERO)


# -- what is left ----------------------------------------------------------------------------------


def left_of(order: Record, refunds: Sequence[Record], unit: Decimal) -> tuple[Part, ...]:
    """Every part of an order less what `refunds` gave back of it, in whole `unit`s. Raises `Unfit`."""
    given = _given_back(refunds)
    return tuple(
        _less(_part(raw, kind, unit), given.get(record_id(raw.get("id"), "id"), ()), unit)
        for group, kind in GROUPS.items()
        for raw in records(order.get(group), group)
    )


def _part(raw: Record, kind: str, unit: Decimal) -> Part:
    units = or_zero(raw.get("quantity"), "quantity") if kind == LINE else ZERO
    net = _rounded(amount(raw.get("total"), "total") or ZERO, unit)
    tax = _rounded(amount(raw.get("total_tax"), "total_tax") or ZERO, unit)
    taxes = _rounded_taxes(_taxes(raw), tax, unit)
    return Part(
        item_id=record_id(raw.get("id"), "id"),
        kind=kind,
        title=text(raw.get("name") or raw.get("method_title"), "name") or "",
        sku=text(raw.get("sku"), "sku") or None,
        units=units,
        net=net if taxes else net + tax,  # a tax of no rate cannot be named, and is not lost
        taxes=taxes,
    )


def _taxes(raw: Record) -> dict[int, Decimal]:
    """By rate id. They come with all the decimals that the store has in its database."""
    found: dict[int, Decimal] = {}
    for tax in records(raw.get("taxes"), "taxes"):
        rate = int(record_id(tax.get("id"), "taxes.id"))
        found[rate] = found.get(rate, ZERO) + (amount(tax.get("total"), "taxes.total") or ZERO)
    return found


def _rounded_taxes(
    taxes: Mapping[int, Decimal], total: Decimal, unit: Decimal
) -> tuple[tuple[int, Decimal], ...]:
    """Each in whole units, together the tax that the part shows: the largest takes the difference."""
    found = {rate: _rounded(tax, unit) for rate, tax in taxes.items()}
    if found and (rest := total - sum(found.values(), ZERO)):
        largest = max(found, key=lambda rate: abs(taxes[rate]))
        found[largest] += rest
    return tuple(found.items())


def _given_back(refunds: Sequence[Record]) -> dict[str, list[Record]]:
    """The parts of all refunds by the id of the order's part that they are of."""
    found: dict[str, list[Record]] = {}
    for refund in refunds:
        for group in GROUPS:
            for raw in records(refund.get(group), group):
                if item_id := optional_id(meta(raw, "_refunded_item_id"), "_refunded_item_id"):
                    found.setdefault(item_id, []).append(raw)
    return found


def _less(part: Part, given: Sequence[Record], unit: Decimal) -> Part:
    """What refunds say has the other sign; more than all never leaves less than nothing."""
    units, net, taxes = part.units, part.net, dict(part.taxes)
    elsewhere = ZERO
    for raw in given:
        net += _rounded(amount(raw.get("total"), "total") or ZERO, unit)
        if part.kind == LINE:
            units += amount(raw.get("quantity"), "quantity") or ZERO
        for rate, tax in _taxes(raw).items():
            if rate in taxes:
                taxes[rate] += _rounded(tax, unit)
            else:
                elsewhere += _rounded(tax, unit)
    for rate, tax in taxes.items():  # a rate that the order no longer has since its address was changed
        moved = min(-elsewhere, tax) if elsewhere < 0 < tax else ZERO
        taxes[rate] = tax - moved
        elsewhere += moved
    return replace(
        part,
        units=max(units, ZERO),
        net=_between(net, part.net),
        taxes=tuple(
            (rate, _between(tax, was)) for (rate, was), tax in zip(part.taxes, taxes.values(), strict=True)
        ),
    )


def _between(value: Decimal, whole: Decimal) -> Decimal:
    """`value`, but not beyond nothing and not beyond `whole`, which may be negative."""
    return max(ZERO, min(value, whole)) if whole >= 0 else min(ZERO, max(value, whole))


# -- taking some of it -----------------------------------------------------------------------------


def some_of(part: Part, quantity: int, unit: Decimal) -> Part:
    """So many of the units that are left, with their share of the money; the last unit gets the rest."""
    if quantity >= int(part.units):
        return part
    return replace(
        part,
        units=Decimal(quantity),
        net=_share(part.net, quantity, part.units, unit),
        taxes=tuple((rate, _share(tax, quantity, part.units, unit)) for rate, tax in part.taxes),
    )


def scaled(parts: Sequence[Part], wanted: Decimal, unit: Decimal) -> tuple[Part, ...]:
    """The same parts with less money, in proportion, so that they add up to `wanted` exactly.

    `wanted` is not negative, not more than their sum, and both are whole `unit`s.
    """
    entries = [value for part in parts for value in (part.net, *(tax for _, tax in part.taxes))]
    whole = sum(entries, ZERO)
    if wanted == whole or whole <= 0:
        return tuple(parts)
    exact = [_EXACT.divide(_EXACT.multiply(value, wanted), whole) for value in entries]
    found = [value.quantize(unit, ROUND_FLOOR, _EXACT) for value in exact]
    missing = int(_EXACT.divide(wanted - sum(found, ZERO), unit))
    by_rest = sorted(range(len(found)), key=lambda at: found[at] - exact[at])
    for at in by_rest[:missing]:
        found[at] += unit
    values = iter(found)
    return tuple(
        replace(part, net=next(values), taxes=tuple((rate, next(values)) for rate, _ in part.taxes))
        for part in parts
    )


def with_rest(parts: Sequence[Part], rest: Decimal) -> tuple[Part, ...]:
    """The same parts, a few cents of rounding put on the largest."""
    largest = max(range(len(parts)), key=lambda at: parts[at].net)
    return tuple(
        replace(part, net=part.net + rest) if at == largest else part for at, part in enumerate(parts)
    )


def entries_of(parts: Sequence[Part]) -> int:
    """How many amounts were rounded: so many units may a sum be off."""
    return sum(1 + len(part.taxes) for part in parts)


def _share(value: Decimal, some: int, of: Decimal, unit: Decimal) -> Decimal:
    return _rounded(_EXACT.divide(_EXACT.multiply(value, Decimal(some)), of), unit)


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    return value.quantize(unit, ROUND_HALF_UP, _EXACT)


# -- in a plan -------------------------------------------------------------------------------------


def to_json(part: Part) -> dict[str, Any]:
    """What the request's body is made from."""
    return {
        "id": part.item_id,
        "kind": part.kind,
        "quantity": int(part.units),
        "total": str(part.net),
        "taxes": [[rate, str(tax)] for rate, tax in part.taxes],
    }
