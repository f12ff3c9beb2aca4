"""Records that were set aside: seen, shown without personal data, tried again."""

from typing import Any

import pytest

from storelink.sandbox.running import Running


@pytest.fixture
def broken(cli: Any, synced: Running) -> tuple[Running, int, str]:
    """A store one of whose orders has a total that is none; (store, id, right total)."""
    order = next(one for one in synced.admin.records("orders") if one["status"] == "processing")
    synced.admin.edit_order(order["id"], total="-")
    done = cli("sync", "shop")
    assert done.code == 0
    assert "1 record could not be understood" in done.out
    return synced, order["id"], order["total"]


def test_nothing_is_set_aside(cli: Any, synced: Running) -> None:
    assert cli("quarantine", "list").out == "Nothing is in quarantine.\n"
    assert cli("quarantine", "retry", "shop").code == 0
    assert cli("quarantine", "list", "--json").json == {"records": []}


def test_list_says_what_and_why(cli: Any, broken: tuple[Running, int, str]) -> None:
    _, order, _ = broken
    told = cli("quarantine", "list", "shop")
    assert f"order {order}" in told.out
    assert "total is no amount" in told.out
    (record,) = cli("quarantine", "list", "--json").json["records"]
    assert (record["store"], record["resource"], record["id"]) == ("shop", "orders", str(order))
    assert cli("quarantine", "list", "--resource", "products", "--json").json["records"] == []
    assert "quarantine list shop" in cli("status").out


def test_show_hides_personal_data_until_asked(cli: Any, broken: tuple[Running, int, str]) -> None:
    store, order, _ = broken
    billing = store.admin.record("orders", order)["billing"]
    told = cli("quarantine", "show", "shop", str(order))
    assert told.code == 0
    assert '"total": "-"' in told.out
    for field in ("email", "address_1", "last_name", "phone"):
        assert not billing[field] or billing[field] not in told.out
    revealed = cli("quarantine", "show", "shop", str(order), "--reveal", "--json").json
    assert revealed["payload"]["billing"]["address_1"] == billing["address_1"]
    hidden = cli("quarantine", "show", "shop", str(order), "--json").json
    assert hidden["payload"]["billing"]["address_1"].endswith("••••")


def test_show_of_a_record_that_is_not_there(cli: Any, broken: tuple[Running, int, str]) -> None:
    _, order, _ = broken
    done = cli("quarantine", "show", "shop", f"{order}9")
    assert done.code == 2
    assert f"Did you mean '{order}'?" in done.err


def test_retry_releases_what_is_well_and_keeps_the_rest(cli: Any, broken: tuple[Running, int, str]) -> None:
    store, order, total = broken
    kept = cli("quarantine", "retry", "shop")
    assert kept.code == 1
    assert "0 of 1 record released" in kept.out
    store.admin.edit_order(order, total=total)
    told = cli("quarantine", "retry", "shop", str(order), "--json")
    assert told.code == 0
    assert (told.json["tried"], told.json["released"], told.json["left"]) == (1, 1, 0)
    assert cli("quarantine", "list", "--json").json["records"] == []
    assert cli("verify", "shop").code == 0


def test_verify_says_that_a_record_is_in_quarantine(cli: Any, broken: tuple[Running, int, str]) -> None:
    told = cli("verify", "shop")
    assert told.code == 0
    assert "but for 1 record in quarantine" in told.out
