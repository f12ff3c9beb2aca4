"""The gateways behind the shop: how refunds turn out, and the money that they really moved."""

from typing import Any

from storelink.sandbox.shopify.amounts import fixed
from storelink.sandbox.shopify.payments import shown_of

Doc = dict[str, Any]

#: how a refund can turn out: the status of its transaction, or DECLINED before there is a refund at all;
#: DIES: the shop breaks down before or after it did everything
OUTCOMES = frozenset(("SUCCESS", "PENDING", "FAILURE", "ERROR", "DECLINED", "DIES_BEFORE", "DIES_AFTER"))
_STATUSES = frozenset(("SUCCESS", "PENDING", "FAILURE", "ERROR"))


class Gateway:
    """How refunds turn out, all of them or those of one order, and a ledger that never forgets.

    The ledger is what went to customers, whatever the shop makes of it later: rows of `order`,
    `refund`, `amount` (text, in the currency that the customer paid in), `currency`, `reason` (the
    refund's note), `gateway` and `at`. What a person has to move by hand is not in it.
    """

    def __init__(self) -> None:
        self._says: dict[int | None, str] = {}
        self._seconds: dict[int | None, float] = {}
        self._ledger: list[Doc] = []

    def turn(self, says: str = "SUCCESS", order: int | None = None) -> None:
        """How refunds turn out from now on. Raises ValueError for a word that there is not."""
        if says not in OUTCOMES:
            raise ValueError(f"a refund cannot be {says!r}")
        self._says[order] = says

    def slow_down(self, seconds: float, order: int | None = None) -> None:
        """How long a refund takes, for all orders or for one; meanwhile its key is in use."""
        self._seconds[order] = seconds

    def says(self, order: int) -> str:
        """How refunds of an order turn out."""
        return self._says.get(order) or self._says.get(None) or "SUCCESS"

    def seconds(self, order: int) -> float:
        """How long refunds of an order take."""
        return self._seconds.get(order, self._seconds.get(None, 0.0))

    def status(self, order: int, parent: Doc) -> str:
        """The status of a refund of this payment; what nobody moves always succeeds."""
        says = self.says(order)
        return says if says in _STATUSES and not parent["manualPaymentGateway"] else "SUCCESS"

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
