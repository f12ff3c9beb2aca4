"""The payment gateway behind the store: what it was asked, and what it paid back."""

from dataclasses import dataclass

from storelink.sandbox.money import amount, cents
from storelink.sandbox.woocommerce.answers import Refused

#: gateway → switched on, what it supports
GATEWAYS = {
    "bacs": (True, ["products"]),
    "cheque": (False, ["products"]),
    "cod": (True, ["products"]),
    "fakepay": (True, ["products", "refunds"]),
    "nopay": (True, ["products"]),
}
SAYS = frozenset(("SUCCESS", "DECLINED", "FALSE", "DIES_BEFORE", "DIES_AFTER", "FAILS_AFTER"))


@dataclass(frozen=True, slots=True)
class Payment:
    """Money sent back; `amount` in cents of the order's currency, `order` and `refund` are ids."""

    order: int
    refund: int
    amount: int
    currency: str
    reason: str
    gateway: str
    at: int


class Ledger:
    """Refunds that the gateway really made: it never forgets one, whatever the store does after.

    Amounts that end in 13 cents are declined in the gateway's own words, in 14 without a word.
    """

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self._says: dict[int | None, str] = {}
        self._seconds: dict[int | None, float] = {}

    def turn(self, says: str = "SUCCESS", order: int | None = None) -> None:
        """How refunds turn out from now on, all or those of one order.

        `says` is SUCCESS; DECLINED (in words) or FALSE (without); DIES_BEFORE or DIES_AFTER the money
        moved, the worker with it; FAILS_AFTER, where the money moved, another plugin then fails, and the
        store takes the refund away as if it had been declined.
        """
        if says not in SAYS:
            raise ValueError(f"a gateway says one of {', '.join(sorted(SAYS))}")
        self._says[order] = says

    def slow_down(self, seconds: float, order: int | None = None) -> None:
        """How long the gateway takes, for all orders or for one."""
        self._seconds[order] = seconds

    def says(self, order: int) -> str:
        """How refunds of an order turn out."""
        return self._says.get(order) or self._says.get(None) or "SUCCESS"

    def seconds(self, order: int) -> float:
        """How long refunds of an order take."""
        return self._seconds.get(order, self._seconds.get(None, 0.0))

    def check(self, gateway: str) -> None:
        """Raise what the store says before it even asks."""
        if gateway not in GATEWAYS:
            raise declined("The payment gateway for this order does not exist.")
        if "refunds" not in GATEWAYS[gateway][1]:
            raise declined("The payment gateway for this order does not support automatic refunds.")

    def pay_back(self, payment: Payment) -> None:
        """Send money back, or raise the gateway's refusal."""
        says = self.says(payment.order)
        if says == "DECLINED" or payment.amount % 100 == 13:
            raise declined("Fakepay: the charge has already been disputed.")
        if says == "FALSE" or payment.amount % 100 == 14:
            raise declined(
                "An error occurred while attempting to create the refund using the payment gateway API."
            )
        self.payments.append(payment)

    def rows(self) -> list[dict[str, object]]:
        """What was paid back, oldest first, amounts as text."""
        return [
            {
                "order": paid.order,
                "refund": paid.refund,
                "amount": amount(paid.amount),
                "currency": paid.currency,
                "reason": paid.reason,
                "gateway": paid.gateway,
                "at": paid.at,
            }
            for paid in self.payments
        ]


def payment_of(order: dict[str, object], made: dict[str, object], at: int) -> Payment:
    """What the gateway is asked for a refund of an order."""
    return Payment(
        order=int(str(order["id"])),
        refund=int(str(made["id"])),
        amount=cents(made["amount"]),
        currency=str(order["currency"]),
        reason=str(made["reason"]),
        gateway=str(order["payment_method"]),
        at=at,
    )


def declined(message: str) -> Refused:
    """HTTP 500 with a bare number for data: a lasting business error in a server error's clothes."""
    return Refused(500, "woocommerce_rest_cannot_create_order_refund", message, data=500)
