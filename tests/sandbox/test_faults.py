"""Scripted faults: which request goes wrong, and how."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from caller import Caller

from storelink.sandbox.capacity import Capacity
from storelink.sandbox.faults import Rule, read_rules
from storelink.sandbox.running import Running, start


def script(store: Running, do: dict, **match: object) -> None:
    store.admin.faults([{"match": match, "do": do}])


def test_which_requests_a_rule_fits():
    rule = Rule({"method": "GET", "path": "orders$", "query": "page=2"}, {})
    assert rule.fits("GET", "/wp-json/wc/v3/orders", "per_page=1&page=2")
    assert not rule.fits("POST", "/wp-json/wc/v3/orders", "page=2")
    assert not rule.fits("GET", "/wp-json/wc/v3/orders/5", "page=2")
    assert not rule.fits("GET", "/wp-json/wc/v3/orders", "page=3")
    assert Rule({"query": "include=1,2"}, {}).fits("GET", "/x", "include=1%2C2")

    def fired(match: dict) -> list[int]:
        rule = Rule(match, {})
        return [n for n in range(1, 9) if rule.fits("GET", "/", "")]

    assert fired({}) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert fired({"nth": 3}) == [3]
    assert fired({"every": 3}) == [3, 6]
    assert fired({"times": 2}) == [1, 2]
    assert fired({"every": 2, "times": 2}) == [2, 4]
    with pytest.raises(ValueError, match="oops"):
        read_rules([{"match": {"oops": 1}}])


def test_statuses_and_hints(store: Running, call: Caller):
    script(store, {"status": 429, "retry_after": 7}, times=1)
    answer = call.get("orders")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["data"]["status"] == 429
    assert call.get("orders").status_code == 200
    assert store.admin.fired() == [1]
    date = "Sat, 21 Nov 2026 10:00:00 GMT"
    script(store, {"status": 503, "retry_after": date, "html": True})
    answer = call.get("orders")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, date)
    assert answer.headers["content-type"].startswith("text/html")
    script(store, {"status": 502})
    assert "retry-after" not in call.get("orders").headers


def test_html_in_place_of_json(store: Running, call: Caller):
    script(store, {"html": True})
    answer = call.get("orders")
    assert answer.status_code == 200 and b"<html" in answer.content
    script(store, {"redirect": "https://elsewhere.example/wp-json/"})
    answer = call.get("orders")
    assert answer.status_code == 301
    assert answer.headers["location"] == "https://elsewhere.example/wp-json/"


def test_a_body_cut_short(store: Running, call: Caller):
    script(store, {"truncate": 0.5}, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        call.get("orders")
    assert call.get("orders").status_code == 200


def test_dropped_before_and_after_the_work(store: Running, call: Caller):
    number = call.ids("orders")[0]
    for when, done in (("before", False), ("after", True)):
        script(store, {"drop": when}, method="PUT")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            call.put(f"orders/{number}", {"customer_note": when})
        note = store.admin.record("orders", number)["customer_note"]
        assert (note == when) == done
    assert [entry["status"] for entry in store.admin.requests()][-1] == 0


def test_slowness(store: Running, call: Caller):
    script(store, {"slow": 0.3}, times=1)
    started = time.monotonic()
    assert call.get("orders").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_noise_and_bulk(store: Running, call: Caller):
    script(store, {"bom": True, "notice": True, "big": 3_000_000})
    body = call.get("orders", _fields="id").content
    assert b"<b>Warning</b>" in body[:200] and len(body) > 3_000_000


def test_edits_between_pages(store: Running, call: Caller):
    asked = {"orderby": "id", "order": "asc", "per_page": 10}
    every = call.ids("orders", **{**asked, "per_page": 100})
    made = store.admin.counts()["orders"]
    store.admin.faults([
        {
            "match": {"path": "/orders$", "query": "page=2"},
            "do": {"edits": [
                ["trash", "orders", every[0]],
                ["edit_order", every[5], {"customer_note": "between"}],
                ["create_order", {"status": "on-hold"}],
            ]},
        }
    ])  # fmt: skip
    assert call.ids("orders", page=1, **asked) == every[:10]
    assert call.ids("orders", page=2, **asked) == every[11:21]
    assert store.admin.record("orders", every[5])["customer_note"] == "between"
    assert store.admin.counts()["orders"] == made + 1


def test_a_poisoned_record_breaks_every_answer_it_is_in(store: Running, call: Caller):
    ids = call.ids("orders", orderby="id", order="asc", per_page=20)
    bad = ids[7]
    script(store, {"poison": ["orders", bad]}, path="/orders")
    answer = call.get("orders", orderby="id", order="asc", per_page=20)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert call.get(f"orders/{bad}").status_code == 500
    assert call.get("orders", orderby="id", order="asc", per_page=7).status_code == 200
    assert call.get("orders", orderby="id", order="asc", per_page=20, _fields="id").status_code == 500
    assert call.get("orders", exclude=bad, per_page=100).status_code == 200
    # another record that names this one is not poisoned
    customer = next(o["customer_id"] for o in store.admin.records("orders") if o["customer_id"])
    script(store, {"poison": ["customers", customer]}, path="/customers")
    assert call.get(f"customers/{customer}").status_code == 500
    assert call.get("orders").status_code == 200


def test_a_list_that_never_ends(store: Running, call: Caller):
    script(store, {"ignore_offset": True})
    first = call.ids("orders", per_page=5, page=1)
    assert call.ids("orders", per_page=5, page=900) == first
    assert call.ids("orders", per_page=5, offset=900) == first


def test_duplicates_stale_answers_and_changed_text(store: Running, call: Caller):
    script(store, {"duplicate": True}, path="/orders$")
    ids = call.ids("orders", per_page=5)
    assert len(ids) == 6 and ids[0] == ids[-1]
    number = ids[0]
    script(store, {"stale": True}, path=f"/orders/{number}$")
    before = call.json(f"orders/{number}")
    store.admin.edit_order(number, customer_note="fresh")
    assert call.json(f"orders/{number}") == before
    store.admin.faults([])
    assert call.json(f"orders/{number}")["customer_note"] == "fresh"
    script(store, {"replace": [['"fresh"', "null"]]})
    assert call.json(f"orders/{number}")["customer_note"] is None


def test_a_clock_that_is_wrong_for_one_request(store: Running, call: Caller):
    store.admin.hold_clock(1_795_000_000)
    number = call.ids("orders")[0]
    script(store, {"clock": 86_400}, times=1)
    answer = call.put(f"orders/{number}", {})
    assert answer.headers["date"] == "Thu, 19 Nov 2026 11:06:40 GMT"
    assert answer.json()["date_modified_gmt"] == "2026-11-19T11:06:40"
    assert call.get("orders").headers["date"] == "Wed, 18 Nov 2026 11:06:40 GMT"


def test_a_cache_that_drops_the_query(store: Running, call: Caller):
    script(store, {"strip_query": True})
    assert len(call.json("orders", per_page=3, status="completed")) == 10


def test_more_requests_than_cores_only_wait():
    with start(orders=4, products=2, customers=2, https=True, service_time=0.1, cores=2) as store:
        caller = Caller(store)
        try:
            assert caller.get("orders").status_code == 200
            walls: dict[int, float] = {}
            for width in (1, 2, 8, 2, 8):  # the better of two: something else may have had the processor
                with ThreadPoolExecutor(width) as pool:
                    started = time.monotonic()
                    done = list(pool.map(lambda _: caller.get("orders").status_code, range(8)))
                    walls[width] = min(walls.get(width, 1e9), time.monotonic() - started)
                assert done == [200] * 8
            assert walls[1] >= 0.8
            assert 0.4 <= walls[2] < walls[1]
            assert 0.4 <= walls[8] < walls[1]
            store.admin.set_capacity(cores=None, service_time=0.0, latency=0.0)
            took = []
            for _ in range(10):
                started = time.monotonic()
                caller.get("orders")
                took.append(time.monotonic() - started)
            assert min(took) < 0.1
        finally:
            caller.close()


def test_capacity_starts_out_free():
    capacity = Capacity()
    assert (capacity.latency, capacity.service_time, capacity.cores) == (0.0, 0.0, None)
