"""How many decimals the amounts of a currency have (ISO 4217). Pure."""

from decimal import Decimal

_NONE = frozenset(
    (
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
        "XOF", "XPF",
    )
)  # fmt: skip
_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


def unit_of(currency: str) -> Decimal:
    """The smallest amount: 0.01, 1 or 0.001."""
    return Decimal(1) if currency in _NONE else Decimal("0.001") if currency in _THREE else Decimal("0.01")


def is_payable(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no more decimals than its currency."""
    return amount == amount.quantize(unit_of(currency))


def even(amount: Decimal, currency: str) -> Decimal:
    """An amount with the decimals of its currency, 7.0 as 7.00; one that has more keeps them."""
    unit = unit_of(currency)
    return amount.quantize(unit) if amount == amount.quantize(unit) else amount


def written(amount: Decimal, currency: str) -> str:
    """An amount as `Money` is sent: `12.50`, `1250`."""
    return format(amount.quantize(unit_of(currency)), "f")
