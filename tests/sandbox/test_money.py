"""The money behind a sandbox store: gateways, their ledger, refunds by hand, other decimals and taxes."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from caller import Caller

from storelink.sandbox.admin import DeskError
from storelink.sandbox.running import Running, start


def until(done: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `done` gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def refund(call: Caller, order: int, amount: str = "1.00", **body: Any) -> httpx.Response:
    return call.post(f"orders/{order}/refunds", {"amount": amount, "api_restock": False, **body})


def paid(store: Running) -> list[tuple[int, str]]:
    return [(row["order"], row["amount"]) for row in store.admin.ledger()]


# -- gateways --------------------------------------------------------------------------------------


def test_the_ledger_remembers_what_the_store_forgets(store: Running, call: Caller) -> None:
    order = store.admin.create_order()["id"]
    made = refund(call, order, "2.50", reason="Damaged · ref 7F3A9C1B2D").json()
    assert made["refunded_payment"] is True
    assert store.admin.ledger() == [
        {
            "order": order,
            "refund": made["id"],
            "amount": "2.50",
            "currency": "USD",
            "reason": "Damaged · ref 7F3A9C1B2D",
            "gateway": "fakepay",
            "at": store.admin.ledger()[0]["at"],
        }
    ]
    store.admin.delete_refund(made["id"])
    assert paid(store) == [(order, "2.50")]
    assert store.admin.payments()[0]["amount"] == 250


@pytest.mark.parametrize(
    ("says", "status", "left", "moved"),
    [
        ("SUCCESS", 201, 1, 1),
        ("DECLINED", 500, 0, 0),
        ("FALSE", 500, 0, 0),
        ("DIES_BEFORE", 500, 1, 0),
        ("DIES_AFTER", 500, 1, 1),
        ("FAILS_AFTER", 500, 0, 1),
    ],
)
def test_how_a_gateway_can_be_turned(
    store: Running, call: Caller, says: str, status: int, left: int, moved: int
) -> None:
    order, other = (store.admin.create_order()["id"] for _ in range(2))
    store.admin.turn_gateway(says, order)
    answer = refund(call, order, reason="why")
    assert answer.status_code == status
    if status == 500:
        died = says.startswith("DIES")
        code = "internal_server_error" if died else "woocommerce_rest_cannot_create_order_refund"
        assert answer.json()["code"] == code
    kept = call.json(f"orders/{order}/refunds")
    assert [one["reason"] for one in kept] == ["why"] * left
    assert paid(store) == [(order, "1.00")] * moved
    assert refund(call, other).status_code == 201
    with pytest.raises(DeskError, match="SUCCESS"):
        store.admin.turn_gateway("MAYBE")


def test_a_slow_gateway_that_declines_shows_a_refund_that_vanishes(store: Running, call: Caller) -> None:
    order = store.admin.create_order()["id"]
    store.admin.slow_gateway(0.6, order)
    store.admin.turn_gateway("DECLINED", order)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(refund, call, order, reason="why", meta_data=[{"key": "k", "value": "v"}])
        (seen,) = until(lambda: call.json(f"orders/{order}/refunds"))
        assert (seen["reason"], seen["refunded_payment"], seen["meta_data"]) == ("why", False, [])
        assert asked.result().status_code == 500
    assert call.json(f"orders/{order}/refunds") == []
    assert paid(store) == []


def test_two_at_once_pay_twice(store: Running, call: Caller) -> None:
    order = store.admin.create_order()["id"]
    store.admin.set_site(check_seconds=0.3)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: refund(call, order, "40.00").status_code, range(2)))
    assert answers == [201, 201]
    assert paid(store) == [(order, "40.00")] * 2


def test_by_hand(store: Running) -> None:
    order = store.admin.create_order()["id"]
    recorded = store.admin.refund_by_hand(order, "3.00", "Goodwill", gateway=False)
    assert (recorded["refunded_payment"], paid(store)) == (False, [])
    through = store.admin.refund_by_hand(order, "4.00", "Goodwill")
    assert (through["refunded_payment"], paid(store)) == (True, [(order, "4.00")])
    with pytest.raises(DeskError, match="Invalid refund amount"):
        store.admin.refund_by_hand(order, "40.00")
    assert [one["total"] for one in store.admin.record("orders", order)["refunds"]] == ["-4.00", "-3.00"]


# -- parts -----------------------------------------------------------------------------------------


def test_shipping_and_fees_are_given_back_by_their_ids(store: Running, call: Caller) -> None:
    """As `wc_create_refund` has it: it goes through lines, fees and shipping alike."""
    body = {
        "status": "processing",
        "payment_method": "fakepay",
        "shipping": {"country": "US", "state": "CA"},
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Flat", "total": "7.50"}],
        "fee_lines": [{"name": "Gift wrap", "total": "3.33"}],
    }
    order = call.post("orders", body).json()
    sent, fee = order["shipping_lines"][0], order["fee_lines"][0]
    lines = [
        {"id": part["id"], "quantity": 0, "refund_total": float(part["total"]), "refund_tax": [
            {"id": tax["id"], "refund_total": float(tax["total"])} for tax in part["taxes"]
        ]}
        for part in (sent, fee)
    ]  # fmt: skip
    made = refund(call, order["id"], order["total"], line_items=lines).json()
    assert made["line_items"] == []
    for was, now in ((sent, made["shipping_lines"][0]), (fee, made["fee_lines"][0])):
        assert (now["total"], now["total_tax"]) == (f"-{was['total']}", f"-{was['total_tax']}")
        assert [meta["value"] for meta in now["meta_data"]] == [str(was["id"])]
        assert now["id"] != was["id"]
    (tax,) = made["tax_lines"]
    assert (tax["tax_total"], tax["shipping_tax_total"]) == ("-0.27", "-0.62")
    shown = call.json(f"orders/{order['id']}")
    assert (shown["status"], shown["refunds"][0]["total_tax"]) == ("refunded", "-0.89")


# -- faults of writes ------------------------------------------------------------------------------


def test_a_request_that_waited_is_worked_though_nobody_listens(store: Running, call: Caller) -> None:
    order = store.admin.create_order()["id"]
    store.admin.faults([{"match": {"method": "POST"}, "do": {"slow": 2.0}}])
    with pytest.raises(httpx.ReadTimeout):
        call.http.post(f"orders/{order}/refunds", json={"amount": "5.00"}, timeout=0.1)
    assert call.json(f"orders/{order}/refunds") == []
    until(lambda: paid(store) == [(order, "5.00")])
    assert len(call.json(f"orders/{order}/refunds")) == 1


@pytest.mark.parametrize(
    ("do", "moved"),
    [
        ({"drop": "before"}, 0),
        ({"drop": "after"}, 1),
        ({"truncate": 0.5}, 1),
        ({"status": 429}, 0),
        ({"status": 500}, 0),
        ({"status_after": 502}, 1),
        ({"slow_after": 0.2}, 1),
    ],
    ids=str,
)
def test_what_happens_to_a_write(store: Running, call: Caller, do: dict[str, Any], moved: int) -> None:
    order = store.admin.create_order()["id"]
    store.admin.faults([{"match": {"body": "unlucky", "times": 1}, "do": do}])
    assert refund(call, order, reason="lucky").status_code == 201
    begun = time.monotonic()
    try:
        status = refund(call, order, reason="unlucky").status_code
    except httpx.TransportError:
        status = None
    assert status == do.get("status", do.get("status_after", 201 if "slow_after" in do else None))
    assert time.monotonic() - begun >= do.get("slow_after", 0)
    assert len(paid(store)) == 1 + moved
    assert refund(call, order, reason="unlucky no more").status_code == 201


# -- addresses -------------------------------------------------------------------------------------


def test_an_address_recalculates_whatever_the_status(store: Running, call: Caller) -> None:
    """Facts §7: any PUT with an address, on refunded orders too; a note alone does not."""
    body = {
        "status": "completed",
        "payment_method": "fakepay",
        "shipping": {"country": "US", "state": "CA"},
        "line_items": [{"product_id": call.ids("products", type="simple")[0], "total": "40.00"}],
    }
    order = call.post("orders", body).json()
    assert order["total"] == "43.30"
    store.admin.refund_by_hand(order["id"], "43.30")
    assert call.put(f"orders/{order['id']}", {"customer_note": "x"}).json()["total"] == "43.30"
    moved = call.put(f"orders/{order['id']}", {"shipping": {"country": "DE", "state": ""}}).json()
    assert (moved["total"], moved["status"]) == ("47.60", "refunded")
    assert moved["refunds"][0]["total"] == "-43.30"
    assert call.put(f"orders/{order['id']}", {"billing": {"city": "X"}}).json()["total"] == "47.60"


# -- other decimals and taxes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "decimals", "inside"), [("JPY", 0, True), ("KWD", 3, False), ("EUR", 2, True)]
)
def test_a_shop_in_another_money_adds_up(currency: str, decimals: int, inside: bool) -> None:
    with start(
        orders=60, products=20, customers=10, https=True,
        currency=currency, decimals=decimals, prices_include_tax=inside,
    ) as store:  # fmt: skip
        found = store.admin.records("orders")
        assert {doc["currency"] for doc in found} >= {currency}
        assert any(doc["total_tax"].strip("0.") for doc in found)
        for doc in found:
            assert doc["prices_include_tax"] is inside
            assert len(doc["total"].partition(".")[2]) == decimals
            parts = [*doc["line_items"], *doc["shipping_lines"], *doc["fee_lines"]]
            whole = sum(Decimal(part["total"]) + Decimal(part["total_tax"]) for part in parts)
            assert whole == Decimal(doc["total"])
            for part in parts:
                taxes = sum(Decimal(tax["total"]) for tax in part["taxes"])
                assert taxes == Decimal(part["total_tax"])
        caller = Caller(store)
        status = caller.json("system_status")["settings"]
        assert (status["currency"], status["number_of_decimals"]) == (currency, decimals)
        order = next(doc for doc in found if doc["status"] == "completed" and not doc["refunds"])
        store.admin.edit_order(order["id"], payment_method="fakepay")
        assert refund(caller, order["id"], order["total"]).json()["amount"] == order["total"]
        assert [row["amount"] for row in store.admin.ledger()] == [order["total"]]
        caller.close()
