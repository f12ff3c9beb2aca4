"""Starting stores: in a thread, in a process, for ever; and what runs beside requests."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from caller import Caller

from storelink.sandbox.running import Running, start


def asked(store: Running, path: str = "orders", **params: object) -> httpx.Response:
    caller = Caller(store)
    try:
        return caller.get(path, **params)
    finally:
        caller.close()


def test_a_process_of_its_own_ends_with_the_block():
    with start(orders=12, products=4, customers=4, https=True, process=True) as store:
        assert store.pid is not None and psutil.pid_exists(store.pid)
        assert asked(store).status_code == 200
        store.admin.edit_order(asked(store).json()[0]["id"], customer_note="x")
        assert store.ca_file is not None and store.ca_file.exists()
        folder = store.ca_file.parent
    assert not psutil.pid_exists(store.pid)
    assert not folder.exists()


def test_a_process_ends_when_whoever_started_it_dies():
    script = (
        "import sys, time\n"
        "from storelink.sandbox.running import start\n"
        "with start(orders=2, products=2, customers=2, process=True) as store:\n"
        "    print(store.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        child.wait(30)
    assert not child.is_running()


def test_both_ways_serve_the_same_shop():
    bodies = []
    for process in (False, True):
        with start(orders=20, products=10, customers=10, process=process) as store:
            text = str(store.admin.records("orders")) + str(store.admin.records("products"))
            bodies.append(text.replace(store.url, "HERE"))
    assert bodies[0] == bodies[1]


def test_keys_come_from_the_seed_and_the_token_does_not():
    with start(orders=1, products=1, customers=1, seed=5) as one:
        with start(orders=1, products=1, customers=1, seed=5) as two:
            assert (one.key, one.secret, one.read_key) == (two.key, two.secret, two.read_key)
            assert one.url != two.url
            assert one.admin._token != two.admin._token
        with start(orders=1, products=1, customers=1, seed=6) as three:
            assert one.secret != three.secret


def test_an_empty_store():
    with start(orders=0, products=0, customers=0, https=True) as store:
        for path in ("orders", "products", "customers", "variations", "refunds"):
            answer = asked(store, path)
            assert (answer.status_code, answer.json()) == (200, [])
            assert answer.headers["x-wp-total"] == "0"


def test_it_serves_for_ever_until_it_is_told_to_stop():
    script = (
        "from storelink.sandbox.serving import serve_forever\n"
        "def ready(url, keys, ca_file):\n"
        "    print(url, *keys.full, flush=True)\n"
        "    assert 'cs_' not in repr(keys)\n"
        "try:\n"
        "    serve_forever(ready, orders=3, products=2, customers=2, port=0)\n"
        "except KeyboardInterrupt:\n"
        "    print('bye', flush=True)\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdout=pipe, text=True) as child:
        assert child.stdout is not None
        url, key, secret = child.stdout.readline().split()
        assert key.startswith("ck_") and secret.startswith("cs_")
        with httpx.Client() as client:
            assert client.get(f"{url}/wp-json/").status_code == 200
        child.send_signal(2)
        assert child.stdout.readline() == "bye\n"
        assert child.wait(30) == 0


def test_a_port_that_is_taken_says_so():
    with start(orders=1, products=1, customers=1) as store:
        port = int(store.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), start(orders=1, port=port):
            pass


def test_options_that_do_not_exist_say_so():
    with pytest.raises(TypeError, match="colour"), start(orders=1, colour="blue"):
        pass
    with pytest.raises(Exception, match="Nowhere"), start(orders=1, time_zone="Nowhere/Land"):
        pass


def test_equal_refunds_at_once_both_pay(store: Running, call: Caller):
    """No lock, no idempotency: what facts §6 measured."""
    order = store.admin.create_order()["id"]
    store.admin.set_site(check_seconds=0.3, gateway_seconds=0.3)
    body = {"amount": "30.00", "reason": "twice"}
    seen: list[tuple[bool, list]] = []
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(call.post, f"orders/{order}/refunds", body) for _ in range(2)]
        deadline = threading.Event()
        while not any(answer.done() for answer in answers) and not deadline.wait(0.02):
            for refund in call.json(f"orders/{order}/refunds"):
                seen.append((refund["refunded_payment"], refund["meta_data"]))
    assert [answer.result().status_code for answer in answers] == [201, 201]
    assert (False, []) in seen
    assert [payment["amount"] for payment in store.admin.payments()] == [3000, 3000]
    got = call.json(f"orders/{order}")
    assert [part["total"] for part in got["refunds"]] == ["-30.00", "-30.00"]
    assert (got["total"], got["status"]) == ("40.00", "refunded")


def test_a_client_that_gave_up_does_not_stop_a_refund(store: Running, call: Caller):
    order = store.admin.create_order()["id"]
    store.admin.set_site(gateway_seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        call.http.post(f"orders/{order}/refunds", json={"amount": "5.00"}, timeout=0.1)
    path = f"orders/{order}/refunds"
    until = threading.Event()
    while not call.json(path) or not call.json(path)[0]["refunded_payment"]:
        assert not until.wait(0.02)
    assert [payment["amount"] for payment in store.admin.payments()] == [500]


def test_a_restored_backup_goes_back_in_time(store: Running, call: Caller):
    before = store.admin.truth()
    store.admin.back_up()
    order = store.admin.create_order()["id"]
    store.admin.edit_order(before["orders"][0]["id"], customer_note="x")
    store.admin.delete("products", before["products"][0]["id"])
    assert store.admin.truth() != before
    store.admin.roll_back()
    assert store.admin.truth() == before
    assert call.get(f"orders/{order}").status_code == 404
    assert store.admin.create_order()["id"] == order


def test_churn_is_the_same_for_the_same_seed():
    stories = []
    for _ in range(2):
        with start(orders=40, products=20, customers=20) as store:
            store.admin.hold_clock(1_795_000_000)
            story = store.admin.churn(3, 80)
            stories.append((story, str(store.admin.truth())))
            assert len({(part[0], part[1]) for part in story}) > 12
    assert stories[0] == stories[1]


def test_churn_between_pages(store: Running, call: Caller):
    before = store.admin.counts()
    rule = {"match": {"path": "/orders$"}, "do": {"edits": [["churn", 9, 10, ["orders"]]]}}
    store.admin.faults([rule])
    call.get("orders")
    store.admin.faults([])
    after = store.admin.counts()
    assert after["orders"] != before["orders"] and after["products"] == before["products"]


def test_more_decimals(ask: Caller):
    order = next(o for o in ask.json("orders", per_page=50) if o["tax_lines"] and o["line_items"])
    asked = {"dp": 6, "include": order["id"]}
    got = ask.get("orders", **asked)
    assert got.json()[0]["total"] == f"{order['total']}0000"
    assert got.json()[0]["line_items"][0]["price"] == order["line_items"][0]["price"]
    assert ask.json("orders", include=order["id"])[0] == order
    link = ask.get("orders", dp=6, per_page=1).headers["link"]
    assert "/orders?dp=6&per_page=1&status%5B0%5D=any&context=view&page=2" in link


def test_a_huge_answer_is_not_built_in_memory(store: Running, call: Caller):
    store.admin.faults([{"do": {"big": 1 << 40}}])
    before = psutil.Process(os.getpid()).memory_info().rss
    seen = 0
    with call.http.stream("GET", "orders") as answer:
        for part in answer.iter_raw():
            seen += len(part)
            if seen > 8_000_000:
                break
    store.admin.faults([])
    assert call.get("orders").status_code == 200
    assert psutil.Process(os.getpid()).memory_info().rss - before < 40_000_000


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with start(orders=3, products=2, customers=2, https=True):
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
