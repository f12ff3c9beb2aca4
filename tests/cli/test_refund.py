"""As support would do it: find an order, give one of three shirts back with its shipping, see that it was."""

from typing import Any

import pytest

from storelink.sandbox.running import Running


@pytest.fixture
def sold(cli: Any, registered: Running) -> dict[str, Any]:
    """A paid order of which a line has three units, read into the tables."""
    assert cli("sync", "shop").code == 0
    fit = [
        one
        for one in registered.admin.records("orders")
        if one["status"] == "processing" and one["payment_method"] == "fakepay" and not one["refunds"]
        and one["currency"] == "USD" and any(line["quantity"] > 1 for line in one["line_items"])
        and float(one["shipping_total"]) > 0
    ]  # fmt: skip
    return dict(fit[0])


def shirts(order: dict[str, Any]) -> dict[str, Any]:
    return dict(next(line for line in order["line_items"] if line["quantity"] > 1))


def test_three_commands_from_a_complaint_to_the_money(cli: Any, sold: Any, registered: Running) -> None:
    found = cli("orders", "find", "--email", sold["billing"]["email"].upper())
    assert sold["number"] in found.out
    line = f"{shirts(sold)['id']}:1"
    done = cli(
        "refund", "create", "shop", sold["number"], "--line", line, "--shipping", "full",
        "--reason", "Damaged", "--note", "she called", "--yes", "--wait",
    )  # fmt: skip
    assert done.code == 0, done.flat
    assert "settled" in done.out
    (paid,) = registered.admin.ledger()
    assert paid["order"] == sold["id"]
    assert paid["reason"].startswith("Damaged · ref ")
    assert "she called" not in paid["reason"]
    shown = cli("orders", "show", "shop", sold["number"])
    for words in ("requested", "sent to the store", "settled", paid["amount"], f"{paid['refund']}"):
        assert words in shown.out, words
    story = cli("orders", "show", "shop", sold["number"], "--json").json
    (refund,) = story["refunds"]
    assert refund["request"] == story["requests"][0]["id"]


def test_a_key_makes_one_and_the_same_again_has_to_be_meant(cli: Any, sold: Any) -> None:
    words = ("refund", "create", "shop", sold["number"], "--amount", "1.00", "--yes")
    first = cli(*words, "--idempotency-key", "case 1", "--json").json
    again = cli(*words, "--idempotency-key", "case 1", "--json").json
    assert first["id"] == again["id"]
    assert cli(*words, "--idempotency-key", "case 2").code == 4
    assert cli(*words, "--again").code == 0
    other = cli("refund", "create", "shop", sold["number"], "--amount", "2.00", "--yes",
                "--idempotency-key", "case 1")  # fmt: skip
    assert other.code == 2
    assert "another request" in other.flat


def test_nobody_works_and_that_is_said(cli: Any, sold: Any) -> None:
    done = cli("refund", "create", "shop", sold["number"], "--amount", "1.00", "--yes")
    assert "No worker runs" in done.flat
    waiting = cli("refund", "list", "--stage", "requested", "--json").json["refunds"]
    assert [one["amount"] for one in waiting] == ["1.00"]
    gone = cli("refund", "resolve", waiting[0]["id"][:8], "--not-moved", "--why", "her mistake")
    assert gone.code == 0, gone.flat
    assert "failed" in gone.out


def test_what_would_be_refused_is_said_before_anybody_is_asked(cli: Any, sold: Any) -> None:
    words = ("refund", "create", "shop", sold["number"], "--amount")
    no = cli(*words, "1.00", stdin="n\n")
    assert (no.code, "Nothing was requested" in no.err) == (1, True)
    assert cli(*words, "1.00", "--yes").code == 0
    again = cli(*words, "1.00", stdin="y\n")
    assert (again.code, "--again" in again.err, "Give it back?" in again.err) == (4, True, False)
    much = cli(*words, "999999", stdin="y\n")
    assert (much.code, "is left" in much.out, "Nothing was requested" in much.err) == (1, True, True)
    nowhere = cli("refund", "preview", "shop", "999999", "--amount", "1.00")
    assert (nowhere.code, nowhere.err.strip()) == (1, "The store has no order 999999.")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--all", "--amount", "1"], "leave out"),
        ([], "what to give back"),
        (["--amount", "0"], "such as 5.00"),
        (["--line", "5"], "ITEM:QTY"),
        (["--amount", "999999"], "left"),
    ],
)
def test_what_cannot_be_is_said(cli: Any, sold: Any, words: list[str], why: str) -> None:
    done = cli("refund", "preview", "shop", sold["number"], *words)
    assert done.code in (1, 2)
    assert why in done.flat
    assert cli("orders", "find").code == 2
