"""`storelink serve` and `storelink worker` as processes: what ops start, stop and kill."""

import signal

import psutil
import pytest
from fleet import PROMPT
from ports import free_port

from storelink.sandbox.running import start


def test_both_stores_are_read_and_followed_by_themselves(fleet, shop, boutique):
    fleet.add_woo(shop)
    fleet.add_shopify(boutique)
    process = fleet.serve()
    fleet.wait_until_read("shop", "boutique")
    order = shop.admin.records("orders")[0]["id"]
    shop.admin.edit_order(order, status="on-hold")
    product = boutique.admin.records("products")[0]["id"]
    boutique.admin.edit_product(product, title="Renamed while it is served")
    fleet.make_due("shop")
    fleet.make_due("boutique")
    fleet.wait(
        "SELECT count(*) FROM platform_order WHERE order_id = %s AND platform_status = 'on-hold'", str(order)
    )
    fleet.wait("SELECT count(*) FROM platform_product WHERE title = 'Renamed while it is served'")
    assert process.terminate() < PROMPT
    assert process.child.returncode == 0
    for name in ("shop", "boutique"):
        code, said = fleet.run("verify", name)
        assert code == 0, said
    assert fleet.one("SELECT count(*) FROM storelink_jobs.procrastinate_jobs") == 0, "finished jobs stay"
    passes = process.lines("pass", store="shop", kind="backfill")
    assert [one["resource"] for one in passes] == ["products", "customers", "orders"]
    assert all(one["requests"] and "seconds" in one for one in passes)


def test_sigterm_finishes_the_page_in_hand_and_the_next_start_carries_on(fleet):
    with start(orders=900, products=5, customers=5, latency=0.25) as shop:
        fleet.add_woo(shop)
        process = fleet.serve(STORELINK_WIDTH="1")
        fleet.wait(
            "SELECT coalesce(max((cursor->>'done')::int), 0) > 100 FROM sync_state WHERE resource = 'orders'"
        )
        assert process.terminate() < PROMPT
        assert process.child.returncode == 0
        assert process.lines("stopped")[-1]["clean"] is True
        state = fleet.select("SELECT * FROM sync_state WHERE resource = 'orders'")[0]
        done = state["cursor"]["done"]
        assert state["phase"] == "backfill"
        assert state["consecutive_failures"] == 0, "a stop was counted as a failure"
        assert 100 < done == fleet.one("SELECT count(*) FROM source_record WHERE resource = 'orders'") < 900
        shop.admin.clear_requests()
        fleet.serve()
        fleet.wait_until_read("shop")
        pages = [
            one for one in shop.admin.requests() if one["path"].endswith("/orders") and "offset=" in str(one)
        ]
        first = fleet.one("SELECT min(started_at) FROM sync_run WHERE resource = 'orders'")
        assert first is not None
        assert pages, "the walk did not go on by offset"
        code, said = fleet.run("verify", "shop")
        assert code == 0, said


def test_sigterm_cuts_off_a_store_that_does_not_answer(fleet, shop):
    fleet.add_woo(shop)
    process = fleet.serve()
    fleet.wait_until_read("shop")
    shop.admin.faults([{"match": {"path": "/orders"}, "do": {"slow": 50}}])
    fleet.make_due("shop")
    fleet.wait("SELECT count(*) FROM storelink_jobs.procrastinate_jobs WHERE status = 'doing'")
    fleet.wait_until(lambda: shop.admin.fired()[0], "the store is not asked")
    assert process.terminate() < PROMPT
    assert process.child.returncode == 0
    assert fleet.one("SELECT max(consecutive_failures) FROM sync_state") == 0, (
        "a stop was counted as a failure"
    )


@pytest.mark.parametrize("victim", ["serve", "worker"])
def test_kill_9_loses_nothing_and_another_process_goes_on(fleet, victim):
    with start(orders=700, products=5, customers=5, latency=0.15) as shop:
        fleet.add_woo(shop)
        first = (
            fleet.serve(STORELINK_WIDTH="1")
            if victim == "serve"
            else fleet.start("worker", STORELINK_WIDTH="1")
        )
        if victim == "worker":
            first.wait_for("working")
            code, said = fleet.run("sync", "shop", "--queue")
            assert code == 0, said
        fleet.wait(
            "SELECT coalesce(max((cursor->>'done')::int), 0) > 100 FROM sync_state WHERE resource = 'orders'"
        )
        first.kill()
        assert fleet.one("SELECT count(*) FROM storelink_jobs.procrastinate_jobs WHERE status = 'doing'") == 1
        second = fleet.serve()
        fleet.wait_until_read("shop")
        second.wait_for("job.stalled")
        fleet.wait("SELECT count(*) = 0 FROM storelink_jobs.procrastinate_jobs", complaint="a job is stuck")
        assert second.terminate() < PROMPT
        code, said = fleet.run("verify", "shop")
        assert code == 0, said


