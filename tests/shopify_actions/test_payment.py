"""What payments can still give back, and how a sum is spread over them."""

from decimal import Decimal
from typing import Any

from storelink.connectors.shopify.payment import as_suggested, purses_of, spread

D = Decimal


def bag(amount: str) -> dict[str, Any]:
    money = {"amount": amount, "currencyCode": "USD"}
    return {"shopMoney": money, "presentmentMoney": money}


def part(number: int, kind: str, amount: str, parent: int | None = None, status: str = "SUCCESS") -> Any:
    of = None if parent is None else {"id": f"T{parent}"}
    return {
        "id": f"T{number}", "kind": kind, "status": status, "gateway": "g", "formattedGateway": "G",
        "manualPaymentGateway": False, "amountSet": bag(amount), "parentTransaction": of,
    }  # fmt: skip


def suggestion(*parts: tuple[int, str, str | None]) -> dict[str, Any]:
    return {
        "suggestedTransactions": [
            {
                "parentTransaction": {"id": f"T{parent}"},
                "amountSet": bag(amount),
                "maximumRefundableSet": most and bag(most),
            }
            for parent, amount, most in parts
        ]
    }


def purses(*transactions: Any, suggested: Any = None) -> dict[str, Decimal]:
    found = purses_of({"transactions": list(transactions)}, suggested or suggestion(), "USD", shown=False)
    return {purse.parent: purse.most for purse in found}


def test_what_went_back_or_may_is_taken_off() -> None:
    """A shop may not count what is pending; storelink does, so that it is not given back twice."""
    paid = part(1, "SALE", "10.0"), part(2, "CAPTURE", "5.0")
    assert purses(*paid) == {"T1": D(10), "T2": D(5)}
    for status in ("SUCCESS", "PENDING", "AWAITING_RESPONSE", "UNKNOWN"):
        assert purses(*paid, part(3, "REFUND", "4.0", 1, status)) == {"T1": D(6), "T2": D(5)}
    for status in ("FAILURE", "ERROR"):
        assert purses(*paid, part(3, "REFUND", "4.0", 1, status)) == {"T1": D(10), "T2": D(5)}
    assert purses(*paid, part(3, "REFUND", "12.0")) == {"T2": D(3)}
    assert purses(part(1, "AUTHORIZATION", "9.0"), part(2, "SALE", "9.0", status="PENDING")) == {}


def test_shopifys_own_maximum_counts_as_well_and_its_order_is_kept() -> None:
    paid = part(1, "SALE", "10.0"), part(2, "SALE", "5.0")
    suggested = suggestion((2, "1.0", "4.0"), (1, "1.0", "99.0"), (7, "1.0", "1.0"))
    assert list(purses(*paid, suggested=suggested).items()) == [("T2", D(4)), ("T1", D(10))]
    assert purses(*paid, suggested=suggestion((2, "1.0", "0.0"))) == {"T1": D(10)}


def test_parts_are_as_suggested_only_where_they_are_the_amount_and_there() -> None:
    order = {"transactions": [part(1, "SALE", "10.0"), part(2, "SALE", "5.0")]}
    held = purses_of(order, suggestion(), "USD", shown=False)

    def parts(amount: str, *wished: tuple[int, str, str | None]) -> list[Decimal] | None:
        found = as_suggested(held, suggestion(*wished), "USD", D(amount), shown=False)
        return found and [one.amount for one in found]

    assert parts("7", (1, "3.0", None), (2, "4.0", None)) == [D(3), D(4)]
    assert parts("8", (1, "3.0", None), (2, "4.0", None)) is None
    assert parts("6", (2, "6.0", None)) is None
    assert parts("6", (1, "3.0", None), (1, "3.0", None)) is None
    assert parts("3", (9, "3.0", None)) is None
    assert [one.amount for one in spread(held, D(12))] == [D(10), D(2)]
    assert sum(one.amount for one in spread(held, D(99))) == 15
