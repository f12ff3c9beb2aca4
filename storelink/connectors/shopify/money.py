"""Amounts out of a `MoneyBag`, which says each in the shop's currency and in the customer's. Pure.

Mixing the two has given other connectors wrong refunds and wrong taxes, so every amount is read in
one named currency, and a bag that speaks of another is refused.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/MoneyBag
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from storelink.connectors.money import ZERO, amount, bounded, plain
from storelink.connectors.unfit import Unfit, shown

_CELL = Decimal("0.0001")
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def in_shop(record: Mapping[str, Any], name: str, currency: str) -> Decimal:
    """The amount in the shop's currency. Raises `Unfit` if there is none, or it is in another."""
    bag = record.get(name)
    try:
        money = bag["shopMoney"]  # type: ignore[index]
        code, said = money["currencyCode"], money["amount"]
    except (TypeError, KeyError, IndexError):
        raise Unfit(f"{name} is missing or has no amount in the shop's currency") from None
    if code != currency:
        raise Unfit(f"{name} is in {shown(code)}, the order in {currency}")
    found = plain(said) if type(said) is str else None
    if found is None and (found := amount(said, name)) is None:
        raise Unfit(f"{name} is empty")
    return found


def in_shown(record: Mapping[str, Any], name: str, currency: str) -> Decimal:
    """The amount in the currency that the customer was shown. Raises `Unfit` as `in_shop` does."""
    code, found = presentment(record, name)
    if code is None or found is None:
        raise Unfit(f"{name} is missing or has no amount in the customer's currency")
    if code != currency:
        raise Unfit(f"{name} is in {shown(code)}, the customer paid in {currency}")
    return found


def in_shop_or_none(record: Mapping[str, Any], name: str, currency: str) -> Decimal | None:
    """The same for a field that may be null."""
    return None if record.get(name) is None else in_shop(record, name, currency)


def currency_of(record: Mapping[str, Any], name: str, side: str) -> str | None:
    """The code of an amount's currency. `side` is shopMoney or presentmentMoney."""
    try:
        code = record[name][side]["currencyCode"]
    except (TypeError, KeyError, IndexError):
        return None
    if type(code) is str and len(code) == 3 and code.isascii() and code.isalpha():
        return code
    raise Unfit(f"{name} is in no currency: {shown(code)}")


def presentment(record: Mapping[str, Any], name: str) -> tuple[str | None, Decimal | None]:
    """Currency and amount as the customer was shown them; both None where the store does not say."""
    code = currency_of(record, name, "presentmentMoney")
    if code is None:
        return None, None
    return code, amount(record[name]["presentmentMoney"].get("amount"), name)


def share(whole: Decimal, part: Decimal, of: Decimal, name: str) -> Decimal:
    """`whole` × `part` / `of`, to four places; `whole` itself where there is nothing to divide by."""
    if not of or part == of:
        return whole
    if not part:
        return ZERO
    return bounded(_EXACT.quantize(_EXACT.divide(_EXACT.multiply(whole, part), of), _CELL), name)
