"""Amounts and quantities from JSON that may say them in many ways. Pure.

Both platforms give money as decimal strings. Numbers are taken only where nothing was lost on the
way: integers, and floats whose shortest form has at most four decimals.
"""

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from storelink.connectors.unfit import Unfit, shown

ZERO = Decimal(0)
ONE = Decimal(1)
_CELL = Decimal("0.0001")
_MOST = 10**15
"""numeric(19,4) has 15 digits before the point."""
_BOUND = Decimal(_MOST)
_EXACT = Context(prec=40, rounding=ROUND_HALF_UP)
_LETTERS = frozenset("0123456789.+-eE")


def amount(value: Any, name: str) -> Decimal | None:
    """A finite decimal of at most four places, below 10^15; None for "" and null.

    More places (a WooCommerce store asked with `dp=6`) are rounded half up. Raises `Unfit` naming the field.
    """
    if type(value) is str:
        found = plain(value)
        return _unusual(value.strip(), name) if found is None else found
    if value is None:
        return None
    if type(value) is int:
        return Decimal(value) if -_MOST < value < _MOST else _overflow(name)
    if type(value) is float:
        number = Decimal(repr(value))
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent >= -4:
            return fitting(number, name)
        raise Unfit(f"{name} is a number that lost its exact value: {value!r}")
    raise Unfit(f"{name} is no amount: {type(value).__name__}")


@lru_cache(4096)
def plain(value: str) -> Decimal | None:
    """What nearly every amount looks like, 170.28; and shops have few prices. None for any other text."""
    whole, _, places = value.partition(".")
    plain = len(places) <= 4 and len(whole) <= 15 and (whole + places).isdecimal()
    return Decimal(value) if plain else None


def or_zero(value: Any, name: str) -> Decimal:
    """The same where an empty string means none. Null and a missing field are refused."""
    if value is None:
        raise Unfit(f"{name} is missing")
    found = amount(value, name)
    return ZERO if found is None else found


def bounded(number: Decimal, name: str) -> Decimal:
    """The same number, of four places or fewer, if numeric(19,4) holds it."""
    return number if -_BOUND < number < _BOUND else _overflow(name)


def fitting(number: Decimal, name: str) -> Decimal:
    """The same number if numeric(19,4) holds it; more places are rounded half up."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise Unfit(f"{name} is not a finite number")
    if number.adjusted() > 14 and number:
        return _overflow(name)
    if exponent < -4:
        number = number.quantize(_CELL, context=_EXACT)
        if abs(number) >= _BOUND:
            return _overflow(name)
    return number


def unit_price(subtotal: Decimal, quantity: Decimal, name: str) -> Decimal:
    """Line subtotal / quantity to four places; the subtotal itself where there is no quantity."""
    if quantity == ONE or not quantity:
        return subtotal
    return bounded(_EXACT.quantize(_EXACT.divide(subtotal, quantity), _CELL), name)


def _unusual(text: str, name: str) -> Decimal | None:
    if not text:
        return None
    if len(text) > 100 or not _LETTERS.issuperset(text):
        raise Unfit(f"{name} is no amount: {shown(text)}")
    try:
        return fitting(Decimal(text), name)
    except InvalidOperation:
        raise Unfit(f"{name} is no amount: {shown(text)}") from None


def _overflow(name: str) -> Decimal:
    raise Unfit(f"{name} is too large: 15 digits before the point are stored")
