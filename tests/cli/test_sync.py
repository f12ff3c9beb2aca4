"""`sync`, `verify` and `renormalize`, against a simulated store."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from storelink.db import Database
from storelink.sandbox.running import Running

OLD = '{"checked_at": "2026-01-01T00:00:00Z"}'
RESOURCES = ["products", "customers", "orders"]


def wait_for(so: Callable[[], Any], patience: float = 60.0) -> Any:
    deadline = time.monotonic() + patience
    while not (found := so()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return found


def held(database: Database, table: str) -> int:
    with database.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


# -- sync --------------------------------------------------------------------------------------------


def test_the_first_sync_reads_everything_and_the_next_what_changed(
    cli: Any, registered: Running, database: Database
) -> None:
    first = cli("sync", "shop")
    assert first.code == 0
    assert "shop is read up to now" in first.out
    drafts = sum(order["status"] == "checkout-draft" for order in registered.admin.records("orders"))
    assert held(database, "platform_order") == registered.admin.counts()["orders"] - drafts
    order = next(one for one in registered.admin.records("orders") if one["status"] == "processing")
    registered.admin.edit_order(order["id"], status="completed")
    again = cli("sync", "shop", "--json").json
    assert again["errors"] == []
    by_resource = {one["resource"]: one for one in again["passes"] if one["kind"] == "incremental"}
    assert list(by_resource) == RESOURCES
    assert by_resource["orders"]["updated"] == 1
    assert by_resource["products"]["updated"] == 0


def test_only_the_resources_that_were_named(cli: Any, registered: Running) -> None:
    told = cli("sync", "shop", "--resource", "customers", "-r", "products", "--json").json
    assert [one["resource"] for one in told["passes"]] == ["products", "customers"]
    assert {one["kind"] for one in told["passes"]} == {"backfill"}


def test_an_unknown_resource_gets_the_nearest(cli: Any, synced: Running) -> None:
    for command in ("sync", "verify", "renormalize"):
        done = cli(command, "shop", "--resource", "order")
        assert done.code == 2
        assert "Did you mean 'orders'?" in done.err


def test_full_reads_everything_again(cli: Any, synced: Running) -> None:
    told = cli("sync", "shop", "--resource", "orders", "--full", "--json").json
    assert told["passes"][0]["kind"] == "backfill"
    assert told["passes"][0]["updated"] == 0


def test_no_rich_and_no_colour_in_a_pipe(process: Any, registered: Running) -> None:
    for words in (
        ["sync", "shop"],
        ["verify", "shop"],
        ["status"],
        ["runs"],
        ["connectors", "check", "shop"],
    ):
        done = process(*words)
        assert done.code == 0
        assert not any(letter in done.out + done.err for letter in "\x1b━╭│┃\r")


@pytest.mark.parametrize(
    "fault, code, said",
    [
        ({"html": True}, 1, "HTML"),
        ({"redirect": "https://other.example/"}, 2, "https://other.example"),
        ({"maintenance": True}, 1, "503"),
        ({"truncate": 0.5}, 1, "ended early"),
        ({"status": 429}, 1, "fewer requests"),
        ({"drop": "before"}, 1, "ended early"),
    ],
)
def test_what_stands_in_the_way_is_said_and_noted(
    cli: Any, synced: Running, fault: dict[str, Any], code: int, said: str
) -> None:
    synced.admin.faults([{"do": fault}])
    done = cli("sync", "shop")
    assert done.code == code
    assert said in done.flat
    assert "Traceback" not in done.err
    (failed,) = cli("runs", "--failed", "--json").json["runs"]
    assert (failed["resource"], failed["status"]) == ("products", "failed")
    (store,) = cli("status", "--json").json["stores"]
    assert store["resources"][0]["state"] == "failing"
    assert store["resources"][0]["last_error"]
    told = cli("sync", "shop", "--json")
    assert told.code == code
    assert told.json["errors"][0]["resource"] == "products"
    synced.admin.faults([])
    assert cli("sync", "shop").code == 0
    assert cli("status", "--json").json["stores"][0]["state"] == "in_step"


def test_one_resource_that_fails_does_not_keep_the_others_back(cli: Any, synced: Running) -> None:
    synced.admin.faults([{"match": {"path": "/customers"}, "do": {"status": 500}}])
    told = cli("sync", "shop", "--json")
    assert told.code == 1
    assert [one["resource"] for one in told.json["errors"]] == ["customers"]
    assert {"products", "orders"} <= {one["resource"] for one in told.json["passes"]}


def test_refused_keys_exit_3_and_stop_the_schedule_until_they_work(
    cli: Any, synced: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORELINK_SECRET", "cs_" + "0" * 40)
    assert cli("connectors", "set-credentials", "shop", "--no-check").code == 0
    done = cli("sync", "shop")
    assert done.code == 3
    assert "connectors set-credentials shop" in done.err
    (store,) = cli("status", "--json").json["stores"]
    assert (store["status"], store["state"]) == ("auth_failed", "key_refused")
    assert "refuses our keys" in cli("status").out
    monkeypatch.setenv("STORELINK_SECRET", synced.secret)
    assert cli("connectors", "set-credentials", "shop").code == 0
    assert cli("sync", "shop").code == 0
    assert cli("status", "--json").json["stores"][0]["status"] == "active"


def test_a_store_whose_keys_work_again_is_read_by_schedule_again(
    cli: Any, synced: Running, database: Database
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE connector_config SET status = 'auth_failed'"))
    assert cli("sync", "shop").code == 0
    assert cli("status", "--json").json["stores"][0]["status"] == "active"


def test_the_doctor_looks_at_most_once_a_day(cli: Any, synced: Running, database: Database) -> None:
    def looked() -> bool:
        synced.admin.clear_requests()
        assert cli("sync", "shop").code == 0
        return any("system_status" in one["path"] for one in synced.admin.requests())

    assert not looked()
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE connector_config SET settings = settings || :old"), {"old": OLD})
    assert looked()
    assert not looked()


def test_a_database_that_is_not_there(process: Any) -> None:
    away = {"STORELINK_DATABASE_URL": "postgresql://u:LEAK@127.0.0.1:1/x"}
    for words in (["sync", "shop"], ["status", "--json"]):
        done = process(*words, env=away)
        assert done.code == 1
        assert "Traceback" not in done.err
        assert "LEAK" not in done.err + done.out
        assert done.err


def test_a_wrong_setting_is_named_and_not_quoted(process: Any) -> None:
    done = process("status", env={"STORELINK_HTTP_RETRIES": "LEAK"})
    assert done.code == 2
    assert "STORELINK_HTTP_RETRIES" in done.err
    assert "LEAK" not in done.err


# -- two at once, and stopping -----------------------------------------------------------------------


def spawn(environment: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    command = [str(Path(sys.executable).parent / "storelink"), *words]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_of_two_at_once_one_says_that_the_lane_is_held(
    cli: Any, registered: Running, environment: dict[str, str]
) -> None:
    registered.admin.faults([{"match": {"path": "/orders$"}, "do": {"slow": 1.5}}])
    first = spawn(environment, "sync", "shop", "--resource", "orders")
    try:
        wait_for(lambda: cli("status", "--json").json["stores"][0]["resources"][2]["running"])
        assert "first read" in cli("status").out
        second = cli("sync", "shop", "--resource", "orders")
        assert second.code == 1
        assert "another process is reading orders" in second.flat.lower()
        assert "nothing is lost" in second.flat
        others = cli("sync", "shop", "--json")
        assert [one["kind"] for one in others.json["errors"]] == ["LaneHeld"]
        assert "products" in [one["resource"] for one in others.json["passes"]]
    finally:
        _, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    assert cli("verify", "shop", "--resource", "orders").code == 0


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_the_next_sync_carries_on(
    cli: Any, registered: Running, environment: dict[str, str], number: int, code: int
) -> None:
    for _ in range(120):
        registered.admin.create_order()
    registered.admin.faults([{"match": {"path": "/orders$", "nth": 3}, "do": {"slow": 100}}])
    running = spawn({**environment, "STORELINK_HTTP_TIMEOUT": "90"}, "sync", "shop")

    def begun() -> bool:
        (store,) = cli("status", "--json").json["stores"]
        return bool(store["resources"][2]["done"])

    wait_for(begun)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)  # not the 90 s that a request may take
    assert running.returncode == code, err
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert "carries on" in err
    assert "stopped" in cli("status").out
    (store,) = cli("status", "--json").json["stores"]
    assert store["resources"][2]["state"] == "stopped"
    assert 0 < store["resources"][2]["share"] < 1
    assert cli("runs", "--json").json["runs"][0]["status"] == "interrupted"
    registered.admin.faults([])
    registered.admin.clear_requests()
    assert cli("sync", "shop", "--resource", "orders").code == 0
    queries = [asked["query"] for asked in registered.admin.requests() if asked["path"].endswith("/orders")]
    pages = [query for query in queries if "_fields" not in query and "include" not in query]
    assert "offset=" in pages[0], "it began anew"
    assert cli("verify", "shop").code == 0


def test_a_reader_that_has_enough_is_no_error(environment: dict[str, str], synced: Running) -> None:
    command = f"{Path(sys.executable).parent / 'storelink'} runs --json | head -1"
    ended = subprocess.run(
        ["bash", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert ended.stdout == "{\n"
    assert "Traceback" not in ended.stderr and "BrokenPipe" not in ended.stderr


# -- verify ------------------------------------------------------------------------------------------


def test_verify_of_a_store_in_step(cli: Any, synced: Running) -> None:
    done = cli("verify", "shop")
    assert done.code == 0
    assert "In step" in done.out
    told = cli("verify", "shop", "--json").json
    assert (told["in_step"], told["drift"], told["errors"]) == (True, 0, [])
    assert [one["resource"] for one in told["ledgers"]] == RESOURCES
    assert all(one["in_store"] == one["held"] > 0 for one in told["ledgers"])


def test_verify_finds_drift_with_exit_4_and_fix_mends_it(cli: Any, synced: Running) -> None:
    refund = synced.admin.records("refunds")[0]
    synced.admin.delete_refund(refund["id"])
    found = cli("verify", "shop")
    assert found.code == 4
    assert "1 order differs" in found.out and "verify shop --fix" in found.out
    (store,) = cli("status", "--json").json["stores"]
    assert store["resources"][2]["state"] == "drift"
    assert "1 order differs" in cli("status").out
    told = cli("verify", "shop", "--json")
    assert (told.code, told.json["in_step"], told.json["drift"]) == (4, False, 1)
    fixed = cli("verify", "shop", "--fix")
    assert fixed.code == 0
    assert "In step now" in fixed.out
    assert cli("verify", "shop").code == 0
    assert cli("status", "--json").json["stores"][0]["state"] == "in_step"


def test_deep_finds_what_moved_no_date(cli: Any, synced: Running) -> None:
    order = synced.admin.records("orders")[0]
    synced.admin.set_field_silently("orders", order["id"], customer_note="written by a plugin")
    assert cli("verify", "shop").code == 0
    assert cli("verify", "shop", "--deep", "--resource", "orders").code == 4
    told = cli("verify", "shop", "--deep", "--fix", "--json")
    assert told.code == 0
    assert sum(one["fixed"] for one in told.json["ledgers"]) == 1
    assert all(one["deep"] for one in told.json["ledgers"])


def test_a_store_that_lost_a_fifth_stops_and_asks(cli: Any, synced: Running) -> None:
    for order in synced.admin.records("orders")[:20]:
        synced.admin.delete("orders", order["id"])
    asked = cli("verify", "shop", "--fix")
    assert asked.code == 4
    assert "--accept-deletes" in asked.out
    assert cli("verify", "shop", "--accept-deletes").code == 2
    assert cli("verify", "shop", "--fix", "--accept-deletes").code == 0


def test_verify_of_a_store_that_was_never_read(cli: Any, registered: Running) -> None:
    done = cli("verify", "shop")
    assert done.code == 2
    assert "storelink sync shop" in done.err


# -- renormalize -------------------------------------------------------------------------------------


def test_renormalize_asks_the_store_for_nothing(cli: Any, synced: Running, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE source_record SET normalizer = 0, content_hash = 'x'"))
        connection.execute(text("UPDATE platform_order SET total_amount = 0"))
    synced.admin.clear_requests()
    told = cli("renormalize", "shop", "--json").json
    assert [one["resource"] for one in told["rebuilt"]] == RESOURCES
    assert synced.admin.requests() == []
    with database.connect() as connection:
        assert connection.scalar(text("SELECT sum(total_amount) FROM platform_order"))
    again = cli("renormalize", "shop")
    assert again.code == 0
    assert "Nothing came out different" in again.out


def test_progress_is_reported_only_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from storelink.cli.progress import Screen
    from storelink.sync.subject import Progress

    screen = Screen(live=True)
    with screen.watch("orders"):
        screen.report(Progress("orders", "backfill", 10, 20))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(live=True)
    with screen.watch("orders"):
        screen.report(Progress("orders", "backfill", 1200, 2000))
        threading.Event().wait(0.3)  # two refreshes
    shown = capsys.readouterr().err
    assert "reading orders" in shown and "1,200 of 2,000" in shown


def test_a_fault_of_our_own_is_said_without_a_traceback(
    cli: Any, synced: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("storelink.sync.synchronize.incremental", broken)
    done = cli("sync", "shop")
    assert done.code == 1
    assert "A fault of storelink's own: ZeroDivisionError: a bug" in done.err
    assert "Traceback" not in done.err
    monkeypatch.setenv("STORELINK_LOG_LEVEL", "debug")
    assert "Traceback" in cli("sync", "shop").err
