"""Registering stores, checking, changing and removing them."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from storelink.db import Database
from storelink.sandbox.running import Running, start

WRONG_SECRET = "cs_" + "0" * 40
NOBODY = "http://127.0.0.1:1"


def add(cli: Any, url: str, *more: str, name: str = "shop", **options: Any) -> Any:
    return cli("connectors", "add", "woocommerce", name, "--store-url", url, *more, **options)


def stored(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM connector_config")) or 0)


# -- the three ways in -------------------------------------------------------------------------------


def test_keys_come_from_the_environment(cli: Any, keys: Running) -> None:
    done = add(cli, keys.url)
    assert done.code == 0
    assert "shop is registered" in done.out
    assert "WooCommerce 11" in done.out
    assert "storelink sync shop" in done.out


@pytest.mark.parametrize("names", [("consumer_key", "consumer_secret"), ("api_key", "secret")])
def test_keys_come_as_json_on_standard_input(cli: Any, store: Running, names: tuple[str, str]) -> None:
    given = json.dumps(dict(zip(names, (store.key, store.secret), strict=True)))
    done = add(cli, store.url, "--credentials", "-", "--json", stdin=given)
    assert done.code == 0
    assert done.json["registered"] is True
    assert cli("sync", "shop").code == 0


def test_keys_are_asked_for_and_not_shown(environment: dict[str, str], store: Running) -> None:
    shown = in_terminal(
        environment,
        ["connectors", "add", "woocommerce", "shop", "--store-url", store.url],
        {"Consumer key": store.key, "Consumer secret": store.secret},
    )
    assert "shop is registered" in shown
    assert store.key not in shown and store.secret not in shown


def in_terminal(environment: dict[str, str], words: list[str], answers: dict[str, str]) -> str:
    """Run a command in a terminal of 80 columns, answer its questions, return all it showed."""
    command = [str(Path(sys.executable).parent / "storelink"), *words]
    child, screen = pty.fork()
    if child == 0:  # pragma: no cover - the command's own process
        os.environ.update(environment, COLUMNS="80", TERM="xterm")
        os.execv(command[0], command)
    shown, waiting, deadline = "", dict(answers), time.monotonic() + 90
    try:
        while time.monotonic() < deadline:
            if select.select([screen], [], [], 0.05)[0]:
                try:
                    part = os.read(screen, 65_536)
                except OSError:
                    break
                shown += part.decode(errors="replace")
            for question in [one for one in waiting if one in shown and shown.rstrip().endswith(":")]:
                if "(not shown)" in shown and termios.tcgetattr(screen)[3] & termios.ECHO:
                    continue  # what is typed before the echo is off would be thrown away
                os.write(screen, waiting.pop(question).encode() + b"\n")
                shown += "\n"
                break
        else:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(screen)
        _, status = os.waitpid(child, 0)
    return shown + f"\nexit {os.waitstatus_to_exitcode(status)}"


def test_without_keys_the_three_ways_are_named(cli: Any, store: Running, database: Database) -> None:
    done = add(cli, store.url)
    assert done.code == 2
    for way in ("terminal", "STORELINK_API_KEY", "STORELINK_SECRET", "--credentials -", "consumer_secret"):
        assert way in done.err
    assert stored(database) == 0


@pytest.mark.parametrize(
    "given", ["no json", "[1]", '"text"', '{"consumer_key": "ck_LEAK"}', '{"ck_LEAK": "x"}', "", "{" * 70_000]
)
def test_bad_json_is_refused_and_not_quoted(cli: Any, store: Running, given: str) -> None:
    done = add(cli, store.url, "--credentials", "-", stdin=given)
    assert done.code == 2
    assert "LEAK" not in done.out + done.err
    assert "consumer_secret" in done.err or "missing" in done.err


@pytest.mark.parametrize(
    "words", [["--credentials", "cs_LEAK"], ["--secret", "cs_LEAK"], ["--consumer-secret=cs_LEAK"]]
)
def test_secrets_are_no_arguments_and_are_not_said_back(cli: Any, keys: Running, words: list[str]) -> None:
    done = add(cli, keys.url, *words)
    assert done.code == 2
    assert "LEAK" not in done.out + done.err


# -- what stands in the way --------------------------------------------------------------------------


def test_wrong_keys_exit_3_and_store_nothing(
    cli: Any, keys: Running, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setenv("STORELINK_SECRET", WRONG_SECRET)
    done = add(cli, keys.url)
    assert done.code == 3
    assert "Nothing was stored" in done.out
    assert "secret is wrong" in done.out
    assert "REST API" in done.out, "the mend is not said"
    assert stored(database) == 0
    told = add(cli, keys.url, "--json")
    assert (told.code, told.json["registered"], told.json["check"]["auth_failed"]) == (3, False, True)


def test_keys_that_may_only_read_are_taken_with_a_warning(cli: Any, store: Running) -> None:
    key, secret = store.read_key
    done = add(cli, store.url, "--credentials", "-", stdin=json.dumps({"api_key": key, "secret": secret}))
    assert done.code == 0
    assert "may read but not write" in done.out
    assert "Read/Write" in done.out


@pytest.mark.parametrize(
    "fault, said",
    [
        ({"html": True}, "not WordPress"),
        ({"redirect": "https://other.example/"}, "https://other.example"),
        ({"maintenance": True}, "maintenance"),
        ({"database_down": True}, "database"),
        ({"drop": "before"}, "ended early"),
        ({"status": 500}, "PHP error log"),
    ],
)
def test_a_store_that_is_ill_is_not_registered(
    cli: Any, keys: Running, database: Database, fault: dict[str, Any], said: str
) -> None:
    keys.admin.faults([{"do": fault}])
    done = add(cli, keys.url)
    assert done.code == 1
    assert said in done.flat
    assert "Nothing was stored" in done.out
    assert stored(database) == 0


@pytest.mark.parametrize(
    "url, said",
    [(NOBODY, "nothing accepts the connection"), ("https://no-such-host.invalid", "no such host")],
)
def test_a_store_that_is_not_there(cli: Any, keys: Running, url: str, said: str) -> None:
    done = add(cli, url)
    assert done.code == 1
    assert said in done.flat


def test_no_check_registers_without_looking(cli: Any, keys: Running) -> None:
    done = add(cli, NOBODY, "--no-check", "--json")
    assert done.code == 0
    assert done.json["check"] is None


@pytest.mark.parametrize(
    "words, said",
    [
        (["connectors", "add", "woocommerce", "Shop 1", "--store-url", NOBODY], "lower-case"),
        (["connectors", "add", "woocommerce", "s", "--store-url", "ftp://x"], "https://"),
        (["connectors", "add", "woocommerce", "s", "--store-url", "http://shop.example"], "--allow-http"),
        (["connectors", "add", "woocommerce", "s", "--store-url", NOBODY, "--interval", "9"], "10 s"),
        (["connectors", "add", "magento", "s", "--store-url", NOBODY], "woocommerce"),
        (["connectors", "add", "woocommerce", "s"], "--store-url"),
    ],
)
def test_what_cannot_be_is_said_before_secrets_are_asked_for(cli: Any, words: list[str], said: str) -> None:
    done = cli(*words)
    assert done.code == 2
    assert said in done.err


def test_plain_http_elsewhere_needs_a_yes(cli: Any, keys: Running) -> None:
    url = "http://no-such-host.invalid"
    assert "--allow-http" in add(cli, url).err
    done = add(cli, url, "--allow-http")
    assert done.code == 1
    assert "no such host" in done.flat


def test_a_name_and_an_address_are_registered_once(cli: Any, registered: Running) -> None:
    again = add(cli, "http://localhost:1")
    assert (again.code, "taken" in again.err) == (2, True)
    same = add(cli, registered.url + "/", name="other")
    assert (same.code, "already" in same.err) == (2, True)


# -- seeing ------------------------------------------------------------------------------------------


def test_nothing_is_registered_yet(cli: Any) -> None:
    assert "connectors add" in cli("connectors", "list").out
    assert cli("connectors", "list", "--json").json == {"stores": []}
    assert "connectors add" in cli("connectors", "show", "shop").err


def test_list_and_show(cli: Any, registered: Running) -> None:
    (listed,) = cli("connectors", "list", "--json").json["stores"]
    assert listed["name"] == "shop"
    assert listed["store_url"] == registered.url
    assert "shop" in cli("connectors", "list").out
    shown = cli("connectors", "show", "shop")
    for fact in ("WooCommerce".lower(), registered.url, "USD", "America/New_York", "5 min", "master key"):
        assert fact in shown.out
    told = cli("connectors", "show", "shop", "--json").json
    assert told["settings"]["currency"] == "USD"
    assert told["intervals"] == {"customers": None, "orders": None, "products": None}
    assert told["credentials"]["entered_by"].startswith("cli:")


def test_an_unknown_name_gets_the_nearest(cli: Any, registered: Running) -> None:
    for words in (
        ["sync", "shpo"], ["verify", "shpo"], ["status", "shpo"], ["runs", "shpo"], ["renormalize", "shpo"],
        ["connectors", "show", "shpo"], ["connectors", "check", "shpo"], ["connectors", "pause", "shpo"],
        ["connectors", "remove", "shpo", "--yes"], ["quarantine", "list", "shpo"],
        ["connectors", "set", "shpo", "--interval", "60"], ["quarantine", "retry", "shpo"],
        ["connectors", "set-credentials", "shpo"],
    ):  # fmt: skip
        done = cli(*words)
        assert done.code == 2, words
        assert "Did you mean 'shop'?" in done.err, words


# -- checking ----------------------------------------------------------------------------------------


def test_check_of_a_healthy_store(cli: Any, registered: Running) -> None:
    done = cli("connectors", "check", "shop")
    assert done.code == 0
    assert "shop is well" in done.out
    told = cli("connectors", "check", "shop", "--json").json["check"]
    assert (told["healthy"], told["auth_failed"]) == (True, False)
    assert {"level", "code", "what", "mend"} == set(told["findings"][0])


def test_check_names_the_worst_first_with_its_mend(cli: Any, registered: Running) -> None:
    registered.admin.set_site(mode="plain_permalinks")
    done = cli("connectors", "check", "shop")
    assert done.code == 1
    assert done.out.splitlines()[1].strip().startswith("✗ problem:")
    assert "Permalinks" in done.out


def test_check_exits_3_when_the_keys_are_refused(
    cli: Any, store: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start(5, 2, 2, seed=5) as other:  # its keys are of no use here
        monkeypatch.setenv("STORELINK_API_KEY", other.key)
        monkeypatch.setenv("STORELINK_SECRET", other.secret)
    assert add(cli, store.url, "--no-check").code == 0
    done = cli("connectors", "check", "shop")
    assert done.code == 3
    assert "consumer key" in done.flat


def test_check_keeps_what_it_learns(cli: Any, registered: Running) -> None:
    registered.admin.set_site(currency="EUR")
    assert cli("connectors", "check", "shop").code == 0
    assert cli("connectors", "show", "shop", "--json").json["settings"]["currency"] == "EUR"


# -- changing ----------------------------------------------------------------------------------------


def test_set_credentials_tries_them_first(
    cli: Any, registered: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORELINK_SECRET", WRONG_SECRET)
    refused = cli("connectors", "set-credentials", "shop")
    assert refused.code == 3
    assert "keeps the ones it has" in refused.out
    assert cli("sync", "shop").code == 0
    assert cli("connectors", "set-credentials", "shop", "--no-check", "--json").json["stored"] is True
    assert cli("sync", "shop").code == 3
    monkeypatch.setenv("STORELINK_SECRET", registered.secret)
    assert cli("connectors", "set-credentials", "shop").code == 0
    assert cli("sync", "shop").code == 0


def test_set_changes_intervals(cli: Any, registered: Running) -> None:
    done = cli("connectors", "set", "shop", "--interval", "600", "--resource-interval", "orders=60")
    assert done.code == 0
    assert "10 min" in done.out and "orders every 1 min" in done.out
    told = cli("connectors", "set", "shop", "--resource-interval", "orders=default", "--json").json
    assert told == {
        "name": "shop", "interval": 600, "intervals": {"customers": None, "orders": None, "products": None},
        "orders_since": None,
    }  # fmt: skip


def test_orders_since_a_day_from_adding_to_reading_all(cli: Any, keys: Running) -> None:
    """Never does a command say that it is all, where it is not."""
    times = {one["id"]: one["date_created_gmt"] for one in keys.admin.records("orders")}
    day = sorted(times.values())[len(times) // 2][:10]
    said = "orders since [0-9]+ [A-Z][a-z]+ 20[0-9]+; older ones when they change"
    done = add(cli, keys.url, "--orders-since", day)
    assert re.search(f"Read are {said}", done.out)
    assert cli("sync", "shop").code == 0
    document = cli("connectors", "show", "shop", "--json").json
    since = document["orders_since"]
    assert since.startswith(day) and since.endswith("Z")
    for words in (["connectors", "show", "shop"], ["status"], ["verify", "shop"]):
        assert re.search(said, cli(*words).out), words
    told = cli("verify", "shop").out
    assert "In step" in told and "what shop holds" not in told and "what is read of shop" in told
    ledger = cli("verify", "shop", "--json").json["ledgers"][-1]
    part, whole = (
        ledger["held"],
        sum(one["status"] != "checkout-draft" for one in keys.admin.records("orders")),
    )
    assert 0 < part < whole and ledger["in_store"] == part and ledger["older"] == 0

    assert re.search(f"Not all orders are here: shop: {said}", cli("orders", "find", "--number", "no").out)
    later = sorted(times.values())[-3][:10]
    narrower = cli("connectors", "set", "shop", "--orders-since", later)
    assert "Nothing that is held goes" in narrower.out
    assert cli("sync", "shop", "--full").code == 0
    assert "asked for by id" in cli("verify", "shop").out
    ledger = cli("verify", "shop", "--json").json["ledgers"][-1]
    assert (ledger["held"], ledger["drift"]) == (part, 0) and ledger["older"] > 0

    wider = cli("connectors", "set", "shop", "--orders-since", "all")
    assert "All orders are read. The missing ones are read from now on" in wider.out
    assert cli("sync", "shop").code == 0
    ledger = cli("verify", "shop", "--json").json["ledgers"][-1]
    assert (ledger["held"], ledger["older"], ledger["drift"]) == (whole, 0, 0)
    for words in (["connectors", "show", "shop"], ["status"], ["verify", "shop"]):
        assert not re.search(said, cli(*words).out), words


def test_orders_since_no_day_is_refused_before_anything_is_asked(cli: Any, keys: Running) -> None:
    for day in ("soon", "2099-01-01", "2025-02-30"):
        done = add(cli, keys.url, "--orders-since", day)
        assert done.code == 2 and day in done.err
    assert "No store is registered" in cli("connectors", "list").out


@pytest.mark.parametrize(
    "words", [[], ["--interval", "5"], ["--resource-interval", "orders"], ["--resource-interval", "x=60"],
              ["--resource-interval", "orders=-5"], ["--resource-interval", "orders=9"], ["--interval", "x"],
              ["--orders-since", "x"], ["--orders-since", "2099-01-01"]],
)  # fmt: skip
def test_set_refuses_what_cannot_be(cli: Any, registered: Running, words: list[str]) -> None:
    done = cli("connectors", "set", "shop", *words)
    assert done.code == 2
    assert done.err
    assert cli("connectors", "show", "shop", "--json").json["interval"] == 300


def test_a_paused_store_is_not_read(cli: Any, synced: Running) -> None:
    assert cli("connectors", "pause", "shop", "--json").json == {"name": "shop", "status": "paused"}
    for words in (["sync", "shop"], ["verify", "shop"]):
        done = cli(*words)
        assert done.code == 2
        assert "connectors resume shop" in done.err
    assert cli("status", "--json").json["stores"][0]["state"] == "paused"
    assert cli("connectors", "resume", "shop").code == 0
    assert cli("sync", "shop").code == 0


# -- removing ----------------------------------------------------------------------------------------


def test_remove_needs_a_yes(cli: Any, synced: Running) -> None:
    done = cli("connectors", "remove", "shop")
    assert done.code == 2
    assert "--yes" in done.err
    assert cli("connectors", "list", "--json").json["stores"]


def test_remove_keeps_what_was_read_and_add_takes_it_up_again(
    cli: Any, synced: Running, database: Database
) -> None:
    with database.connect() as connection:
        held = connection.scalar(text("SELECT count(*) FROM platform_order"))
    assert held
    assert cli("connectors", "remove", "shop", "--yes").code == 0
    assert cli("sync", "shop").code == 2
    assert cli("connectors", "list", "--json").json == {"stores": []}
    with database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM platform_order")) == held
        assert connection.scalar(text("SELECT secret FROM connector_config")) is None
    assert add(cli, synced.url).code == 0
    (products, _customers, orders) = cli("sync", "shop", "--json").json["passes"][:3]
    assert (products["kind"], orders["kind"]) == ("incremental", "incremental")


def test_purge_deletes_what_was_read(cli: Any, synced: Running, database: Database) -> None:
    told = cli("connectors", "remove", "shop", "--purge", "--yes", "--json").json
    assert told["purged"] is True
    assert told["deleted_rows"]["platform_order"] > 0
    with database.connect() as connection:
        for table in (
            "platform_order",
            "platform_product",
            "source_record",
            "change_event",
            "connector_config",
        ):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


@pytest.mark.parametrize("answer, gone", [("shop", True), ("yes", False)])
def test_purge_asks_for_the_name(
    environment: dict[str, str], synced: Running, database: Database, answer: str, gone: bool
) -> None:
    shown = in_terminal(environment, ["connectors", "remove", "shop", "--purge"], {"Type shop": answer})
    assert "deleted for good" in shown
    assert f"exit {0 if gone else 2}" in shown
    assert stored(database) == (0 if gone else 1)


# -- secrets stay secret -----------------------------------------------------------------------------


@pytest.fixture
def arguments_seen() -> Iterator[set[str]]:
    """What every storelink process of this user had for arguments, looked at all the time."""
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.15):
            for process in psutil.process_iter(["cmdline"]):
                seen.update(process.info["cmdline"] or ())

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    done.set()
    thread.join()


def test_secrets_are_nowhere_to_be_seen(
    process: Any, store: Running, environment: dict[str, str], arguments_seen: set[str], home: Path
) -> None:
    keys = {"STORELINK_API_KEY": store.key, "STORELINK_SECRET": store.secret, "STORELINK_LOG_LEVEL": "debug"}
    said = ""
    for line in (
        f"connectors add woocommerce shop --store-url {store.url}", "connectors list --json",
        "connectors show shop", "connectors show shop --json", "connectors check shop --json", "sync shop",
        "verify shop --json", "status --json", "runs --json", "secrets status --json", "db url",
    ):  # fmt: skip
        done = process(*line.split(), env=keys)
        assert done.code == 0, done.err
        said += done.out + done.err
    store.admin.faults([{"do": {"status": 401}}])
    for words in (["sync", "shop"], ["connectors", "check", "shop"], ["sync", "shop", "--json"]):
        done = process(*words, env=keys)
        assert done.code in (1, 2, 3)
        said += done.out + done.err
    dump = subprocess.run(
        ["grep", "-rl", store.secret, str(home)], check=False, capture_output=True, text=True
    ).stdout
    assert dump == "", "the secret lies on the disk in clear"
    for secret in (store.key, store.secret, re.split(r"\s", (home / "master.keys").read_text())[-2]):
        assert secret not in said
        assert not any(secret in argument for argument in arguments_seen)


def test_an_unanswered_question_changes_nothing(
    environment: dict[str, str], store: Running, database: Database
) -> None:
    words = ["connectors", "add", "woocommerce", "shop", "--store-url", store.url]
    shown = in_terminal(environment, words, {"Consumer key": "\x03"})
    assert "Nothing was changed" in shown
    assert "exit 130" in shown
    assert stored(database) == 0
