"""`storelink address`, as support uses it, on a store of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from storelink.sandbox.running import Running

AUSTIN = {
    "first_name": "Jo", "last_name": "Park", "address_1": "1 Main St", "address_2": "", "company": "",
    "city": "Austin", "state": "TX", "postcode": "78701", "country": "US", "phone": "",
}  # fmt: skip


@pytest.fixture
def order(synced: Running) -> str:
    found = next(one for one in synced.admin.records("orders") if one["status"] == "processing")
    synced.admin.edit_order(found["id"], shipping=AUSTIN)
    return str(found["id"])


def held(store: Running, order: str) -> dict[str, Any]:
    return next(one for one in store.admin.records("orders") if str(one["id"]) == order)["shipping"]


def puts(store: Running, order: str) -> int:
    """Changes of the order that the store was asked for."""
    return sum(
        one["method"] == "PUT" and one["path"].endswith(f"/orders/{order}") for one in store.admin.requests()
    )


def test_a_street_is_changed_and_put_back(cli: Any, synced: Running, order: str, tmp_path: Path) -> None:
    shown = cli("address", "preview", "shop", order, "--set", "street=2 Main St")
    assert shown.code == 0 and "1 field of the shipping address" in shown.out
    assert "* street 1 Main St 2 Main St" in " ".join(shown.out.split())
    assert held(synced, order)["address_1"] == "1 Main St"
    done = cli("address", "update", "shop", order, "--set", "street=2 Main St", "--yes", "--wait")
    assert done.code == 0 and "settled" in done.out and "34.18 less. Nobody was charged" in done.out
    assert held(synced, order) == {**AUSTIN, "address_1": "2 Main St"}
    (row,) = cli("address", "list", "shop", "--json").json["addresses"]
    assert (row["status"], row["changes"]) == ("updated", {"address1": "2 Main St"})
    back = cli("address", "restore", row["id"][:8], "--yes", "--wait", "--json").json
    assert back["status"] == "updated" and held(synced, order) == AUSTIN
    story = cli("orders", "show", "shop", order).flat
    assert "change of the shipping address settled" in story


def test_fields_from_a_file_and_a_key_that_is_used_twice(
    cli: Any, synced: Running, order: str, tmp_path: Path
) -> None:
    (tmp_path / "new.json").write_text(json.dumps({"city": "Dallas", "zip": "75201"}))
    call = ("address", "update", "shop", order, "--file", str(tmp_path / "new.json"), "--set", "city=Waco",
            "--yes", "--wait", "--idempotency-key", "case-1", "--json")  # fmt: skip
    first, again = cli(*call), cli(*call)
    assert first.json["id"] == again.json["id"] and (first.code, again.code) == (0, 0)
    assert (held(synced, order)["city"], held(synced, order)["postcode"]) == ("Waco", "75201")
    assert puts(synced, order) == 1
    other = cli(
        "address", "update", "shop", order, "--set", "city=Reno", "--idempotency-key", "case-1", "--yes"
    )
    assert other.code == 2 and "another request" in other.err


def test_what_is_wrong_or_forbidden_is_said_once_and_nothing_is_sent(
    cli: Any, synced: Running, order: str
) -> None:
    wrong = cli("address", "update", "shop", order, "--set", "country=Austria", "--yes")
    assert wrong.code == 2 and "Nothing was sent to the store." in wrong.err
    assert wrong.flat.count("Enter an Austrian postcode: four digits, like 1060") == 1
    synced.admin.edit_order(int(order), status="completed")
    refused = cli("address", "update", "shop", order, "--set", "city=Waco", "--yes")
    assert refused.code == 1 and "--force does it all the same" in refused.out
    assert cli("address", "preview", "shop", order, "--set", "city=Waco").code == 1
    assert puts(synced, order) == 0
    forced = cli("address", "update", "shop", order, "--set", "city=Waco", "--yes", "--force", "--wait")
    assert forced.code == 0 and "Forced: Everything of the order has left" in forced.out


def test_a_change_waits_for_a_worker_and_can_be_withdrawn(cli: Any, synced: Running, order: str) -> None:
    asked = cli("address", "update", "shop", order, "--set", "city=Waco", "--yes")
    assert asked.code == 0 and "No worker runs at present" in asked.out
    assert held(synced, order)["city"] == "Austin"
    (row,) = cli("address", "list", "--stage", "requested", "--json").json["addresses"]
    gone = cli("address", "resolve", row["id"], "--not-updated", "--why", "A mistake", "--json").json
    assert gone["status"] == "failed" and "Withdrawn" in gone["error"]


USAGE: list[tuple[tuple[str, ...], str]] = [
    ((), "Say what to change"),
    (("--set", "city"), "FIELD=TEXT"),
    (("--file", __file__), "JSON"),
    (("--set", "citty=x"), "Did you mean 'city'"),
    (("--set", "city=Waco", "--json"), "add --yes"),
]


def test_usage(cli: Any, synced: Running, order: str) -> None:
    for words, said in USAGE:
        done = cli("address", "update", "shop", order, *words)
        assert done.code == 2 and said in done.flat, words


def test_an_order_that_is_none_and_a_question_nobody_answers(cli: Any, synced: Running, order: str) -> None:
    lost = cli("address", "preview", "shop", "999999", "--set", "city=Waco")
    assert lost.code == 1
    asked = cli("address", "update", "shop", order, "--set", "city=Waco", stdin="")
    assert asked.code != 0 and puts(synced, order) == 0
    no = cli("address", "update", "shop", order, "--set", "city=Waco", stdin="n\n")
    assert no.code != 0 and "Nothing was sent" in no.err and puts(synced, order) == 0
