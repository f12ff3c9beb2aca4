"""Money as the Admin API writes it: `"15.0"`, not `"15.00"`, in the shop's and the buyer's currency.

Amounts are held as whole cents of the shop's currency. An order's `rate` is how many thousandths of
its presentment currency one unit of the shop's is worth.
"""

from decimal import Decimal
from typing import Any

#: what a dollar is worth, in thousandths
RATES = {"USD": 1_000, "EUR": 920, "GBP": 790, "JPY": 151_300, "CAD": 1_370, "KWD": 307}
#: currencies without cents
WHOLE = frozenset(("JPY", "KRW", "VND", "CLP"))


def rate_of(shop: str, presentment: str) -> int:
    """Thousandths of the presentment currency that one unit of the shop's is worth. Raises KeyError."""
    return 1_000 if shop == presentment else RATES[presentment] * 1_000 // RATES[shop]


def plain(cents: int) -> str:
    """1500 → `"15.0"`, 1525 → `"15.25"`: a Decimal without the zeros that say nothing."""
    sign = "-" if cents < 0 else ""
    units, rest = divmod(abs(cents), 100)
    if rest % 10 == 0:
        return f"{sign}{units}.{rest // 10}"
    return f"{sign}{units}.{rest:02d}"


def fixed(cents: int) -> str:
    """1500 → `"15.00"`: how the scalar Money is written (a variant's price)."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def converted(cents: int, currency: str, rate: int) -> int:
    """Cents of the shop's currency in cents of another; a currency without cents rounds to whole units."""
    if rate == 1_000:
        return cents
    step = 100_000 if currency in WHOLE else 1_000
    units = abs(cents) * rate
    rounded = (2 * units + step) // (2 * step) * (step // 1_000)
    return -rounded if cents < 0 else rounded


def money(cents: int, currency: str) -> dict[str, Any]:
    """A MoneyV2."""
    return {"amount": plain(cents), "currencyCode": currency}


def bag(cents: int, shop: str, presentment: str, rate: int) -> dict[str, Any]:
    """A MoneyBag."""
    return {
        "shopMoney": {"amount": plain(cents), "currencyCode": shop},
        "presentmentMoney": {
            "amount": plain(converted(cents, presentment, rate)),
            "currencyCode": presentment,
        },
    }


def read_cents(value: object) -> int:
    """`"12.34"` → 1234. Raises ValueError for what is no amount of whole cents."""
    try:
        cents = Decimal(str(value)) * 100
    except ArithmeticError:
        raise ValueError(f"{value!r} is no amount") from None
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise ValueError(f"{value!r} is no amount of whole cents")
    return int(cents)
