"""The payments of an order: what each can still give back, and how a sum is spread over them. Pure.

Money goes back along the payment that it came by: each part of a refund names its parent transaction,
and the parent decides the gateway. Amounts are in the currency that the customer paid in.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/input-objects/OrderTransactionInput
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from storelink.connectors.money import ZERO
from storelink.connectors.shopify.moment import moment_or_none
from storelink.connectors.shopify.money import in_shop, in_shown
from storelink.connectors.shopify.places import even
from storelink.connectors.shopify.shape import Record, an_object, flag, records
from storelink.connectors.shopify.standing import UNSETTLED
from storelink.connectors.text import text


@dataclass(frozen=True, slots=True)
class Purse:
    """One payment that was received, and how much of it can still go back. `parent` is its global id."""

    parent: str
    gateway: str
    title: str
    manual: bool
    """Whether a person moves the money, not the gateway."""
    most: Decimal
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a refund goes back along one payment."""

    purse: Purse
    amount: Decimal


def purses_of(order: Record, suggested: Mapping[str, Any], currency: str, *, shown: bool) -> list[Purse]:
    """The payments with something left, in the order in which Shopify suggests them. Raises `Unfit`.

    `suggested` is its suggestion for all that is left; where it names a maximum, that counts as well as
    what the transactions come to, in which a refund that is pending is taken for paid.
    """
    found = {purse.parent: purse for purse in _received(order, currency, shown=shown)}
    _take_off(found, order, currency, shown=shown)
    ranks: dict[str, int] = {}
    for rank, one in enumerate(records(suggested, "suggestedTransactions")):
        parent = an_object(one, "parentTransaction").get("id")
        if not isinstance(parent, str) or parent not in found:
            continue
        ranks[parent] = rank
        if one.get("maximumRefundableSet") is not None:
            most = _amount(one, "maximumRefundableSet", currency, shown=shown)
            found[parent] = replace(found[parent], most=min(found[parent].most, most))
    left = [purse for purse in found.values() if purse.most > 0]
    return sorted(left, key=lambda purse: ranks.get(purse.parent, len(ranks)))


def _received(order: Record, currency: str, *, shown: bool) -> list[Purse]:
    return [
        Purse(
            parent=str(part.get("id")),
            gateway=text(part.get("gateway"), "gateway") or "",
            title=text(part.get("formattedGateway"), "formattedGateway")
            or text(part.get("gateway"), "gateway")
            or "a payment",
            manual=flag(part, "manualPaymentGateway"),
            most=_amount(part, "amountSet", currency, shown=shown),
            paid_at=moment_or_none(part.get("processedAt")),
        )
        for part in records(order, "transactions")
        if part.get("kind") in ("SALE", "CAPTURE") and part.get("status") == "SUCCESS"
    ]


def _take_off(found: dict[str, Purse], order: Record, currency: str, *, shown: bool) -> None:
    """Take what went back, or may, off the payments; what names none of them, off the first ones."""
    orphaned = ZERO
    for part in records(order, "transactions"):
        if part.get("kind") != "REFUND" or part.get("status") not in (*UNSETTLED, "SUCCESS"):
            continue
        gone = _amount(part, "amountSet", currency, shown=shown).copy_abs()
        parent = an_object(part, "parentTransaction").get("id")
        if isinstance(parent, str) and parent in found:
            found[parent] = replace(found[parent], most=found[parent].most - gone)
        else:
            orphaned += gone
    for key, purse in found.items():
        gone = min(orphaned, max(purse.most, ZERO))
        found[key] = replace(purse, most=purse.most - gone)
        orphaned -= gone


def spread(purses: Sequence[Purse], amount: Decimal) -> list[Part]:
    """An amount over the payments, each as far as it goes; less where they have not so much."""
    found = []
    for purse in purses:
        part = min(purse.most, amount)
        if part > 0:
            found.append(Part(purse, part))
            amount -= part
    return found


def as_suggested(
    purses: Sequence[Purse], suggested: Mapping[str, Any], currency: str, amount: Decimal, *, shown: bool
) -> list[Part] | None:
    """The parts as Shopify suggests them; None where they are not `amount`, or more than is left."""
    held = {purse.parent: purse for purse in purses}
    found: list[Part] = []
    for one in records(suggested, "suggestedTransactions"):
        value = _amount(one, "amountSet", currency, shown=shown)
        purse = held.get(str(an_object(one, "parentTransaction").get("id")))
        if not value:
            continue
        if purse is None or not 0 < value <= purse.most or any(part.purse is purse for part in found):
            return None
        found.append(Part(purse, value))
    return found if sum((part.amount for part in found), ZERO) == amount else None


def _amount(record: Mapping[str, Any], name: str, currency: str, *, shown: bool) -> Decimal:
    found = in_shown(record, name, currency) if shown else in_shop(record, name, currency)
    return even(found, currency)
