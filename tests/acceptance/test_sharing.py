"""Two processes that know nothing of each other read one shop by pages, from one bucket of points."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from storelink.sandbox.running import RunningShopify, start_shopify

SOAK = os.environ.get("STORELINK_SOAK") == "1"
SIZES = [(0.3, 250), (0.6, 1000)] if SOAK else [(0.3, 250)]
"""Seconds that an answer takes, and points that a page may cost: small pages can be counted sooner."""
READER = Path(__file__).parents[1] / "support" / "paged_reader.py"


@pytest.mark.parametrize(("latency", "most"), SIZES, ids=str)
def test_two_processes_share_the_points_of_a_shop(scale, latency, most):
    with start_shopify(orders=400, products=20, customers=20, latency=latency, process=True) as shop:
        shop.admin.set_site(max_cost=most)
        shop.admin.drain(shop.admin.spent()["size"] * 0.75)
        readers = [_begin(shop), _begin(shop)]
        try:
            before = _past(shop, 6 * shop.admin.spent()["rate"])
            after = _past(shop, scale(15, 120) * before["rate"])
            told = [_end(reader) for reader in readers]
        finally:
            for reader in readers:
                reader.kill()
                reader.communicate()
    spent, seconds = after["actual"] - before["actual"], after["at"] - before["at"]
    kept = after["level"] - before["level"]  # not drawn yet, and not lost: the bucket is not full
    page = spent / (after["queries"] - before["queries"])
    assert spent + kept >= 0.95 * before["rate"] * seconds - 2 * page
    assert after["level"] < 0.95 * after["size"], "points were lost"
    assert after["throttled"] <= 0.05 * after["queries"]
    fewest, most = sorted(one["orders"] for one in told)
    assert fewest >= 0.5 * most, told


def _begin(shop: RunningShopify) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(READER), shop.url, shop.token],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _end(reader: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = reader.communicate(timeout=60)
    told: dict[str, Any] = json.loads(said)
    return told


def _past(shop: RunningShopify, points: float) -> dict[str, Any]:
    """Wait until so many more points were spent."""
    goal, deadline = shop.admin.spent()["actual"] + points, time.monotonic() + 200
    while True:
        found = {**shop.admin.spent(), "at": time.monotonic()}
        if found["actual"] >= goal:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
