"""Quarantine and renormalizing: set aside, looked at, sent down the road again."""

import pytest

from storelink.sync import quarantine
from storelink.sync.backfill import backfill
from storelink.sync.page import json_text
from storelink.sync.renormalize import renormalize


def _start(world):
    world.store.pass_time(3600)
    with world.full() as lane:
        backfill(lane, world.subject)


def test_retry_releases_what_is_readable_now(world):
    world.store.put("orders", 1, bad="no total")
    world.store.put("orders", 2, bad="no total")
    _start(world)
    assert world.one("SELECT count(*) FROM quarantined_record") == 2
    world.store.put("orders", 1, bad=None)
    with world.poll() as lane:
        outcome = quarantine.retry(lane, world.subject)
    assert (outcome.tried, outcome.released) == (2, 1)
    assert world.rows("SELECT external_id FROM quarantined_record") == [("2",)]
    assert world.rows("SELECT order_id FROM platform_order") == [("1",)]


def test_a_record_without_an_id_is_kept_and_normalized_again(world):
    world.store.put("orders", 1)
    world.store.records["orders"]["1"].update(id=None, bad="no id")
    world.store.hidden.add("1")  # nor does the list show it
    _start(world)
    ((key,),) = world.rows("SELECT external_id FROM quarantined_record")
    assert key.startswith("?")
    with world.poll() as lane:
        lane.connection.execute(
            """UPDATE quarantined_record SET payload = '{"id": "1", "trashed": false, "updated": null}'"""
        )
        lane.connection.commit()
        assert quarantine.retry(lane, world.subject).released == 1
    assert world.rows("SELECT order_id FROM platform_order") == [("1",)]
    assert world.one("SELECT count(*) FROM source_record WHERE record_id LIKE '?%%'") == 0


def test_a_rejected_edit_keeps_the_last_good_rows(world):
    world.store.put("orders", 1, total="5.00")
    _start(world)
    world.store.put("orders", 1, total="6.00", bad="broken by a plugin")
    _start(world)
    assert world.one("SELECT total_amount::int FROM platform_order") == 5
    assert world.one("SELECT state FROM source_record WHERE resource = 'orders'") == "quarantined"


def test_a_deleted_record_leaves_the_quarantine(world):
    world.store.put("orders", 1, bad="no total")
    world.store.put("orders", 2)
    _start(world)
    world.store.delete("orders", 1)
    with world.poll() as lane:
        quarantine.retry(lane, world.subject)
    assert world.one("SELECT count(*) FROM quarantined_record") == 0


def test_payloads_that_postgres_refuses_are_kept_all_the_same(world):
    assert "\\u0000" not in json_text({"a\x00": ["b\x00c", {"d": "\x00"}]})
    world.store.put("orders", 1, bad="nul", note="a\x00b")
    _start(world)
    assert world.one("SELECT payload->>'note' FROM quarantined_record") == "a\ufffdb"


@pytest.mark.parametrize("value", [10**30, "half \ud83d of a pair", {"a": [10**20, "\x00"]}, float("inf")])
def test_a_payload_that_orjson_refuses_is_quarantined_like_any_other(world, value):
    world.store.put("orders", 1, bad="odd", note=value)
    world.store.put("orders", 2)
    world.store.records["orders"]["2"].update(id=None, bad="odd", note=value)
    _start(world)
    assert world.one("SELECT count(*) FROM quarantined_record") >= 2


def test_renormalize_asks_the_store_nothing_and_reports_only_what_changed(world):
    for number in range(1, 6):
        world.store.put("orders", number, email="old@example.test")
    _start(world)
    requests, events = world.store.traffic.requests, len(world.events())
    with world.full() as lane:
        run = renormalize(lane, world.subject)
    assert run.counts.unchanged == 5
    world.connector.normalizer_version = 2
    with world.full() as lane:
        renormalize(lane, world.subject)
    assert len(world.events()) == events, "a newer normalizer that comes to the same rows is no change"
    known = world.connector._orders

    def shout(key, raw, settings):
        rows = known(key, raw, settings)
        order = rows.orders[0]._replace(email=raw["email"].upper())
        from dataclasses import replace

        return replace(rows, orders=[order])

    world.connector._orders = shout
    world.connector.normalizer_version = 3
    with world.full() as lane:
        renormalize(lane, world.subject)
    assert world.store.traffic.requests == requests
    assert world.one("SELECT count(*) FROM platform_order WHERE email = 'OLD@EXAMPLE.TEST'") == 5
    assert len(world.events()) == events + 5
