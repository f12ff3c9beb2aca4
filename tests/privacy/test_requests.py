"""What people asked for in a store is gone through too when a person is erased."""

from decimal import Decimal
from typing import Any

import pytest
from private_store import Store

from storelink.models import ActionPreview, AddressUpdateRequest, RefundRequest
from storelink.sync import account, privacy
from storelink.sync.person import find

SECRET = "Geheimweg 7"


@pytest.fixture
def platform() -> str:
    return "woocommerce"


def _ask(shop: Store, orders: list[str]) -> None:
    """A change that is settled, one that was just sent, two refunds, a preview; the secret in all."""
    one, two = orders[:2]
    address = {"address1": SECRET}
    with shop.database.session() as session:
        about: dict[str, Any] = {"connector_id": account.find(session, "shop").id}
        change = about | {
            "wish": address, "plan": {"changes": address, "new": address}, "new_address": address,
            "old_address": address, "body": SECRET, "note": SECRET, "seen": address, "error": SECRET,
        }  # fmt: skip
        session.add_all(
            [
                AddressUpdateRequest(
                    **change, order_id=one, stage="settled", status="updated", response=address
                ),
                AddressUpdateRequest(**change, order_id=two, stage="sent", status="pending"),
                RefundRequest(
                    **about, order_id=one, stage="settled", status="processed", amount=Decimal(5),
                    reason=SECRET, note=SECRET, body=SECRET,
                    response={"id": "9", "detail": SECRET, "why": SECRET},
                ),
                RefundRequest(
                    **about, order_id=one, stage="failed", status="failed", amount=Decimal(5),
                    error=f"Withdrawn by me: {SECRET}",
                ),
                RefundRequest(
                    **about, order_id=two, stage="requested", status="pending", amount=Decimal(5), note=SECRET
                ),
                ActionPreview(
                    **about, order_id=one, kind="shipping", wish=address, shown=address, digest="x",
                    made_by="me",
                ),
            ]
        )  # fmt: skip
        session.commit()


def test_requests_about_a_persons_orders_lose_what_is_personal(shop: Store) -> None:
    person = shop.somebody()
    with shop.database.session() as session:
        store = account.find(session, "shop")
        found = find(session, store, customer=person["customer_id"])
    orders = sorted(found.orders)
    _ask(shop, orders)
    with shop.database.session() as session:
        told = privacy.export(session, account.find(session, "shop"), found)
    assert [len(told[name]) for name in ("refund_requests", "address_update_requests")] == [3, 2]
    assert SECRET in str(told["address_update_requests"])
    assert SECRET in shop.dump()
    shop.erase(customer=person["customer_id"])
    assert SECRET not in shop.dump()
    changes = shop.select("SELECT * FROM address_update_request ORDER BY stage DESC")
    assert [(one["stage"], one["status"]) for one in changes] == [
        ("settled", "updated"),
        ("failed", "failed"),
    ]
    assert all(one["redacted_at"] for one in changes) and "look at the order" in changes[1]["error"]
    refunds = shop.select("SELECT * FROM refund_request ORDER BY stage DESC")
    assert [one["stage"] for one in refunds] == ["settled", "requested", "failed"]
    assert {one["amount"] for one in refunds} == {5}
    assert refunds[0]["response"] == {"id": "9"}
    assert shop.select("SELECT 1 FROM action_preview") == []
    again = shop.select("SELECT * FROM address_update_request ORDER BY stage DESC")
    shop.erase(customer=person["customer_id"])
    assert shop.select("SELECT * FROM address_update_request ORDER BY stage DESC") == again
