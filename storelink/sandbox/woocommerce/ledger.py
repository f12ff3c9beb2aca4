"""The payment gateway behind the store: what it was asked, and what it paid back."""

from dataclasses import dataclass

from storelink.sandbox.money import cents
from storelink.sandbox.woocommerce.answers import Refused

#: gateway → switched on, what it supports
GATEWAYS = {
    "bacs": (True, ["products"]),
    "cheque": (False, ["products"]),
    "cod": (True, ["products"]),
    "fakepay": (True, ["products", "refunds"]),
    "nopay": (True, ["products"]),
}


@dataclass(frozen=True, slots=True)
class Payment:
    """Money sent back; `amount` in cents of the order's currency."""

    order: int
    amount: int
    reason: str
    at: int


class Ledger:
    """Refunds that the gateway really made: it never forgets one, whatever the store does after.

    Amounts that end in .13 are declined in the gateway's own words, in .14 without a word.
    """

    def __init__(self) -> None:
        self.payments: list[Payment] = []

    def check(self, gateway: str) -> None:
        """Raise what the store says before it even asks."""
        if gateway not in GATEWAYS:
            raise declined("The payment gateway for this order does not exist.")
        if "refunds" not in GATEWAYS[gateway][1]:
            raise declined("The payment gateway for this order does not support automatic refunds.")

    def pay_back(self, order: int, money: str, reason: str, at: int) -> None:
        """Send money back, or raise the gateway's refusal."""
        value = cents(money)
        if value % 100 == 13:
            raise declined("Fakepay: the charge has already been disputed.")
        if value % 100 == 14:
            raise declined(
                "An error occurred while attempting to create the refund using the payment gateway API."
            )
        self.payments.append(Payment(order, value, reason, at))


def declined(message: str) -> Refused:
    """HTTP 500 with a bare number for data: a lasting business error in a server error's clothes."""
    return Refused(500, "woocommerce_rest_cannot_create_order_refund", message, data=500)
