"""Money as the Admin API writes it: `"15.0"`, not `"15.00"`, in the shop's and the buyer's currency.

Amounts are held as whole minor units of the shop's currency: cents, whole yen, fils. An order's
`rate` is how many thousandths of its presentment currency one unit of the shop's is worth.
"""

from decimal import Decimal
from typing import Any

#: what a dollar is worth, in thousandths
RATES = {"USD": 1_000, "EUR": 920, "GBP": 790, "JPY": 151_300, "CAD": 1_370, "KWD": 307}
#: decimals of the currencies that have not two
PLACES = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3, "TND": 3}


def places_of(currency: str) -> int:
    """How many decimals a currency has."""
    return PLACES.get(currency, 2)


def rate_of(shop: str, presentment: str) -> int:
    """Thousandths of the presentment currency that one unit of the shop's is worth. Raises KeyError."""
    return 1_000 if shop == presentment else RATES[presentment] * 1_000 // RATES[shop]


def plain(minor: int, currency: str) -> str:
    """1500 cents → `"15.0"`, 1525 → `"15.25"`: a Decimal without the zeros that say nothing."""
    places = places_of(currency)
    sign = "-" if minor < 0 else ""
    units, rest = divmod(abs(minor), 10**places)
    return f"{sign}{units}.{f'{rest:0{places}d}'.rstrip('0') or '0'}" if places else f"{sign}{units}.0"


def fixed(minor: int, currency: str) -> str:
    """1500 cents → `"15.00"`: how the scalar Money is written (a variant's price), and words of errors."""
    places = places_of(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def converted(minor: int, shop: str, currency: str, rate: int) -> int:
    """Minor units of the shop's currency in those of another, rounded half up."""
    if shop == currency:
        return minor
    step = 1_000 * 10 ** places_of(shop)
    units = abs(minor) * rate * 10 ** places_of(currency)
    rounded: int = (2 * units + step) // (2 * step)
    return -rounded if minor < 0 else rounded


def money(minor: int, currency: str) -> dict[str, Any]:
    """A MoneyV2."""
    return {"amount": plain(minor, currency), "currencyCode": currency}


def bag(minor: int, shop: str, presentment: str, rate: int, shown: int | None = None) -> dict[str, Any]:
    """A MoneyBag. `shown` is the presentment amount where it does not follow from the rate."""
    other = converted(minor, shop, presentment, rate) if shown is None else shown
    return {"shopMoney": money(minor, shop), "presentmentMoney": money(other, presentment)}


def read_minor(value: object, currency: str = "USD") -> int:
    """`"12.34"` → 1234. Raises ValueError for what is no amount of whole minor units."""
    try:
        minor = Decimal(str(value)).scaleb(places_of(currency))
    except ArithmeticError:
        raise ValueError(f"{value!r} is no amount") from None
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise ValueError(f"{value!r} is no amount of whole cents")
    return int(minor)
