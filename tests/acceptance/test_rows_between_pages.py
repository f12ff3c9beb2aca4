"""Done when 2: a store that is worked on while it is read for the first time.

Orders, products, variations, customers and refunds are made, edited, trashed, restored and deleted
between the pages of the backfill. After the next incremental pass the store's own list and the
tables agree, and the tables say what the store says, field by field.

What no list can show (a deletion after the resource's last list, a deleted refund, an edit that
moves no date) comes after that, and is what `verify --deep --fix` is for.
"""

import os
from random import Random
from typing import Any

import pytest
from woo_laboratory import WooLaboratory

from storelink.conformance.registered import Registered, registered

SEEDS = 100 if os.environ.get("STORELINK_SOAK") == "1" else 10
STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "failed")


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_verify_is_zero_after_a_backfill_of_a_store_that_is_worked_on(database, seed):
    chance = Random(seed)
    plan: dict[str, Any] = {"orders": 320, "products": 110, "customers": 140, "seed": seed}
    if seed % 3 == 0:  # an older WooCommerce, without lists over all refunds and variations
        plan |= {"has_refunds": False, "has_variations": False, "hpos": False}
    plan["time_zone"] = ("America/New_York", "Asia/Kolkata")[seed % 2]
    with WooLaboratory(0, **plan) as lab, registered(database, lab) as store:
        lab.pass_time(3600)
        spared = _spared(lab, chance)
        lab.admin.faults(_edits_between_requests(chance, spared))
        store.synchronize(report=lambda page: _work(store, chance, spared, page.resource))
        assert max(lab.admin.fired()) > 0, "nothing was edited between two requests"
        lab.admin.faults([])
        lab.pass_time(120)
        store.synchronize()

        assert _drift(store.verify()) == {}
        assert _differences(store) == []

        _work_unseen(lab, chance)
        lab.pass_time(120)
        store.synchronize()
        store.verify(deep=True, fix=True)
        assert _drift(store.verify(deep=True)) == {}
        assert _differences(store) == []


# -- the script ------------------------------------------------------------------------------------


def _spared(lab: WooLaboratory, chance: Random) -> dict[str, list[int]]:
    """Records that are never deleted, so that edits may be scripted ahead."""
    truth = lab.admin.truth()
    kinds = {kind: [row["id"] for row in rows] for kind, rows in truth.items()}
    spared = {kind: sorted(chance.sample(ids, len(ids) * 2 // 3)) for kind, ids in kinds.items()}
    parents = {row["id"]: row["parent"] for row in truth["variations"]}
    spared["variations"] = [key for key in kinds["variations"] if parents[key] in spared["products"]]
    return spared


def _edits_between_requests(chance: Random, spared: dict[str, list[int]]) -> list[dict[str, Any]]:
    """Fault rules: just before the n-th request is answered, some of these happen."""
    rules = []
    for nth in range(1, 120):
        edits = [_edit(chance, spared) for _ in range(chance.choice((0, 1, 1, 2, 4)))]
        edits.append(["advance", chance.choice((0, 0, 0.5, 1, 3))])
        rules.append({"match": {"nth": nth}, "do": {"edits": edits}})
    return rules


def _edit(chance: Random, spared: dict[str, list[int]]) -> list[Any]:
    order, product, variation, customer = (
        chance.choice(spared[kind]) for kind in ("orders", "products", "variations", "customers")
    )
    return chance.choice(
        [
            ["edit_order", order, {"status": chance.choice(STATUSES)}],
            ["edit_order", order, {"customer_note": f"note {chance.random()}"}],
            ["edit_product", product, {"name": f"Renamed {chance.randrange(999)}"}],
            ["edit_variation", variation, {"regular_price": f"{chance.randrange(1, 99)}.95"}],
            ["edit_customer", customer, {"first_name": f"Ann{chance.randrange(999)}"}],
            ["trash", "orders", order],
            ["restore", "orders", order],
            ["trash", "products", product],
            ["restore", "products", product],
            ["add_refund", order, "0.37", {"reason": "late"}],
            ["create_order"],
            ["create_product"],
            ["create_customer"],
        ]
    )


def _work(store: Registered, chance: Random, spared: dict[str, list[int]], resource: str) -> None:
    """Between two pages of a resource: deletions, most of them of rows that were read already."""
    (state,) = store.select("SELECT phase FROM sync_state WHERE resource = %s", resource)
    if state["phase"] != "backfill":
        return  # its last list was made; of what is deleted now no list tells
    lab, admin = store.lab, store.lab.admin  # type: ignore[attr-defined]
    lab.pass_time(chance.choice((0, 1, 2)))
    truth = {kind: [row["id"] for row in rows] for kind, rows in admin.truth().items()}
    for _ in range(chance.choice((1, 2, 3))):
        left = [key for key in truth[resource] if key not in spared[resource]]
        if len(left) > 10:
            key = left[int(chance.random() ** 2 * len(left))]
            truth[resource].remove(key)
            admin.delete(resource, key)
    if resource == "products":
        parents = {row["id"]: row["parent"] for row in admin.truth()["variations"]}
        free = [key for key, parent in parents.items() if parent not in spared["products"]]
        if free:
            admin.create_variation(parents[chance.choice(free)])
            admin.delete("variations", chance.choice(free))
    for kind in ("orders", "products"):
        first = chance.randrange(len(spared[kind]))
        for key in spared[kind][first : first + chance.choice((1, 1, 25))]:  # a few, or a whole run of rows
            chance.choice((admin.trash, admin.restore))(kind, key)


def _work_unseen(lab: WooLaboratory, chance: Random) -> None:
    """What moves no date, and what no list shows any more."""
    admin = lab.admin
    for refund in chance.sample(admin.records("refunds"), 4):
        admin.delete_refund(refund["id"])
    orders = [doc for doc in admin.records("orders") if doc["status"] in STATUSES]
    for doc in chance.sample(orders, 5):
        admin.set_field_silently("orders", doc["id"], status="completed", total="1.23")
    for kind in ("orders", "products", "customers"):
        admin.delete(kind, chance.choice(admin.truth()[kind])["id"])
    admin.delete("variations", chance.choice(admin.truth()["variations"])["id"])


# -- the judgement ---------------------------------------------------------------------------------


def _drift(ledgers: list[Any]) -> dict[str, Any]:
    """The resources that differ, by what `verify` found."""
    return {
        ledger.resource: ledger
        for ledger in ledgers
        if ledger.found or ledger.drift or ledger.unanswered or ledger.quarantined or ledger.withheld
    }


def _differences(store: Registered) -> list[str]:
    """Where the tables say something else than the store does, lines and refunds included."""
    found = [line for resource in store.resources for line in store.differences(resource)]
    admin = store.lab.admin  # type: ignore[attr-defined]
    orders = {str(doc["id"]): doc for doc in admin.records("orders") if doc["status"] != "checkout-draft"}
    for table, column, part in (
        ("order_item", "item_id", "line_items"),
        ("order_refund", "refund_id", "refunds"),
    ):
        held: dict[str, set[str]] = {}
        for row in store.select(f"SELECT order_id, {column} FROM {table}"):
            held.setdefault(row["order_id"], set()).add(row[column])
        for key, doc in orders.items():
            wanted = {str(line["id"]) for line in doc[part]}
            if held.get(key, set()) != wanted:
                found.append(f"order {key}: {table} has {held.get(key)}, the store {wanted}")
    return found
