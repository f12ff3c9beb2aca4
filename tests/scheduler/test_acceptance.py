"""Done when 3 to 5 of the daemon, each seen from outside while `storelink serve` runs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ports import free_port

LOUD = ("warning", "error", "critical")


@pytest.fixture
def heard() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(STORELINK_ALERT_URL, what was posted there)."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    thread.join()
    server.server_close()


# -- intervals, pause and resume ---------------------------------------------------------------------


def test_what_ops_change_is_seen_in_status_while_it_runs(fleet, shop):
    fleet.add_woo(shop, interval=3600)
    process = fleet.serve()
    fleet.wait_until_read("shop")
    before = fleet.status("shop")["resources"]
    assert {one["interval"] for one in before.values()} == {3600}

    assert fleet.run("connectors", "set", "shop", "--resource-interval", "orders=10")[0] == 0
    after = fleet.status("shop")["resources"]
    assert (after["orders"]["interval"], after["products"]["interval"]) == (10, 3600)
    assert after["orders"]["next_at"] < before["orders"]["next_at"]
    assert after["products"]["next_at"] == before["products"]["next_at"]
    read_at = fleet.states("shop")["orders"]["last_success_at"]
    fleet.wait_until(
        lambda: fleet.states("shop")["orders"]["last_success_at"] > read_at, "it is not read sooner"
    )
    said = fleet.status("shop")["resources"]["orders"]["last_success_at"]
    assert said > after["orders"]["last_success_at"]

    assert fleet.run("connectors", "pause", "shop")[0] == 0
    paused = fleet.status("shop")
    assert paused["state"] == "paused"
    assert {one["next_at"] for one in paused["resources"].values()} == {None}
    shop.admin.clear_requests()
    fleet.make_due("shop")
    fleet.select("SELECT pg_sleep(2.5)")  # more than two ticks of the clock
    assert shop.admin.requests() == []

    order = shop.admin.records("orders")[0]["id"]
    shop.admin.edit_order(order, status="on-hold")
    assert fleet.run("connectors", "resume", "shop")[0] == 0
    fleet.wait("SELECT platform_status = 'on-hold' FROM platform_order WHERE order_id = %s", str(order))
    resumed = fleet.status("shop")
    assert resumed["state"] == "in_step"
    assert resumed["resources"]["orders"]["roads"][0]["kind"] == "incremental"
    assert process.child.poll() is None
    assert len(process.lines("serving")) == 1


# -- a revoked key -----------------------------------------------------------------------------------


@pytest.fixture(params=["woocommerce", "shopify"])
def either(request, fleet):
    """(name, store, how its key is revoked, credentials that work afterwards)."""
    if request.param == "woocommerce":
        shop = request.getfixturevalue("shop")
        fleet.add_woo(shop, "store")
        words = [["sandbox_fault", "woocommerce_rest_authentication_error"]]
        words += [["As scripted.", "Consumer key is invalid."]]
        rule = {"match": {"query": shop.key}, "do": {"status": 401, "replace": words}}
        new = dict(zip(("consumer_key", "consumer_secret"), shop.manager_key, strict=True))
        return shop, lambda: shop.admin.faults([rule]), new
    boutique = request.getfixturevalue("boutique")
    fleet.add_shopify(boutique, "store", hooks=True)
    new = {"access_token": boutique.other_token, "client_secret": boutique.client_secret}
    return boutique, lambda: boutique.admin.revoke_tokens(boutique.token), new


def test_a_revoked_key_is_one_alert_one_line_and_a_stopped_schedule(fleet, either, heard):
    store, revoke, new = either
    url, told = heard
    process = fleet.serve(STORELINK_ALERT_URL=url)
    code, said = fleet.run("webhooks", "install", "store", "--public-url", process.url)
    assert code == 0, said
    fleet.wait_until_read("store")
    # what comes before: WooCommerce's greetings and the like
    loud_before = len([one for one in process.lines() if one["level"] in LOUD])

    revoke()
    fleet.make_due("store")
    process.wait_for("alert", store="store", kind="auth_failed")
    fleet.wait_until(lambda: told, "nobody was told")
    store.admin.clear_requests()
    # everything that could ask the store is due: polls, verify, hints, the guardian
    fleet.make_due("store")
    fleet.make_due("store", "full_due_at")
    _pass_five_minutes(fleet)
    fleet.select(
        "INSERT INTO webhook_delivery (connector_id, topic, resource, external_id, received_at, status,"
        " attempts) SELECT id, 'x', 'orders', '1', now(), 'received', 0 FROM connector_config"
    )
    fleet.select("SELECT pg_sleep(4)")  # four ticks of the clock, two looks for alerts
    assert store.admin.requests() == [], "a store that refuses our key is asked again"
    status = fleet.status("store")
    assert status["state"] == "key_refused"
    assert [one["kind"] for one in status["alerts"]] == ["auth_failed"]
    assert {one["next_at"] for one in status["resources"].values()} == {None}
    assert "set-credentials store" in fleet.run("status")[1]
    loud = [one for one in process.lines() if one["level"] in LOUD][loud_before:]
    assert [one["event"] for one in loud] == ["alert"], loud
    assert [one["state"] for one in told] == ["open"]

    code, said = fleet.run(
        "connectors", "set-credentials", "store", "--credentials", "-", stdin=json.dumps(new)
    )
    assert code == 0, said
    process.wait_for("alert.over", store="store", kind="auth_failed")
    fleet.wait_until(lambda: len(told) == 2, "nobody was told that it is over")
    fleet.wait("SELECT bool_and(last_success_at > a.closed_at - interval '1 minute' AND next_due_at > now())"
               " FROM sync_state, alert a")  # fmt: skip
    fleet.wait("SELECT count(*) = 0 FROM webhook_delivery WHERE status = 'received'")
    assert fleet.status("store")["state"] == "in_step"
    assert [(one["kind"], one["state"]) for one in told] == [("auth_failed", "open"), ("auth_failed", "over")]
    assert fleet.one("SELECT count(*) FROM alert") == 1
    assert len(process.lines("alert")) == len(process.lines("alert.over")) == 1


# -- webhooks that were switched off -----------------------------------------------------------------


def _pass_five_minutes(fleet):
    """For whoever watches over subscriptions."""
    fleet.select(
        "UPDATE connector_config SET settings = jsonb_set(settings, '{webhooks,looked_at}',"
        " to_jsonb((clock_timestamp() - interval '6 minutes')::text))"
    )


@pytest.mark.parametrize("platform", ["woocommerce", "shopify"])
def test_webhooks_that_the_store_gave_up_are_whole_again(fleet, request, platform):
    woo = platform == "woocommerce"
    store = request.getfixturevalue("shop" if woo else "boutique")
    if woo:
        fleet.add_woo(store, "store")
        store.admin.set_site(cron_seconds=0)
    else:
        fleet.add_shopify(store, "store", hooks=True)
        store.admin.set_site(hook_pause=0.01)
    port = str(free_port())
    first = fleet.start("serve", "--port", port)
    first.wait_until_ready()
    fleet.wait_until_read("store")
    code, said = fleet.run("webhooks", "install", "store", "--public-url", first.url)
    assert code == 0, said
    alive = _working(store, woo)
    note = "customer_note" if woo else "note"
    order, other = [row["id"] for row in store.admin.truth()["orders"] if row["status"] != "trash"][:2]

    def holds(number: int, words: str) -> str:
        return fleet.one(
            "SELECT metadata ->> %s = %s FROM platform_order WHERE order_id = %s", note, words, str(number)
        )

    store.admin.edit_order(order, **{note: "before"})
    fleet.wait_until(lambda: holds(order, "before"), "the webhook does not come")

    first.kill()  # nobody answers: the store gives its subscriptions up
    for turn in range(8):
        store.admin.edit_order(order, **{note: f"unheard {turn}"})
        fleet.wait_until(lambda: store.admin.deliveries_waiting() == 0, "deliveries do not end")
    assert _working(store, woo) < alive, "the store gave nothing up"
    store.admin.edit_order(other, **{note: "while it was off"})
    fleet.wait_until(lambda: store.admin.deliveries_waiting() == 0, "deliveries do not end")
    fleet.select("UPDATE sync_state SET next_due_at = now() + interval '1 hour'")  # no poll comes to help
    _pass_five_minutes(fleet)

    second = fleet.start("serve", "--port", port)
    second.wait_for("webhooks.lost", store="store")
    assert _working(store, woo) == alive
    fleet.wait_until(lambda: holds(other, "while it was off"), "the outage is not read")
    fleet.wait_until(lambda: holds(order, "unheard 7"), "the outage is not read whole")
    fleet.wait("SELECT bool_and(next_due_at > now() + interval '50 minutes') FROM sync_state")
    store.admin.edit_order(order, **{note: "and on again"})
    fleet.wait_until(lambda: holds(order, "and on again"), "the new webhooks do not come")
    roads = fleet.status("store")["resources"]["orders"]["roads"]
    assert [road["kind"] for road in roads[:2]] == ["webhook", "incremental"]
    assert fleet.run("webhooks", "status", "store")[0] == 0
    assert fleet.run("verify", "store")[0] == 0


def _working(store: Any, woo: bool) -> int:
    return len([one for one in store.admin.webhooks() if not woo or one["status"] == "active"])
