"""A refund in the browser: from the choice to the gateway, each thing once, and a person's deeds."""

import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from console_house import Browser, ConsoleHouse
from markup import unsafe
from webhook_house import Shop, wait_until

from storelink.sync.act import act
from storelink.sync.request import rules_of

MARKUP = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def support(house: ConsoleHouse) -> Browser:
    return house.sign_in("support")


@pytest.fixture(params=["woo", "shopify"])
def shop(request: pytest.FixtureRequest, house: ConsoleHouse) -> Shop:
    found: Shop = getattr(house, request.param)
    return found


def refundable(shop: Shop, *, gateway: bool = True) -> tuple[str, str]:
    """An order that was paid (by a gateway) and nothing was asked about, and one of its lines."""
    ways = {
        "woocommerce": "o.metadata->>'payment_method' = 'fakepay'",
        "shopify": "o.metadata->'transactions'->0->>'gateway' = 'shopify_payments'",
    }
    row = shop.house.rows(
        "SELECT o.order_id, i.item_id FROM platform_order o JOIN order_item i USING (connector_id, order_id)"
        " WHERE connector_id = :id AND o.financial_status = 'paid' AND o.refunded_amount = 0"
        f" AND i.current_quantity > 0 AND i.total_amount > 5 AND {ways[shop.platform] if gateway else 'true'}"
        " AND o.status <> 'cancelled' AND NOT EXISTS"
        " (SELECT FROM refund_request r WHERE r.connector_id = o.connector_id AND r.order_id = o.order_id)"
        " ORDER BY 1 DESC, 2 LIMIT 1",
        id=shop.id,
    )[0]
    return str(row[0]), str(row[1])


def place(shop: Shop, order_id: str) -> str:
    return f"/console/orders/{shop.name}/{order_id}/refund"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


def carry_out(shop: Shop, order_id: str) -> None:
    """As a worker would, until nothing is due; a gateway may take a moment."""

    def work() -> bool:
        shop.house.do("UPDATE refund_request SET next_try_at = now() WHERE next_try_at > now()")
        with shop.subject() as subject:
            return act(shop.house.database, subject, order_id, rules_of(shop.house.settings)) is None

    wait_until(work)


def request_of(shop: Shop, order_id: str) -> list[Any]:
    return shop.house.rows(
        "SELECT id, amount, reason, note, requested_by, stage, restock FROM refund_request"
        " WHERE connector_id = :id AND order_id = :order ORDER BY requested_at", id=shop.id, order=order_id,
    )  # fmt: skip


