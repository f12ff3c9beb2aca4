"""Issue 5, Done when 1: whatever goes wrong, the gateway has paid each refund once or not at all.

Small here; `make money-test` asks for 2,000 refunds. What every request meets is decided by the seed.
"""

import os
import threading
from collections import Counter
from decimal import Decimal
from random import Random

import pytest
from fleet import Fleet
from market import Market

from storelink.sandbox.running import start, start_shopify

COUNT = int(os.environ.get("MONEY_REFUNDS", "0"))
SEED = int(os.environ.get("MONEY_SEED", "5"))


@pytest.mark.timeout(3600)
def test_money_moves_once_or_never(database, settings, database_url, home):
    count = COUNT or 24
    large = count > 100
    fleet = Fleet(database_url.replace("postgresql+psycopg", "postgresql"), settings, database, home)
    size = {"orders": 400 if large else 60, "products": 12, "customers": 15, "seed": SEED}
    with (
        start(process=large, **size) as woo,
        start_shopify(process=large, plan="enterprise", **size) as shopify,
    ):
        market = Market(fleet, woo, shopify, Random(SEED))
        if large:
            market.between_kills = 25
        else:
            market.grace, market.late, market.most = 1.0, 3.2, 2
        market.open(80 if large else 10)
        asks = market.asks(count)
        market.daemons = [market.start_daemon(serve=True), market.start_daemon(serve=False)]
        try:
            _trade(market, asks, large)
        finally:
            market.over.set()
            for process in fleet.processes:
                if process.child.poll() is None:
                    process.kill()
        _settle_accounts(market)


def _trade(market, asks, large):
    """All is asked for while everything goes wrong; once little is left to do, nothing does any more."""
    market.fleet.wait("SELECT count(*) >= 2 FROM storelink_jobs.procrastinate_workers")
    market.go_wrong(once=not large)
    trouble = threading.Thread(target=market.disturb, args=(2.0 if large else 0.4,), daemon=True)
    trouble.start()
    market.ask_all(asks, hands=4)
    market.wait_until_tried(len(asks) // 20, 1500 if large else 400)
    market.over.set()
    trouble.join(60)
    assert market.failures == []
    market.go_well()
    market.rest(900 if large else 400)


def _settle_accounts(market):
    """What storelink says of each request, beside what the gateways have paid."""
    requests, paid = market.requests(), market.paid()
    marks = {one["reference"] for one in requests}
    assert {mark for mark in paid if mark is not None} <= marks, "money for a request that there is not"
    keys = Counter(one["idempotency_key"] for one in requests)
    assert max(keys.values()) == 1, "one key, two requests"
    for one in requests:
        payments, told = paid[one["reference"]], (one["id"], one["stage"], one["store"], one["error"])
        assert one["stage"] in ("settled", "failed"), told
        expected = [] if one["stage"] == "failed" else _by_gateways(one)
        assert len(payments) <= len(expected), ("paid, and we say it was not, or more than once", told)
        assert sorted(payments) == expected, ("not paid, and we say it was", told)
        if one["stage"] == "settled":
            assert one["unclear"] or one["moved_amount"] == sum(expected), told
        assert one["unclear"] or not one["judged"], ("a person was asked of what was clear", told)
    assert market.mishaps >= (100 if len(requests) > 100 else 8), "hardly anything went wrong"
    assert market.kills >= 2
    _ties(market, requests)
    _report(market, requests, paid)


def _by_gateways(one):
    """What the gateways were to pay for it: of an order paid in part by hand, that part goes by hand too."""
    if one["by_hand"]:
        return []
    payments = one["plan"]["payments"]
    automatic = sorted(Decimal(part["amount"]) for part in payments if part["automatic"])
    return automatic if payments else [one["amount"]]


def _ties(market, requests):
    """Every refund in our tables is one of ours, or was made elsewhere."""
    rows = market.fleet.select(
        "SELECT f.refund_id, f.refund_request_id, f.reason, c.name AS store FROM order_refund f"
        " JOIN connector_config c ON c.id = f.connector_id WHERE f.refund_request_id IS NOT NULL"
    )
    tied = {row["refund_request_id"]: row for row in rows}
    for one in requests:
        if one["stage"] == "settled" and one["refund_id"] and not one["judged"]:
            assert tied[one["id"]]["refund_id"] == one["refund_id"]
            assert tied[one["id"]]["store"] == one["store"]
    for row in rows:
        assert row["refund_request_id"] in {one["id"] for one in requests}
        assert "By hand" not in (row["reason"] or "")


def _report(market, requests, paid):
    ends = Counter(
        f"{one['store']} {one['stage']}{' after a person looked' if one['unclear'] else ''}"
        for one in requests
    )
    print(f"\nseed {SEED}: {len(requests)} requests, {sum(market.refused.values())} turned away at the door")
    for end, number in sorted(ends.items()):
        print(f"  {number:5} {end}")
    money = sum(len(found) for mark, found in paid.items() if mark is not None)
    print(f"  {money:5} payments of ours, {len(paid[None])} of others")
    print(
        f"  {market.kills:5} daemons killed, {market.by_hand} refunds made by hand, {market.mishaps} mishaps"
    )
    sends = Counter(one["attempts"] for one in requests)
    print(f"  sends of a request: {dict(sorted(sends.items()))}")