def test_health_and_an_outage_of_the_database(fleet, shop, wire):
    fleet.add_woo(shop)
    process = fleet.serve(STORELINK_DATABASE_URL=wire.url)
    fleet.wait_until_read("shop")
    assert process.get("/healthz").json() == {"status": "ok"}
    wire.cut()
    answer = process.get("/readyz")
    assert answer.status_code == 503
    assert "the database does not answer" in answer.json()["missing"]
    assert process.get("/healthz").status_code == 200
    process.wait_for("database.away")
    wire.mend()
    process.wait_until_ready()
    fleet.read_once_more("shop")
    assert len(process.lines("database.away")) == 1
    assert len(process.lines("database.back")) == 1
    assert process.terminate() < PROMPT
    assert process.child.returncode == 0


def test_sync_now_is_done_by_a_worker(fleet, shop):
    fleet.add_woo(shop)
    code, said = fleet.run("sync", "shop", "--queue")
    assert code == 0
    assert "No worker runs at present" in said
    assert fleet.one("SELECT count(*) FROM storelink_jobs.procrastinate_jobs") == 2
    worker = fleet.start("worker", "--concurrency", "1")
    fleet.wait_until_read("shop")
    order = shop.admin.records("orders")[0]["id"]
    shop.admin.edit_order(order, status="on-hold")
    code, said = fleet.run("sync", "shop", "--queue", "--resource", "orders", "--json")
    assert code == 0
    assert '"queued": ["orders"]' in " ".join(said.split()).replace("[ ", "[").replace(" ]", "]")
    fleet.wait("SELECT platform_status = 'on-hold' FROM platform_order WHERE order_id = %s", str(order))
    fleet.run("connectors", "pause", "shop")
    code, said = fleet.run("sync", "shop", "--queue")
    assert code == 2
    assert "paused" in said
    assert worker.terminate() < PROMPT


def test_the_daily_verify_mends_what_it_finds_and_reads_another_thirtieth_each_day(fleet, shop):
    fleet.add_woo(shop)
    process = fleet.serve()
    fleet.wait_until_read("shop")
    due = fleet.select("SELECT extract(epoch FROM full_due_at - now())::float AS left FROM sync_state")
    assert all(0.4 * 86400 < row["left"] <= 86400 for row in due)
    lost = fleet.one("SELECT min(order_id) FROM platform_order")
    fleet.select("DELETE FROM platform_order WHERE order_id = %s", lost)
    fleet.select("DELETE FROM source_record WHERE resource = 'orders' AND record_id = %s", lost)
    fleet.make_due("shop", "full_due_at")
    fleet.wait_until(
        lambda: all(one["verify_share"] == 1 for one in fleet.states("shop").values()), "it is not verified"
    )
    assert fleet.one("SELECT count(*) FROM platform_order WHERE order_id = %s", lost) == 1
    told = process.lines("pass", kind="verify", resource="orders")[-1]
    assert (told["found"], told["fixed"], told["drift"]) == (1, 1, 0)
    due = fleet.select("SELECT extract(epoch FROM full_due_at - now())::float AS left FROM sync_state")
    assert all(0.94 * 86400 < row["left"] < 1.06 * 86400 for row in due)


def test_the_outage_of_a_store_is_said_when_it_begins_and_ends(fleet, shop):
    fleet.add_woo(shop)
    process = fleet.serve(STORELINK_HTTP_RETRIES="0")
    fleet.wait_until_read("shop")
    shop.admin.faults([{"match": {}, "do": {"status": 503}}])
    for count in (1, 2, 3):
        fleet.make_due("shop")
        fleet.wait("SELECT min(consecutive_failures) >= %s FROM sync_state", count)
    process.wait_for("alert", store="shop", kind="store_down")
    first = process.lines("pass.failed", level="warning")
    assert sorted(one["resource"] for one in first) == ["customers", "orders", "products"]
    wait = fleet.select("SELECT extract(epoch FROM next_due_at - now())::float AS left FROM sync_state")
    assert all(60 < row["left"] < 160 for row in wait), "it does not back off"
    shop.admin.faults([])
    fleet.make_due("shop")
    process.wait_for("alert.over", store="shop", kind="store_down")
    assert sorted(one["resource"] for one in process.lines("pass.recovered")) == [
        "customers",
        "orders",
        "products",
    ]


