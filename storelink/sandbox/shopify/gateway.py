"""The gateways behind the shop: how refunds turn out, and the money that they really moved."""

from typing import Any

from storelink.sandbox.shopify.amounts import fixed
from storelink.sandbox.shopify.payments import shown_of

Doc = dict[str, Any]

#: how a refund can turn out; REFUSED: the gateway says no before there is a refund at all
OUTCOMES = frozenset(("SUCCESS", "PENDING", "FAILURE", "ERROR", "REFUSED"))


class Gateway:
    """How refunds turn out, all of them or those of one order, and a ledger that never forgets.

    The ledger is what went to customers, whatever the shop makes of it later: rows of `order`,
    `refund`, `amount` (text, in the currency that the customer paid in), `currency`, `reason` (the
    refund's note), `gateway` and `at`. What a person has to move by hand is not in it.
    """

    def __init__(self) -> None:
        self.says = "SUCCESS"
        self._of_orders: dict[int, str] = {}
        self._ledger: list[Doc] = []

    def turn(self, says: str = "SUCCESS", order: int | None = None) -> None:
        """How refunds turn out from now on. Raises ValueError for a word that there is not."""
        if says not in OUTCOMES:
            raise ValueError(f"a refund cannot be {says!r}")
        if order is None:
            self.says = says
        else:
            self._of_orders[order] = says

    def outcome(self, order: int, parent: Doc) -> str:
        """The status of a refund of this payment; what nobody moves always succeeds."""
        return "SUCCESS" if parent["manualPaymentGateway"] else self._of_orders.get(order, self.says)

    def record(self, doc: Doc, refund: Doc, part: Doc, at: float) -> None:
        """Note what a transaction moved, if it did."""
        if part["kind"] != "REFUND" or part["status"] != "SUCCESS" or part["manualPaymentGateway"]:
            return
        currency = doc["presentmentCurrencyCode"]
        self._ledger.append(
            {
                "order": doc["id"],
                "refund": refund["id"],
                "amount": fixed(shown_of(doc, part), currency),
                "currency": currency,
                "reason": refund["note"] or "",
                "gateway": part["gateway"],
                "at": at,
            }
        )

    def ledger(self) -> list[Doc]:
        """All that was paid back since the shop opened, oldest first."""
        return list(self._ledger)
