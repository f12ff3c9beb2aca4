"""Whole cents, taxes and decimal strings.

A cent is the smallest amount that the store shows: a hundredth, or what `decimals` says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from storelink.sandbox.shop import Tax, TaxRate

RATES = (
    TaxRate(1, "US", "CA", "CA Tax", 8_250),
    TaxRate(2, "US", "NY", "NY State", 4_000),
    TaxRate(3, "US", "NY", "NY City", 4_500),
    TaxRate(4, "DE", "", "MwSt.", 19_000),
    TaxRate(5, "GB", "", "VAT", 20_000),
    TaxRate(6, "CA", "", "GST", 5_000),
    TaxRate(7, "CA", "QC", "QST", 9_975, compound=True),
    TaxRate(8, "US", "TX", "TX Tax", 6_250),
    TaxRate(9, "JP", "", "消費税", 10_000),
)


_DECIMALS: ContextVar[int] = ContextVar("decimals", default=2)


@contextmanager
def decimals(places: int) -> Iterator[None]:
    """Amounts have so many decimal places, in this task or thread."""
    before = _DECIMALS.set(places)
    try:
        yield
    finally:
        _DECIMALS.reset(before)


def rates_at(country: str, state: str) -> tuple[TaxRate, ...]:
    """The rates that apply at an address, in the order they are applied."""
    return tuple(r for r in RATES if r.country == country and r.state in ("", state))


def share_of(cents: int, share: int) -> int:
    """`share` thousandths of a percent of an amount, rounded half away from zero."""
    if cents < 0:
        return -share_of(-cents, share)
    return (cents * share + 50_000) // 100_000


def taxes_on(before: int, after: int, rates: tuple[TaxRate, ...]) -> tuple[Tax, ...]:
    """What each rate takes; a compound rate also taxes the taxes before it."""
    taxes: list[Tax] = []
    for rate in rates:
        base, net = before, after
        if rate.compound:
            base += sum(tax.before for tax in taxes)
            net += sum(tax.after for tax in taxes)
        taxes.append(Tax(rate, share_of(base, rate.share), share_of(net, rate.share)))
    return tuple(taxes)


def taxes_in(before: int, after: int, rates: tuple[TaxRate, ...]) -> tuple[Tax, ...]:
    """What each rate takes of a price that has its taxes in it."""
    return tuple(
        Tax(rate, one, other)
        for rate, one, other in zip(rates, _carved(before, rates), _carved(after, rates), strict=True)
    )


def _carved(gross: int, rates: tuple[TaxRate, ...]) -> list[int]:
    """A compound rate lies around all others, so it comes off first."""
    rest, taken = gross, {}
    for rate in reversed(rates):
        if rate.compound:
            taken[rate] = rest - _rounded_part(rest, 100_000, 100_000 + rate.share)
            rest -= taken[rate]
    plain = sum(rate.share for rate in rates if not rate.compound)
    for rate in rates:
        if not rate.compound:
            taken[rate] = _rounded_part(rest, rate.share, 100_000 + plain)
    return [taken[rate] for rate in rates]


def _rounded_part(cents: int, part: int, of: int) -> int:
    """Rounded half away from zero."""
    if cents < 0:
        return -_rounded_part(-cents, part, of)
    return (2 * cents * part + of) // (2 * of)


def discount_tax(discount: int, rates: tuple[TaxRate, ...]) -> int:
    """The tax on a whole discount, rounded once: not quite the sum of what the lines show."""
    return sum(tax.after for tax in taxes_on(discount, discount, rates))


def apply_percent(totals: list[int], share: int) -> list[int]:
    """What a percentage takes off each line: cut to the cent, the missing cents off the first ones."""
    off = [total * share // 100 for total in totals]
    exact = sum(totals) * share
    missing = -(-(2 * exact - 100) // 200) - sum(off)  # the sum is rounded half down
    for at, total in enumerate(totals):
        if missing > 0 and off[at] < total:
            off[at] += 1
            missing -= 1
    return off


def amount(cents: int) -> str:
    """`-1234` → `"-12.34"`."""
    places = _DECIMALS.get()
    if places != 2:
        return f"{Decimal(cents).scaleb(-places):.{places}f}"
    if cents < 0:
        return f"-{-cents // 100}.{-cents % 100:02d}"
    return f"{cents // 100}.{cents % 100:02d}"


def bare(cents: int | None) -> str:
    """A catalog price as people type it: `"66.45"`, `"12"`, `""`."""
    if cents is None:
        return ""
    unit = 10 ** _DECIMALS.get()
    return str(cents // unit) if cents % unit == 0 else amount(cents)


def cents(text: object) -> int:
    """`"12.345"` → 1235, rounded half away from zero; what is no number is 0, as PHP has it."""
    try:
        value = Decimal(str(text)).scaleb(_DECIMALS.get())
        return int(value.quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError):
        return 0


def ratio(total_cents: int, quantity: int) -> int | float:
    """Total by quantity as a binary float, with its artefacts; whole numbers lose their `.0`."""
    value = (total_cents / 10 ** _DECIMALS.get()) / (quantity or 1)
    return int(value) if value == int(value) else value
