"""Asking Shopify what it would give back.

Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Order#field-Order.fields.suggestedRefund
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from storelink.connectors.action import Remark, Standing, Wish
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.money import in_shown
from storelink.connectors.shopify.places import unit_of, written
from storelink.connectors.shopify.refund_plan import Asked, worth_of
from storelink.connectors.shopify.refund_wish import inputs_of, wanted
from storelink.connectors.shopify.shape import Record, an_object, flag


class Moved(Exception):
    """The order changed between two answers."""


class Questions:
    """What Shopify is asked for the plan of a wish, of an order that must not change meanwhile."""

    def __init__(self, client: Client, order: Record, standing: Standing, wish: Wish) -> None:
        self._client, self._order, self._standing, self._wish = client, order, standing, wish
        self._lines = inputs_of(order, wanted(order, wish), restock=wish.restock)
        self._places = wish.restock and wish.location is None
        self._included = flag(order, "taxesIncluded")

    def ask(self) -> tuple[Asked, Record]:
        """What was asked, and what Shopify said. Raises `Moved`, `Unfit` and what `ask` raises."""
        wish = self._wish
        if wish.everything or wish.whole_shipping:
            return Asked(self._lines, {"fullRefund": True}), self._said(shipping=True)
        said = self._said()
        if wish.shipping is None:
            return Asked(self._lines), said
        return self._part_of_shipping(wish.shipping, said)

    def _part_of_shipping(self, wanted: Decimal, said: Record) -> tuple[Asked, Record]:
        """So much of the shipping with its tax. Shopify takes the price and adds the tax by itself."""
        whole = worth_of(an_object(said, "whole"), self._currency, taxes_included=self._included)
        full = whole.shipping + whole.shipping_tax
        if wanted > full:
            words = f"{wanted} is more than the {full} {self._currency} that are left of the shipping"
            return Asked(self._lines, refusals=(Remark("more_than_shipping", words),)), said
        if wanted == full:
            return Asked(self._lines, {"fullRefund": True}), self._said(shipping=True)
        price = in_shown(an_object(an_object(said, "whole"), "shipping"), "amountSet", self._paid)
        unit = unit_of(self._paid)
        guess = (price * wanted / full).quantize(unit, ROUND_HALF_UP)
        best: tuple[Decimal, Decimal, Record] | None = None
        for amount in (guess, guess - unit, guess + unit):
            if not 0 < amount < price:
                continue
            answer = self._said(amount=amount)
            asked = an_object(answer, "asked")
            found = worth_of(asked, self._currency, taxes_included=self._included)
            value = found.shipping + found.shipping_tax
            echoed = in_shown(an_object(asked, "shipping"), "amountSet", self._paid) == amount
            if echoed and value <= wanted and (best is None or value > best[0]):
                best = value, amount, answer
            if value == wanted:
                break
        return self._best(wanted, best, said)

    def _best(
        self, wanted: Decimal, best: tuple[Decimal, Decimal, Record] | None, said: Record
    ) -> tuple[Asked, Record]:
        if best is None:
            words = f"Shopify gives back no part of the shipping that comes to {wanted} {self._currency}"
            return Asked(self._lines, refusals=(Remark("no_shipping_amount", words),)), said
        value, amount, answer = best
        remarks: tuple[Remark, ...] = ()
        if value != wanted:
            words = f"{value} of the shipping instead of {wanted}: with its tax it does not come out even"
            remarks = (Remark("shipping_rounded", words),)
        return Asked(self._lines, {"amount": written(amount, self._paid)}, remarks), answer

    @property
    def _currency(self) -> str:
        return self._standing.total.currency

    @property
    def _paid(self) -> str:
        shown = self._standing.presentment
        return shown.currency if shown else self._currency

    def _said(self, *, shipping: bool = False, amount: Decimal | None = None) -> Record:
        variables: dict[str, Any] = {"id": self._order["id"], "lines": self._lines, "places": self._places}
        if shipping:
            variables["shipping"] = True
        if amount is not None:
            variables["shippingAmount"] = written(amount, self._paid)
        # without the scope for places the rest is still said
        answer = self._client.ask(queries.load("refund_plan"), variables, allow=("ACCESS_DENIED",))
        found = answer.data.get("order")
        if not isinstance(found, dict) or found.get("updatedAt") != self._order["updatedAt"]:
            raise Moved
        return found
