"""Reading everything from a simulated store over real sockets, while its rows move."""

import itertools
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from woo_reading import RESOURCES, SETTINGS, Reading, Shop, ids, lines, truth

from storelink.connectors.protocol import Rows
from storelink.connectors.woocommerce.normalize import normalize
from storelink.sandbox.running import Running


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_backfill_brings_every_record_once_trash_and_all(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=350, products=230, customers=210)
    pages = list(reading(store).backfill(resource, None))
    found = ids(pages)
    assert sorted(found) == sorted(truth(store, resource))
    assert len(set(found)) == len(found)
    assert pages[-1].cursor == {"stage": "done", "last_id": 0, "offset": 0}
    assert pages[-1].total == len(found)
    assert not any(page.broken for page in pages)
    assert all(page.read.store_time for page in pages)


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_record_of_the_store_becomes_rows(shop: Shop, reading: Reading, resource: str) -> None:
    store = shop()
    for page in reading(store).backfill(resource, None):
        for raw in page.records:
            assert isinstance(normalize(resource, raw, SETTINGS), Rows)


def test_orders_come_with_their_refunds_and_only_with_those(shop: Shop, reading: Reading) -> None:
    store = shop(orders=250, refunded_share=0.5)
    seen = 0
    for page in reading(store).backfill("orders", None):
        for raw in page.records:
            named = [refund["id"] for refund in raw["refunds"]]
            assert [refund["id"] for refund in raw.get("refund_details", [])] == named
            seen += len(named)
    assert seen == store.admin.counts()["refunds"] > 60


def test_products_come_with_their_variations(shop: Shop, reading: Reading) -> None:
    store = shop(products=250)
    children = [row["id"] for row in store.admin.truth()["variations"] if row["status"] != "trash"]
    found = [
        detail["id"]
        for page in reading(store).backfill("products", None)
        for raw in page.records
        for detail in raw.get("variation_details", [])
    ]
    assert sorted(found) == sorted(children) and len(found) > 100


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_empty_store_gives_a_page_with_the_time_of_its_read(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=0, products=0, customers=0)
    pages = list(reading(store).backfill(resource, None))
    assert pages and pages[0].read.store_time is not None
    assert set(ids(pages)) == set(truth(store, resource))


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_backfill_resumes_from_any_cursor_with_no_gap_and_no_repeat(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=420, products=320, customers=320)
    cursor, found = None, []
    for _ in range(80):
        pages = reading(store).backfill(resource, json.loads(json.dumps(cursor)))
        page = next(pages, None)
        pages.close()
        if page is None:
            break
        found += [raw["id"] for raw in page.records]
        cursor = page.cursor
    assert sorted(found) == sorted(truth(store, resource))


@pytest.mark.parametrize(
    "cursor",
    [{}, {"stage": "other"}, {"stage": "live", "last_id": "x", "offset": 0}, {"last_id": 5}, {"stage": None}],
)
def test_a_cursor_of_another_making_starts_anew(shop: Shop, reading: Reading, cursor: dict[str, Any]) -> None:
    store = shop(orders=30)
    assert sorted(ids(reading(store).backfill("orders", cursor))) == sorted(truth(store, "orders"))


def scripted(seed: int, store: Running, kind: str) -> list[dict[str, Any]]:
    """Edits of every sort just before some of the requests."""
    import random

    chance = random.Random(seed)
    rows = truth(store, kind)
    single = kind.removesuffix("s")
    live = [key for key, row in rows.items() if row["status"] != "trash"]
    trashed = [key for key, row in rows.items() if row["status"] == "trash"]
    chance.shuffle(live)
    rules = []
    for nth in range(2, 14):
        edits: list[Any] = []
        for _ in range(chance.choice([0, 1, 2, 12])):
            act = chance.choice(["trash", "delete", "edit", "create", "restore"])
            if act == "restore" and trashed:
                edits.append(["restore", kind, trashed.pop()])
            elif act == "create":
                edits.append([f"create_{single}"])
            elif act == "edit" and live:
                edits.append(
                    [f"edit_{single}", live.pop(), {"status": "draft" if kind == "products" else "on-hold"}]
                )
            elif act in ("trash", "delete") and live:
                edits.append([act, kind, live.pop()])
        rules.append({"match": {"nth": nth, "path": "/wp-json/wc/"}, "do": {"edits": edits}})
    return rules


@pytest.mark.parametrize("kind", ["orders", "products"])
def test_case_14_rows_moving_between_pages_are_all_read_or_listed_later(
    shop: Shop, reading: Reading, kind: str, scale: Callable[[int, int], int]
) -> None:
    """Trashed, deleted, created, edited and restored between any two requests, for many seeds.

    A row that did not change itself must come with the backfill, since nothing later asks for it.
    """
    for seed in range(scale(6, 100)):
        store = shop(orders=520, products=420, customers=10, seed=seed)
        before = truth(store, kind)
        store.admin.faults(scripted(seed, store, kind))
        reader = reading(store)
        pages = list(reader.backfill(kind, None))
        store.admin.faults([])
        after = truth(store, kind)
        quiet = {key for key, row in after.items() if before.get(key) == row}
        assert len(quiet) > 300
        found = set(ids(pages))
        assert quiet <= found, f"seed {seed} lost {sorted(quiet - found)}"
        # and whatever did change is in the next list of changes
        since = pages[0].read.store_time
        assert since is not None
        listed = {int(line.id) for line in lines(reader.list_since(kind, since))}
        assert set(after) <= found | listed, seed


def test_case_15_what_changes_while_the_backfill_runs_is_listed_after_it(
    shop: Shop, reading: Reading
) -> None:
    """The watermark is the store's clock as the first request began, not when the last one ended."""
    store = shop(orders=300)
    reader = reading(store)
    pages = reader.backfill("orders", None)
    first = next(pages)
    read = max(raw["id"] for raw in first.records)
    store.admin.edit_order(read, customer_note="while it runs")
    list(pages)
    assert first.read.store_time is not None
    assert str(read) in {line.id for line in lines(reader.list_since("orders", first.read.store_time))}


def test_closing_a_backfill_early_leaves_no_thread(shop: Shop, reading: Reading) -> None:
    store = shop(orders=700, latency=0.02)
    before = set(threading.enumerate())
    pages = reading(store).backfill("orders", None)
    for _ in range(3):
        next(pages)
    pages.close()
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not [thread for thread in left if "storelink-read" in thread.name]


def test_a_composite_is_as_old_as_its_first_request_and_as_new_as_its_last(
    shop: Shop, reading: Reading
) -> None:
    store = shop(orders=90, refunded_share=0.5)
    ticks = itertools.count()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    reader = reading(store, clock=lambda: begin + timedelta(seconds=next(ticks)))
    page = next(reader.backfill("orders", None))
    # tick 0 and 1: the statuses; 2 and 3: the orders; 4 and 5: their refunds
    assert (page.read.started, page.read.finished) == (
        begin + timedelta(seconds=2),
        begin + timedelta(seconds=5),
    )
