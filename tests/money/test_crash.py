"""Issue 5, Done when 2: killed before and after every commit and every call of one refund, one right end."""

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
from storelink.sync import refund
from storelink.sync.limit import Asker
from storelink.sync.opening import open_subject

CRASHING = Path(__file__).parents[1] / "support" / "refund_crash.py"
SIZE = {"orders": 60, "products": 12, "customers": 15}


@pytest.fixture(params=["woocommerce", "shopify"])
def shop(request):
    opening = start(**SIZE) if request.param == "woocommerce" else start_shopify(plan="enterprise", **SIZE)
    with opening as running:
        yield request.param, running


@pytest.mark.timeout(3600)
def test_killed_at_every_moment_of_a_refund(shop, database, settings, database_url, home, scale):
    platform, running = shop
    fleet = Fleet(database_url.replace("postgresql+psycopg", "postgresql"), settings, database, home)
    (fleet.add_woo if platform == "woocommerce" else fleet.add_shopify)(running, "shop")
    order = _rich_order(fleet, running)
    done = subprocess.run(
        [sys.executable, str(CRASHING), "shop", order, str(scale(40, 1))],
        env=fleet.environment, capture_output=True, text=True, timeout=3000, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {"before the refund", "after the refund"} <= {one["was"] for one in lines}
    paid = Counter(reference_in(row["reason"] or "") for row in running.admin.ledger())
    for one in lines:
        money = paid[one["reference"]]
        assert one["requests"] == 1, one
        assert money <= 1, one
        if one["stage"] == "settled":
            assert money == 1, one
        else:
            assert (platform, one["stage"]) == ("woocommerce", "needs_attention"), one
            assert "never answered" in one["error"], one
    unclear = [one["was"] for one in lines if one["stage"] == "needs_attention"]
    # WooCommerce: the very stretch between writing down that it is sent, and its arrival
    assert set(unclear) <= {"after commit", "before the refund"}, unclear
    assert bool(unclear) == (platform == "woocommerce")


def _rich_order(fleet, running):
    with open_subject(fleet.database, fleet.keyring, "shop", fleet.settings) as subject:
        for row in running.admin.records("orders"):
            made = refund.preview(
                fleet.database, subject, str(row["id"]), Wish(amount=Decimal("0.50")), Asker("a", "b")
            )
            plan = made.document
            automatic = plan["payments"] and all(one["automatic"] for one in plan["payments"])
            if not plan["refusals"] and automatic and Decimal(plan["left"]) > 120 and not plan["presentment"]:
                return str(row["id"])
    raise AssertionError("no order is worth it")
