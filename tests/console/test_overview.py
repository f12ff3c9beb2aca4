"""The heading of the overview is the answer, whatever waits for a person."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from console_house import ConsoleHouse

from storelink.sync.status import ResourceStatus, StoreStatus
from storelink.web.console.health import Asked, heading

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def store(name: str, state: str = "in_step") -> StoreStatus:
    one = ResourceStatus(
        "orders", state, "live", False, None, None, 300, NOW, NOW, 9, 0, 0, 0, 0, NOW, 0, 0, None, 0
    )
    return StoreStatus(uuid4(), name, "shopify", "https://x.example", "active", 300, NOW, None, None, (one,))


TWO = [store("a"), store("b")]


@pytest.mark.parametrize(
    ("stores", "asked", "head", "lede"),
    [
        (TWO, Asked(), "All 2 stores are in step", ""),
        (TWO, Asked(approvals=1), "1 refund waits for approval", "All 2 stores are in step."),
        (TWO, Asked(frozenset("a"), refunds=1), "1 of 2 stores needs a person",
         "1 is in step. 1 refund has an unknown outcome."),
        (TWO, Asked(frozenset("ab"), 1, 2, 3), "2 of 2 stores need a person",
         "1 refund and 2 changes of address have an unknown outcome. 3 refunds wait for approval."),
        ([store("a"), store("b", "drift")], Asked(frozenset("a"), addresses=1), "2 of 2 stores need a person",
         "1 change of address has an unknown outcome."),
        (TWO[:1], Asked(frozenset("a"), refunds=2), "a needs a person",
         "2 refunds have an unknown outcome."),
        ([store("a"), store("b", "late")], Asked(), "Nothing needs a person", "1 is in step, 1 is late."),
        ([], Asked(), "No store is connected yet",
         "Connect one, and storelink reads it whole, then keeps it in step."),
    ],
)  # fmt: skip
def test_the_heading(stores: list[StoreStatus], asked: Asked, head: str, lede: str) -> None:
    assert heading(stores, asked) == (head, lede)


def test_what_waits_for_people_is_in_the_heading_and_the_part_alone_has_it(house: ConsoleHouse) -> None:
    ops = house.sign_in("support")
    page = ops.get("/console/overview").text
    assert "2 of 2 stores need a person</h1>" in page
    assert "2 refunds have an unknown outcome. 2 refunds wait for approval." in page
    assert page.count("has an unknown outcome</h3>") == 2 and "2 refunds wait for approval</h3>" in page
    part = ops.get("/console/overview", headers={"HX-Request": "true"}).text
    assert "<html" not in part and "2 of 2 stores need a person</h1>" in part and "chart" not in part
    assert 'data-live="overview" data-mark="' in part
