"""Issue 5, Done when 2: killed at every commit and every call of one request, started again, one right end.

`make test` dies at the moments that a person would name, around the call; `make soak` at all of them.
"""

import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from fleet import Fleet

from storelink.connectors.action import Wish, reference_in
from storelink.sandbox.running import start, start_shopify
from storelink.sync.opening import open_subject

CRASHING = Path(__file__).parents[1] / "support" / "request_crash.py"
SIZE = {"orders": 60, "products": 12, "customers": 15}
PLACES = ["planned", "intended", "called", "looked"]
ADDRESS = {
    "first_name": "Jo", "last_name": "Park", "address_1": "1 Main St", "city": "Austin", "state": "TX",
    "postcode": "78701", "country": "US",
}  # fmt: skip


@pytest.fixture(params=["woocommerce", "shopify"])
def platform(request):
    return request.param


@pytest.fixture
def shop(platform):
    opening = start(**SIZE) if platform == "woocommerce" else start_shopify(plan="enterprise", **SIZE)
    with opening as running:
        yield running


@pytest.fixture
def fleet(platform, shop, database, settings, database_url, home):
    fleet = Fleet(database_url.replace("postgresql+psycopg", "postgresql"), settings, database, home)
    (fleet.add_woo if platform == "woocommerce" else fleet.add_shopify)(shop, "shop")
    return fleet


@pytest.mark.timeout(1800)
def test_killed_at_every_moment_of_a_refund(platform, shop, fleet, scale):
    order = _refundable(fleet, shop, scale(5, 60))
    found = _killed_again_and_again(fleet, "refund", order, scale)
    paid = Counter(reference_in(row["reason"] or "") for row in shop.admin.ledger())
    for one in found:
        if (platform, one["place"]) == ("woocommerce", "intended"):
            # whether it was sent is not known, and WooCommerce would do it twice: a person is to look
            assert one["stage"] == "needs_attention", one
            assert "never answered" in one["error"], one
            assert paid[one["reference"]] == 0, one
        else:
            assert (one["stage"], one["status"], one["error"]) == ("settled", "processed", None), one
            assert paid[one["reference"]] == 1, one
        assert one["attempts"] == (2 if (platform, one["place"]) == ("shopify", "intended") else 1), one
    assert sum(paid.values()) == len(paid), "one of them was paid twice"


@pytest.mark.timeout(1800)
def test_killed_at_every_moment_of_a_change_of_address(platform, shop, fleet, scale):
    order = _movable(platform, shop)
    found = _killed_again_and_again(fleet, "address", order, scale)
    for one in found:
        assert (one["stage"], one["status"], one["error"]) == ("settled", "updated", None), one
        # sent again only where the call never left, and only after a look
        assert one["attempts"] == (2 if one["place"] == "intended" else 1), one
    record = next(one for one in shop.admin.records("orders") if str(one["id"]) == order)
    held = record["shipping" if platform == "woocommerce" else "_shipping"]
    assert held["city"] == found[-1]["idempotency_key"]


def _killed_again_and_again(fleet, kind, order, scale):
    """What was found of each moment, in their order."""
    done = subprocess.run(
        [sys.executable, CRASHING, kind, "shop", order, scale("few", "all")], env=fleet.environment,
        capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["place"] for one in found if one["place"]] == PLACES
    assert len(found) == scale(len(PLACES), found[0]["of"])
    assert {one["requests"] for one in found} == {1}
    return found


def _refundable(fleet, shop, least):
    """An order of which its gateway can pay back so much."""
    with open_subject(fleet.database, fleet.keyring, "shop", fleet.settings) as subject:
        for row in shop.admin.records("orders"):
            plan = subject.store.actions.plan_refund(str(row["id"]), Wish(amount=Decimal("0.50")))
            automatic = plan.payments and all(one.automatic for one in plan.payments)
            enough = plan.standing.left > least and plan.presentment is None
            if not plan.refusals and automatic and enough:
                return str(row["id"])
    raise AssertionError("no order is worth it")


def _movable(platform, shop):
    """An order whose address may be changed."""
    orders = shop.admin.records("orders")
    if platform == "woocommerce":
        order = next(one for one in orders if one["status"] == "processing")
        shop.admin.edit_order(order["id"], shipping=ADDRESS)
        return str(order["id"])
    return next(
        str(one["id"]) for one in orders
        if (one["displayFulfillmentStatus"], one["displayFinancialStatus"]) == ("UNFULFILLED", "PAID")
        and not one["cancelledAt"] and one["_shipping"]
    )  # fmt: skip
