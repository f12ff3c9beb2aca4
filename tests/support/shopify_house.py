"""A Shopify shop that moves money, and what can be done in it."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from storelink.connectors.action import Plan, SeenRefund, Wish, Words
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.shopify.actions import ShopifyActions
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.sandbox.running import RunningShopify

_marks = itertools.count(0xA000000000)
_SHIRTS = [{"title": "Shirt", "price": "10.00", "quantity": 3}, {"title": "Hat", "price": "7.77"}]


def mark() -> str:
    """A reference nobody has had yet."""
    return f"{next(_marks):010X}"


class House:
    """A shop and its actions, with orders to give back."""

    def __init__(self, shop: RunningShopify, **settings: Any) -> None:
        self.shop, self.admin = shop, shop.admin
        account = Account("shop", shop.url, "token", {"access_token": shop.token}, settings)
        self._store = CONNECTOR.open(account, Limits(timeout=30, retries=0), lambda: datetime.now(UTC))
        found = self._store.actions
        assert isinstance(found, ShopifyActions)
        self.actions = found

    def close(self) -> None:
        self._store.close()

    def order(self, **fields: Any) -> tuple[str, list[str]]:
        """The ids of a new order and of its lines."""
        made = self.admin.create_order(**{"lines": _SHIRTS, "shipping": "5.00", **fields})
        return str(made["id"]), [str(line["id"]) for line in made["_lines"]]

    def plan(self, order: str, **wish: Any) -> Plan:
        return self.actions.plan_refund(order, Wish(**wish))

    def body(self, order: str, reference: str = "", **wish: Any) -> str:
        plan = self.plan(order, **wish)
        assert not plan.refusals, plan.refusals
        return self.actions.compose_refund(plan, Words("Damaged", reference or mark()))

    def refund(self, order: str, **wish: Any) -> SeenRefund:
        """Plan, word and send."""
        return self.actions.send_refund(order, str(uuid.uuid4()), self.body(order, **wish))

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Wait no longer for the answer to a refund."""
        usual, self.actions._timeout = self.actions._timeout, seconds
        try:
            yield
        finally:
            self.actions._timeout = usual

    def paid_back(self, order: str) -> Decimal:
        """What the ledger says went to the customer of an order."""
        rows = [Decimal(one["amount"]) for one in self.admin.ledger() if one["order"] == int(order)]
        return sum(rows, Decimal(0))
