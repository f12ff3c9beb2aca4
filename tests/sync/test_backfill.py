"""The first read: everything once, resumed after a crash, then compared with the full list."""

import pytest

from storelink.errors import Retryable
from storelink.sync.backfill import backfill


def _fill(world, count=10):
    for number in range(1, count + 1):
        world.store.put("orders", number, customer=str(number % 3 + 1), items={"1": "A", "2": "B"})
    world.store.pass_time(100)


def test_everything_is_read_and_followed_from_the_start_of_the_read(world):
    _fill(world)
    began = world.store.now
    world.store.before.append(lambda what: world.store.pass_time(1))
    with world.full() as lane:
        run = backfill(lane, world.subject)
    assert run.counts.inserted == 10
    assert world.one("SELECT count(*) FROM platform_order") == 10
    assert world.one("SELECT count(*) FROM order_item") == 20
    phase, cursor, watermark = world.rows(
        "SELECT phase, cursor, watermark FROM sync_state WHERE resource = 'orders'"
    )[0]
    assert (phase, cursor) == ("live", None)
    assert 0 <= (watermark - began).total_seconds() <= 2


def test_an_order_brings_a_stub_of_its_customer_which_is_due(world):
    _fill(world)
    with world.full() as lane:
        backfill(lane, world.subject)
    stubs = world.rows(
        "SELECT record_id, state, due_since IS NOT NULL FROM source_record WHERE resource = 'customers'"
        " ORDER BY 1"
    )
    assert stubs == [("1", "stub", True), ("2", "stub", True), ("3", "stub", True)]
    assert world.one("SELECT count(*) FROM platform_customer WHERE email IS NULL") == 3


def test_a_failed_backfill_resumes_after_its_last_page_and_keeps_its_first_watermark(world):
    _fill(world)
    began = world.store.now

    def fail_late(what):
        world.store.pass_time(60)
        if what == "backfill orders 6":
            world.store.fail = Retryable("down")

    world.store.before.append(fail_late)
    with pytest.raises(Retryable), world.full() as lane:
        backfill(lane, world.subject)
    assert world.one("SELECT count(*) FROM platform_order") == 6
    world.store.fail = None
    asked: list[str] = []
    world.store.before[:] = [asked.append]
    with world.full() as lane:
        backfill(lane, world.subject)
    assert asked[0] == "backfill orders 6"
    assert world.one("SELECT count(*) FROM platform_order") == 10
    watermark = world.one("SELECT watermark FROM sync_state WHERE resource = 'orders'")
    assert (watermark - began).total_seconds() <= 61
    assert len(world.events()) == 10


def test_reading_all_again_reports_no_change_for_unchanged_rows(world):
    _fill(world)
    for _ in range(2):
        with world.full() as lane:
            run = backfill(lane, world.subject, restart=True)
    assert run.counts.unchanged == 10
    assert not run.counts.changed
    assert len(world.events()) == 10


def test_a_record_made_behind_the_walk_is_found_by_the_list_that_follows(world):
    _fill(world)
    world.store.records["orders"].pop("2")

    def make(what):
        if what == "backfill orders 7":
            world.store.put("orders", 2)

    world.store.before.append(make)
    with world.full() as lane:
        backfill(lane, world.subject)
    assert world.one("SELECT count(*) FROM platform_order WHERE order_id = '2'") == 1


def test_a_record_deleted_behind_the_walk_ends_deleted(world):
    _fill(world)

    def delete(what):
        if what == "backfill orders 6":
            world.store.delete("orders", 2)

    world.store.before.append(delete)
    with world.full() as lane:
        backfill(lane, world.subject)
    assert world.one("SELECT deleted_at IS NOT NULL FROM platform_order WHERE order_id = '2'")
    assert world.one("SELECT state FROM source_record WHERE resource='orders' AND record_id = '2'") == "gone"


def test_one_unreadable_record_costs_only_itself(world):
    _fill(world)
    world.store.put("orders", 4, bad="total '-' is no amount")
    world.store.broken.add("5")
    world.connector.crash_on = "6"
    with world.full() as lane:
        run = backfill(lane, world.subject)
    assert world.one("SELECT count(*) FROM platform_order") == 7
    assert run.counts.quarantined >= 3
    held = dict(world.rows("SELECT external_id, error FROM quarantined_record"))
    assert held["4"] == "total '-' is no amount"
    assert held["5"] == "unreadable"
    assert "ZeroDivisionError" in held["6"]