def test_two_serves_side_by_side_share_the_work(fleet, shop, boutique):
    fleet.add_woo(shop)
    fleet.add_shopify(boutique)
    both = [fleet.start("serve", "--port", "0") for _ in range(2)]
    for process in both:
        process.wait_for("serving")
    fleet.wait_until_read("shop", "boutique")
    runs = fleet.select(
        "SELECT connector_id, resource, count(*) FROM sync_run WHERE kind = 'backfill' GROUP BY 1, 2"
    )
    assert [row["count"] for row in runs] == [1] * 6, "a pass ran twice"
    for _ in range(3):
        fleet.read_once_more("shop")
    assert [one["quiet_passes"] for one in fleet.states("shop").values()] == [3, 3, 3], "a pass ran twice"
    for process in both:
        assert process.terminate() < PROMPT
        assert process.child.returncode == 0


def test_more_jobs_than_connections_are_refused(fleet):
    code, said = fleet.run("worker", "--concurrency", "9")
    assert code == 2
    assert "STORELINK_DATABASE_POOL" in said


def test_no_process_opens_more_connections_than_its_budget(fleet, shop, boutique):
    fleet.add_woo(shop)
    fleet.add_shopify(boutique)
    process = fleet.serve()
    fleet.wait_until_read("shop", "boutique")
    ours = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
    )
    fleet.database.engine.dispose()
    assert fleet.one(ours, "storelink") + fleet.one(ours, "storelink worker") <= 8
    assert 1 <= fleet.one(ours, "storelink front") <= 8
    process.child.send_signal(signal.SIGINT)
    assert process.child.wait(60) == 0, process.log.read_text()[-3000:]


def test_a_port_that_is_taken_is_said(fleet, shop):
    port = shop.url.rsplit(":", 1)[1]
    code, said = fleet.run("serve", "--port", port)
    assert code == 2
    assert f"Cannot listen on 127.0.0.1, port {port}" in said


def _front(process):
    (child,) = psutil.Process(process.child.pid).children()
    return child


def test_who_answers_dies_with_serve_and_lets_go_of_the_port(fleet):
    port = str(free_port())  # nobody else's once it is let go of
    first = fleet.start("serve", "--port", port)
    fleet.wait_until(lambda: psutil.Process(first.child.pid).children(), "nobody is to answer")
    born = _front(first)  # it has hardly begun
    first.kill()
    second = fleet.start("serve", "--port", port)
    second.wait_until_ready()
    assert not born.is_running()
    grown = _front(second)
    second.kill()
    fleet.wait_until(lambda: not grown.is_running(), "it outlives its parent")


def test_serve_ends_with_who_answers(fleet):
    """Stores could not reach it any more: whoever keeps the service running is to start it again."""
    process = fleet.serve()
    _front(process).kill()
    assert process.child.wait(60) == 1
    assert process.lines("front.ended", code=-9)
    assert process.lines("stopped", clean=False)


def test_a_signal_for_all_of_them_is_a_clean_stop(fleet):
    """A Ctrl-C reaches each process of the terminal."""
    process = fleet.serve()
    front = _front(process)
    for one in (front, process.child):
        one.send_signal(signal.SIGINT)
    assert process.child.wait(60) == 0, process.log.read_text()[-3000:]
    assert not front.is_running()
    assert not process.lines("front.ended")


def test_status_says_when_nobody_works(fleet, shop):
    fleet.add_woo(shop)
    assert fleet.run("sync", "shop")[0] == 0
    fleet.select("UPDATE sync_state SET next_due_at = now() - interval '3 hours'")
    code, said = fleet.run("status")
    assert code == 0
    assert "No worker runs" in said
    worker = fleet.start("worker")  # without a clock: nothing is read, and somebody lives
    fleet.wait("SELECT count(*) > 0 FROM storelink_jobs.procrastinate_workers")
    assert "No worker runs" not in fleet.run("status")[1]
    assert worker.terminate() < PROMPT
    assert "No worker runs" in fleet.run("status")[1]