def test_a_refund_from_the_choice_to_the_gateway_once(shop: Shop, support: Browser) -> None:
    order_id, item = refundable(shop)
    at = place(shop, order_id)
    form = support.get(at)
    assert (
        form.status_code == 200
        and f'name="line-{item}"' in form.text
        and "Choose what goes back" in form.text
    )
    once = hidden(form.text, "once")
    wish = {f"line-{item}": "1", "ship": "none", "once": once, "reason": "Other",
            "own_reason": "Cracked glaze", "note": f"ticket 8812 {MARKUP}"}  # fmt: skip
    part = support.ask("POST", f"{at}/preview", data={"form_key": support.key, **wish},
                       headers={"HX-Request": "true"})  # fmt: skip
    assert part.status_code == 200 and "<html" not in part.text and "This cannot be undone" in part.text
    whole = support.send(f"{at}/preview", **wish)
    assert "<html" in whole.text and "Cracked glaze · ref" in whole.text and unsafe(whole.text) == []
    assert hidden(whole.text, "once") == once
    assert request_of(shop, order_id) == []
    changed = support.send(at, **wish | {f"line-{item}": "0", "ship": "all",
                                         "preview_id": hidden(whole.text, "preview_id")})  # fmt: skip
    assert changed.status_code == 409 and "was changed after what you were shown" in changed.text
    sent = wish | {"preview_id": hidden(whole.text, "preview_id")}
    first, second = support.send(at, **sent), support.send(at, **sent)
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    ((key, amount, reason, note, by, stage, restock),) = request_of(shop, order_id)
    assert (reason, by, stage, restock) == ("Cracked glaze", "user:support@shop.example", "requested", False)
    assert note.startswith("ticket 8812")
    page = support.get(first.headers["location"]).text
    assert "Waiting its turn" in page and 'hx-trigger="live"' in page and unsafe(page) == []
    live = f"/console/requests/refund/{key}/state"
    mark = hidden(page, "was")
    assert support.get(live, params={"was": mark}).status_code == 204
    carry_out(shop, order_id)
    settled = support.get(live, params={"was": mark})
    assert settled.status_code == 286 and "Settled" in settled.text and "Tell the customer" in settled.text
    moved = [Decimal(str(one["amount"])) for one in shop.admin.ledger() if str(one["order"]) == order_id]
    assert moved == [amount] and "ticket 8812" not in str(shop.admin.ledger())
    shown = support.get(at.removesuffix("/refund")).text
    assert f"/console/requests/refund/{key}" in shown and "is done: read back from the store" in shown


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is drawn."""
    form = page[page.index('id="refund"') : page.index('id="preview"')]
    found = {
        name: re.search(r'value="([^"]*)"', tag)[1]
        for tag, name in re.findall(r'(<input[^>]*\bname="([^"]+)"[^>]*>)', form)
        if "radio" not in tag and "checkbox" not in tag
    }
    ship = re.search(r'name="ship" value="(\w+)"[^>]* checked', form)
    return found | {"ship": ship[1] if ship else "none"}


def test_everything_left_is_filled_in_and_is_everything_until_something_is_changed(
    shop: Shop, support: Browser
) -> None:
    order_id, item = refundable(shop, gateway=False)
    at = place(shop, order_id)
    left = shop.house.one(
        "SELECT current_total_amount FROM platform_order WHERE connector_id = :id AND order_id = :order",
        id=shop.id, order=order_id,
    )  # fmt: skip
    sent = {"fill": "all", "reason": "Too late", "note": "called twice"}
    whole = support.send(f"{at}/preview", **sent).text
    form = fields(whole)
    assert int(form[f"line-{item}"]) > 0 and form["whole"] and "called twice" in whole
    again = fields(support.send(f"{at}/preview", **form).text)
    assert again["whole"] == form["whole"], "nothing was changed: it is everything still"
    amount = re.search(r"(?:Refund|Record) ([^<]*)</button>", whole)
    assert amount and Decimal(re.sub("[^0-9.]", "", amount[1])) == left
    fewer = fields(support.send(f"{at}/preview", **form | {f"line-{item}": "0"}).text)
    assert fewer["whole"] == "" and fewer[f"line-{item}"] == "0"
    none = support.send(f"{at}/preview", **form | {"fill": "none", "note": "called twice"}).text
    assert set(re.findall(r'name="line-[^>]*value="(\d+)"', none)) == {"0"} and "called twice" in none


def test_what_the_customer_reads_follows_what_is_typed(shop: Shop, support: Browser) -> None:
    order_id, _ = refundable(shop, gateway=False)
    form = {"reason": "Other", "own_reason": MARKUP, "note": "for us alone"}
    said = support.ask(
        "POST", f"{place(shop, order_id)}/words", data={"form_key": support.key, **form},
        headers={"HX-Request": "true"},
    ).text  # fmt: skip
    assert "&lt;script&gt;alert(1)&lt;/script&gt; · ref" in said and unsafe(said) == []
    assert "for us alone" not in said


def test_what_cannot_be_is_said_in_words_and_nothing_is_sent(shop: Shop, support: Browser) -> None:
    order_id, item = refundable(shop, gateway=False)
    at = place(shop, order_id)
    for wish, words in (
        ({f"line-{item}": "9999"}, "This cannot be."),
        ({"amount": "999999"}, "This cannot be."),
        ({"amount": "nan"}, "Enter an amount above zero"),
        ({"amount": "-5"}, "Enter an amount above zero"),
        ({f"line-{item}": "1.5"}, "Enter how many"),
        ({"ship": "part", "ship_amount": "x"}, "Enter how much of the shipping"),
        ({"line-nobody": "1"}, "This cannot be."),
        ({f"line-{item}": "1", "reason": "Other", "own_reason": "a\nb"}, "in one line"),
    ):
        shown = support.send(f"{at}/preview", **wish)
        assert shown.status_code == 200 and words in shown.text, (wish, shown.text)
        assert "btn--primary btn--wide" not in shown.text, wish
    assert support.send(at, **{f"line-{item}": "1"}).status_code == 409
    assert support.send(at, **{f"line-{item}": "1", "preview_id": str(uuid.uuid4())}).status_code == 409
    without = support.ask("POST", at, data={f"line-{item}": "1"})
    assert without.status_code == 403
    assert request_of(shop, order_id) == []


def test_the_same_again_has_to_be_meant_and_can_be_taken_back(house: ConsoleHouse, support: Browser) -> None:
    shop = house.woo
    order_id, _ = refundable(shop)
    at = place(shop, order_id)

    def shown(**more: str) -> dict[str, str]:
        page = support.send(f"{at}/preview", amount="2,50", **more).text
        return {
            "amount": "2,50",
            "once": hidden(page, "once"),
            "preview_id": hidden(page, "preview_id"),
            **more,
        }

    assert support.send(at, **shown()).status_code == 303
    refused = support.send(at, **shown())
    assert refused.status_code == 409 and "within a day" in refused.text and 'name="again"' in refused.text
    assert support.send(at, **shown(again="yes")).status_code == 303
    first, second = request_of(shop, order_id)
    back = support.send(f"/console/requests/refund/{second[0]}/withdraw")
    assert back.status_code == 303
    page = support.get(back.headers["location"]).text
    assert "Nothing was refunded" in page and "Taken back" in page
    carry_out(shop, order_id)
    assert [one[5] for one in request_of(shop, order_id)] == ["settled", "failed"]
    assert first[1] == Decimal("2.5")


def _stage(shop: Shop, stage: str) -> str:
    return str(
        shop.house.one(
            "SELECT id FROM refund_request WHERE connector_id = :id AND stage = :stage"
            " AND requested_by = 'user:support@shop.example' ORDER BY requested_at LIMIT 1",
            id=shop.id, stage=stage,
        )
    )  # fmt: skip


def test_what_needs_a_person_is_decided_by_one_and_confirmed(shop: Shop, support: Browser) -> None:
    key = _stage(shop, "needs_attention")
    at = f"/console/requests/refund/{key}"
    page = support.get(at).text
    assert "Needs a person" in page and "The money did not move" in page and 'hx-trigger="live"' not in page
    assert support.send(f"{at}/decide").status_code == 409
    assert support.send(f"{at}/decide", found="moved", why=" ").status_code == 409
    asked = support.send(f"{at}/decide", found="not_moved", why=f"none at the gateway {MARKUP}")
    assert (
        asked.status_code == 200 and "Record that no money moved" in asked.text and unsafe(asked.text) == []
    )
    assert "Needs a person" in support.get(at).text  # nothing is done before it is confirmed
    done = support.send(f"{at}/resolve", found="not_moved", why="none at the gateway")
    assert done.status_code == 303 and "Nothing was refunded" in support.get(at).text
    assert support.send(f"{at}/resolve", found="moved", why="late").status_code == 409
    who = shop.house.rows("SELECT actor, detail->>'moved' FROM audit_event WHERE subject = :key"
                          " AND action = 'refund.resolved'", key=key)  # fmt: skip
    assert who == [("user:support@shop.example", "false")]


def test_sending_again_is_previewed_anew_and_confirmed(house: ConsoleHouse, support: Browser) -> None:
    shop = house.woo
    order_id, item = refundable(shop)
    page = support.send(f"{place(shop, order_id)}/preview", **{f"line-{item}": "1"}).text
    support.send(place(shop, order_id), **{f"line-{item}": "1", "preview_id": hidden(page, "preview_id")})
    ((key, amount, *_),) = request_of(shop, order_id)
    shop.house.do("UPDATE refund_request SET stage = 'needs_attention', sent_at = now(), attempts = 1,"
                  " next_try_at = NULL, error = 'no answer' WHERE id = :key", key=key)  # fmt: skip
    at = f"/console/requests/refund/{key}"
    assert support.send(f"{at}/again").status_code == 409
    asked = support.send(f"{at}/decide", found="again", why="")
    assert "The order shows no refund now." in asked.text and "cannot be undone" in asked.text
    assert support.send(f"{at}/again", preview_id=hidden(asked.text, "preview_id")).status_code == 303
    carry_out(shop, order_id)
    assert request_of(shop, order_id)[0][5] == "settled"
    assert [Decimal(str(one["amount"])) for one in shop.admin.ledger() if str(one["order"]) == order_id] == [
        amount
    ]


def test_a_second_person_approves_and_not_the_first(house: ConsoleHouse, support: Browser) -> None:
    key = _stage(house.woo, "waiting_approval")
    at = f"/console/requests/refund/{key}"
    own = support.get(at).text
    assert "somebody else has to agree" in own and "/approve" not in own
    assert support.send(f"{at}/approve").status_code == 409
    assert house.sign_in("reader").send(f"{at}/approve").status_code == 403
    admin = house.sign_in("admin")
    assert ">Approve " in admin.get(at).text
    assert admin.send(f"{at}/approve").status_code == 303
    assert "approved by you" in admin.get(at).text
    assert admin.send(f"{at}/approve").status_code == 409


def test_who_only_looks_sees_how_it_stands(house: ConsoleHouse) -> None:
    reader = house.sign_in("reader")
    key = _stage(house.shopify, "waiting_approval")
    page = reader.get(f"/console/requests/refund/{key}").text
    assert "Waits for approval" in page and "/withdraw" not in page and "/approve" not in page
    assert reader.send(f"/console/requests/refund/{key}/withdraw").status_code == 403
    assert reader.get(f"/console/requests/refund/{uuid.uuid4()}").status_code == 404
