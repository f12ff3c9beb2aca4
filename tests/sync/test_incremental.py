"""The pass that runs every few minutes: what differs is fetched, nothing else, and nothing is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from storelink.errors import NeedsDecision
from storelink.sync import hint
from storelink.sync.backfill import backfill
from storelink.sync.incremental import incremental, targeted
from storelink.sync.synchronize import synchronize
from storelink.sync.verify import verify


@pytest.fixture
def followed(world):
    for number in range(1, 8):
        world.store.put("orders", number, customer="1")
        world.store.put("customers", number, name=f"C{number}")
    world.store.pass_time(3600)
    for resource in ("customers", "orders"):
        with world.full(resource) as lane:
            backfill(lane, world.subject)
    world.store.pass_time(60)
    return world


def _asked(world):
    asked: list[str] = []
    world.store.before[:] = [asked.append]
    return asked


def _follow(world, resource="orders"):
    with world.poll(resource) as lane:
        return incremental(lane, world.subject)


def test_nothing_new_costs_one_list(followed):
    asked = _asked(followed)
    run = _follow(followed)
    assert asked == ["list orders"]
    assert not run.counts.changed
    assert followed.one("SELECT count(*) FROM sync_run WHERE kind = 'incremental'") == 0
    assert followed.one("SELECT quiet_passes FROM sync_state WHERE resource = 'orders'") == 1


def test_nothing_new_makes_no_table(followed):
    followed.store.pass_time(3600)  # past the overlap: the list is empty
    with followed.poll("orders") as lane:
        incremental(lane, followed.subject)
        made = lane.connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'"
        ).fetchall()
        assert made == []
    followed.store.put("orders", 3, total="12.00")
    assert _follow(followed).counts.updated == 1


def test_only_what_differs_is_fetched(followed):
    followed.store.put("orders", 3, status="completed")
    followed.store.put("orders", 11)
    followed.store.pass_time(60)
    asked = _asked(followed)
    run = _follow(followed)
    assert asked == ["list orders", "fetch orders 11,3"]
    assert (run.counts.inserted, run.counts.updated) == (1, 1)


def test_the_overlap_is_listed_again_but_not_fetched_again(followed):
    followed.store.put("orders", 3, status="completed")
    followed.store.pass_time(60)
    _follow(followed)
    asked = _asked(followed)
    _follow(followed)
    assert asked == ["list orders"]


def test_a_second_edit_in_the_second_of_the_read_is_not_missed(followed):
    followed.store.put("orders", 3, status="completed")
    _follow(followed)  # read in the very second of the edit
    followed.store.put("orders", 3, status="cancelled")  # the same stamp again
    followed.store.pass_time(60)
    _follow(followed)
    assert followed.one("SELECT status FROM platform_order WHERE order_id = '3'") == "cancelled"


def test_the_watermark_is_the_stores_clock_at_the_start(followed):
    began = followed.store.now
    followed.store.before.append(lambda what: followed.store.pass_time(5))
    _follow(followed)
    watermark = followed.one("SELECT watermark FROM sync_state WHERE resource = 'orders'")
    assert (watermark - began).total_seconds() <= 5


def test_records_stamped_in_the_future_are_read_each_pass_and_reported(followed):
    followed.store.put("orders", 3, updated=followed.store.now + timedelta(days=1))
    _follow(followed)
    asked = _asked(followed)
    _follow(followed)
    assert "fetch orders 3" in asked
    assert followed.one("SELECT future_stamped FROM sync_state WHERE resource = 'orders'") == 1


def test_a_record_without_a_version_is_compared_by_content(followed):
    followed.store.put("customers", 2, name="New", updated=None)
    _follow(followed, "customers")
    events = len(followed.events("customer"))
    followed.store.records["customers"]["2"]["name"] = "Newer"
    _follow(followed, "customers")
    assert followed.one("SELECT name FROM platform_customer WHERE customer_id = '2'") == "Newer"
    assert len(followed.events("customer")) == events + 1
    _follow(followed, "customers")
    assert len(followed.events("customer")) == events + 1


def test_customers_are_listed_whole_and_deleted_ones_are_noticed(followed):
    followed.store.delete("customers", 5)
    _follow(followed, "customers")
    assert followed.one("SELECT deleted_at IS NOT NULL FROM platform_customer WHERE customer_id = '5'")


def test_no_answer_is_no_deletion_and_is_asked_again_later(followed):
    followed.store.put("orders", 3, status="completed")
    followed.store.pass_time(60)
    followed.store.unanswered["3"] = "502 Bad Gateway"
    _follow(followed)
    assert followed.one("SELECT deleted_at IS NULL FROM platform_order WHERE order_id = '3'")
    asked = _asked(followed)
    _follow(followed)
    assert asked == ["list orders"], "not before its backoff is over"
    with followed.poll() as lane:
        lane.connection.execute("UPDATE source_record SET retry_after = clock_timestamp()")
        lane.connection.commit()
    followed.store.unanswered.clear()
    _follow(followed)
    assert followed.one("SELECT status FROM platform_order WHERE order_id = '3'") == "completed"
    assert followed.one("SELECT attempts FROM source_record WHERE resource='orders' AND record_id = '3'") == 0


def test_after_five_reads_without_an_answer_it_is_quarantined(followed):
    followed.store.put("orders", 3, status="completed")
    followed.store.pass_time(60)
    followed.store.unanswered["3"] = "502 Bad Gateway"
    with followed.poll() as lane:
        lane.connection.execute(
            "INSERT INTO webhook_delivery (connector_id, topic, resource, external_id, received_at, status,"
            " attempts) SELECT %s, 't', 'orders', d.id, clock_timestamp() + d.age, 'done', 1"
            " FROM (VALUES ('3', interval '-1 hour'), ('3', '0'), ('4', '0')) d (id, age)",
            (followed.subject.id,),
        )
        lane.connection.commit()
    for turn in range(5):
        assert followed.one("SELECT count(*) FROM webhook_delivery WHERE status <> 'done'") == 0, turn
        _follow(followed)
        with followed.poll() as lane:
            lane.connection.execute("UPDATE source_record SET retry_after = clock_timestamp()")
            lane.connection.commit()
    assert followed.rows("SELECT external_id, error FROM quarantined_record") == [
        ("3", "no answer in 5 reads: 502 Bad Gateway")
    ]
    hints = "SELECT external_id, status, error FROM webhook_delivery ORDER BY id"
    assert followed.rows(hints) == [
        ("3", "done", None),  # a read brought what that one told of
        ("3", "failed", "no answer in 5 reads: 502 Bad Gateway"),
        ("4", "done", None),
    ]


def test_a_cache_that_answers_with_the_old_record_is_asked_again(followed):
    old = dict(followed.store.records["orders"]["3"])
    followed.store.put("orders", 3, status="completed")
    followed.store.pass_time(60)
    new = followed.store.records["orders"]["3"]

    def stale(what):
        followed.store.records["orders"]["3"] = old if what.startswith("fetch") else new

    followed.store.before.append(stale)
    _follow(followed)
    followed.store.before.clear()
    followed.store.records["orders"]["3"] = new
    _follow(followed)
    assert followed.one("SELECT status FROM platform_order WHERE order_id = '3'") == "completed"


def test_an_answer_about_another_record_is_quarantined(followed):
    followed.store.put("orders", 3, status="completed")
    followed.store.pass_time(60)
    followed.store.records["orders"]["3"]["id"] = "4"
    _follow(followed)
    ((key, why),) = followed.rows("SELECT external_id, error FROM quarantined_record")
    assert key == "3"
    assert "answered with 4" in why
    assert followed.one("SELECT status FROM platform_order WHERE order_id = '4'") == "open"


def test_many_deletions_at_once_stop_and_ask(world):
    for number in range(1, 41):
        world.store.put("customers", number)
    world.store.pass_time(3600)
    with world.full("customers") as lane:
        backfill(lane, world.subject)
    for number in range(1, 21):
        world.store.delete("customers", number)
    with pytest.raises(NeedsDecision, match="--accept-deletes"):
        _follow(world, "customers")
    gone = world.one("SELECT count(*) FROM platform_customer WHERE deleted_at IS NOT NULL")
    assert gone <= 12
    assert world.one("SELECT last_success_at IS NOT NULL FROM sync_state WHERE resource = 'customers'")
    withheld = "SELECT withheld FROM sync_state WHERE resource = 'customers'"
    assert world.one(withheld) == 20 - gone
    with pytest.raises(NeedsDecision):
        _follow(world, "customers")
    assert world.one(withheld) == 20 - gone, "the same ones are counted once"
    for number in range(1, 21):
        world.store.put("customers", number)
    _follow(world, "customers")
    assert world.one(withheld) == 0, "they are there again"


def test_deletions_that_hints_brought_wait_for_a_person_and_are_not_asked_for_at_each_pass(world):
    world.hold_orders(40)
    for number in range(1, 31):
        world.store.delete("orders", number)
    with pytest.raises(NeedsDecision, match="21 orders"):
        hint.read_now(world.database, world.subject, "orders", [str(number) for number in range(1, 31)])
    assert world.one("SELECT withheld FROM sync_state WHERE resource = 'orders'") == 21
    asked = _asked(world)
    _follow(world)
    assert not any(what.startswith("fetch") for what in asked)
    assert world.one("SELECT withheld FROM sync_state WHERE resource = 'orders'") == 21
    world.store.before.clear()
    world.subject = replace(world.subject, accept_deletes=True)
    with world.full() as lane:
        assert verify(lane, world.subject, fix=True).drift == 0
    assert world.one("SELECT withheld FROM sync_state WHERE resource = 'orders'") == 0
    assert world.one("SELECT count(*) FROM source_record WHERE due_since IS NOT NULL") == 0


def test_a_customer_named_by_an_order_is_fetched_at_once(world):
    world.store.put("orders", 1, customer="7")
    world.store.put("customers", 7, name="Ann")
    world.store.pass_time(3600)
    synchronize(world.database, world.subject, ["orders"])
    assert world.one("SELECT name FROM platform_customer WHERE customer_id = '7'") == "Ann"


def test_a_customer_that_orders_name_but_the_store_deleted_is_marked(world):
    world.store.put("orders", 1, customer="7")
    world.store.pass_time(3600)
    synchronize(world.database, world.subject, ["orders"])
    assert world.one("SELECT deleted_at IS NOT NULL FROM platform_customer WHERE customer_id = '7'")


def test_targeted_reads_what_it_is_told_beside_a_running_backfill(followed):
    followed.store.put("orders", 3, status="completed")
    followed.store.pass_time(60)
    with followed.full(), followed.poll(), followed.full("products"):
        from storelink.sync.lane import hold

        with hold(followed.database, followed.subject.id, "orders", None) as lane:
            targeted(lane, followed.subject, ["3"])
    assert followed.one("SELECT status FROM platform_order WHERE order_id = '3'") == "completed"
