"""Addresses changed in the console: as one types, once, to the proof, and back again."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from console_house import Browser, ConsoleHouse
from html_form import choices_of, form_of
from webhook_house import Shop

from storelink.sync.act import act, demand_actions
from storelink.sync.request import rules_of

LIVE = {"HX-Request": "true"}
PLATFORMS = pytest.mark.parametrize("platform", ["woocommerce", "shopify"])


@pytest.fixture(scope="module")
def support(house: ConsoleHouse) -> Browser:
    return house.sign_in("support")


def shop_of(house: ConsoleHouse, platform: str) -> Shop:
    return house.woo if platform == "woocommerce" else house.shopify


def order_of(house: ConsoleHouse, shop: Shop, *states: str) -> str:
    """An order of which nothing was asked yet, in these states and no other."""
    rows = house.shops.rows(
        "SELECT order_id FROM platform_order o WHERE connector_id = :id AND deleted_at IS NULL"
        " AND NOT EXISTS (SELECT FROM refund_request r WHERE r.order_id = o.order_id"
        "   AND r.connector_id = :id)"
        " AND NOT EXISTS (SELECT FROM address_update_request r WHERE r.order_id = o.order_id"
        "   AND r.connector_id = :id)"
        " ORDER BY length(order_id), order_id",
        id=shop.id,
    )
    with shop.subject() as subject:
        for (order,) in rows:
            standing = demand_actions(subject).look(order)
            if standing.states - {"unpaid", "test"} == set(states) and standing.addresses.get("shipping"):
                return str(order)
    raise AssertionError(f"{shop.name} has no more orders that are {states}")


def place_of(shop: Shop, order: str) -> str:
    return f"/console/orders/{shop.name}/{order}/address"


def opened(person: Browser, place: str, kind: str = "shipping") -> dict[str, str]:
    answer = person.get(f"{place}?kind={kind}")
    assert answer.status_code == 200, answer.text
    return form_of(answer.text, f"{place}?kind={kind}")


def post(person: Browser, place: str, form: dict[str, str], **more: Any) -> Any:
    return person.ask("POST", f"{place}?kind=shipping", data=form, **more)


def ready(person: Browser, place: str, **typed: str) -> dict[str, str]:
    """A form that was filled in, and whose outcome was shown."""
    form = opened(person, place) | typed
    shown = person.ask("POST", f"{place}/preview?kind=shipping", data=form)
    assert shown.status_code == 200, shown.text
    return form_of(shown.text, f"{place}?kind=shipping")


def said(page: str) -> list[str]:
    """What a page is not content with."""
    return re.findall(r'(?s)<div class="(?:summary|alert)[^>]*>(.*?)</div>', page)


def asked(house: ConsoleHouse, shop: Shop, order: str) -> int:
    return int(house.shops.one(
        "SELECT count(*) FROM address_update_request WHERE connector_id = :id AND order_id = :order",
        id=shop.id, order=order,
    ))  # fmt: skip


def carry_out(house: ConsoleHouse, shop: Shop, order: str) -> None:
    """As a worker would, until nothing is due at once."""
    for _ in range(20):
        house.shops.do("UPDATE address_update_request SET next_try_at = now() WHERE next_try_at > now()")
        with shop.subject() as subject:
            if act(house.database, subject, order, rules_of(house.shops.settings)) is None:
                return
    raise AssertionError("it does not come to an end")


def street_in_store(shop: Shop, order: str) -> str:
    with shop.subject() as subject:
        return demand_actions(subject).look(order).addresses["shipping"].address1


@PLATFORMS
def test_an_address_is_changed_once_proved_and_put_back(
    house: ConsoleHouse, support: Browser, platform: str
) -> None:
    shop = shop_of(house, platform)
    order = order_of(house, shop)
    place, before = place_of(shop, order), street_in_store(shop, order)
    form = opened(support, place)
    assert form["address1"] == before and form["key"]

    typed = form | {"address1": "12 New Street"}
    live = support.ask("POST", f"{place}/preview?kind=shipping", data=typed, headers=LIVE).text
    assert "1 changed field" in live and "<html" not in live
    assert 'id="mark-address1" data-row="changed"' in live and 'id="mark-city" data-row="same"' in live
    seen = re.search(r'name="seen" value="([^"]+)"', live)
    assert seen

    ready_form = typed | {"seen": seen[1]}
    with ThreadPoolExecutor(2) as pool:  # the button, pressed twice
        answers = list(pool.map(lambda _: post(support, place, ready_form), "ab"))
    assert [one.status_code for one in answers] == [303, 303], [said(one.text) for one in answers]
    (page,) = {one.headers["location"] for one in answers}
    assert asked(house, shop, order) == 1
    waiting = support.get(page).text
    assert 'hx-trigger="live"' in waiting and "Waiting its turn" in waiting and "Take it back" in waiting
    assert 'hx-trigger="live"' in support.get(f"{page}/state", headers=LIVE).text

    carry_out(house, shop, order)
    assert street_in_store(shop, order) == "12 New Street"
    done = support.get(page).text
    assert "Read back, equal" in done and "12 New Street" in done and before in done
    assert 'hx-trigger="live"' not in done
    assert 'hx-trigger="live"' not in support.get(f"{page}/state", headers=LIVE).text

    back = support.get(f"{page}/restore")
    assert back.status_code == 200 and "<b>1 field</b>" in back.text
    form = form_of(back.text, f"{page}/restore")
    twice = [support.ask("POST", f"{page}/restore", data=form) for _ in range(2)]
    assert twice[0].status_code == 303, twice[0].text
    assert {one.headers["location"] for one in twice} == {twice[0].headers["location"]} != {page}
    carry_out(house, shop, order)
    assert street_in_store(shop, order) == before and asked(house, shop, order) == 2
    deeds = house.shops.rows("SELECT DISTINCT actor FROM audit_event WHERE action = 'address.requested'")
    assert ("user:support@shop.example",) in deeds


def test_nothing_is_sent_that_was_not_shown(house: ConsoleHouse, support: Browser) -> None:
    order = order_of(house, house.woo)
    place = place_of(house.woo, order)
    form = opened(support, place)
    idle = post(support, place, form)
    assert idle.status_code == 409 and "Change a field first" in idle.text
    unseen = post(support, place, form | {"address1": "1 Unseen Street"})
    assert unseen.status_code == 409 and "Look once more" in unseen.text
    shown = form_of(unseen.text, f"{place}?kind=shipping")
    other = post(support, place, shown | {"address1": "2 Other Street"})
    assert other.status_code == 409 and asked(house, house.woo, order) == 0
    assert post(support, place, shown).status_code == 303 and asked(house, house.woo, order) == 1


@PLATFORMS
def test_what_is_wrong_stands_at_its_field(house: ConsoleHouse, support: Browser, platform: str) -> None:
    shop = shop_of(house, platform)
    order = order_of(house, shop)
    place = place_of(shop, order)
    form = opened(support, place)
    typed = form | {"country": "AT", "province": "", "postcode": "106", "address1": "<b>Gasse</b>"}
    live = support.ask("POST", f"{place}/preview?kind=shipping", data=typed, headers=LIVE).text
    assert "Enter an Austrian postcode: four digits, like 1060" in live and 'name="seen" value=""' in live
    assert "2 problems to mend first" in live
    refused = post(support, place, typed)
    assert refused.status_code == 422 and '<a href="#postcode">' in refused.text
    assert "<b>Gasse" not in refused.text and "&lt;b&gt;Gasse" in refused.text
    assert form_of(refused.text, f"{place}?kind=shipping")["postcode"] == "106"
    assert asked(house, shop, order) == 0


def test_provinces_are_those_of_the_chosen_country(house: ConsoleHouse, support: Browser) -> None:
    place = place_of(house.woo, order_of(house, house.woo))
    action, preview = f"{place}?kind=shipping", f"{place}/preview?kind=shipping"
    form = opened(support, place)
    country, name, code = ("AU", "Tasmania", "TAS") if form["country"] == "CA" else ("CA", "Ontario", "ON")
    chosen = form | {"country": country}
    live = support.ask("POST", preview, data=chosen, headers=LIVE).text
    cell = live[live.index('id="cell-province"') :]
    assert f">{name}<" in cell and f'name="province_of" value="{country}"' in cell
    same = support.ask("POST", preview, data=chosen | {"province_of": country}, headers=LIVE).text
    assert 'id="cell-province"' not in same, "what is being chosen is not drawn anew"
    whole = support.ask("POST", preview, data=chosen).text
    assert code in choices_of(whole, action, "province")
    assert {"AT", "US", "XK"} <= set(choices_of(whole, action, "country"))


def test_a_shipped_order_only_by_force(house: ConsoleHouse, support: Browser) -> None:
    order = order_of(house, house.woo, "fulfilled")
    place = place_of(house.woo, order)
    form = ready(support, place, address1="9 Late Street")
    refused = post(support, place, form)
    assert refused.status_code == 409 and "Ask the carrier" in refused.text and "--force" not in refused.text
    assert asked(house, house.woo, order) == 0
    again = form_of(refused.text, f"{place}?kind=shipping")
    assert post(support, place, again | {"force": "1"}).status_code == 303
    assert house.shops.one("SELECT force FROM address_update_request WHERE order_id = :order"
                           " AND connector_id = :id", order=order, id=house.woo.id)  # fmt: skip


def test_an_order_that_changed_meanwhile_is_looked_at_again(house: ConsoleHouse, support: Browser) -> None:
    order = order_of(house, house.woo)
    place = place_of(house.woo, order)
    form = opened(support, place)
    raw = next(one for one in house.woo.admin.records("orders") if str(one["id"]) == order)
    house.woo.admin.edit_order(int(order), shipping=raw["shipping"] | {"city": "Elsewhere"})
    typed = form | {"address1": "3 Slow Street"}
    live = support.ask("POST", f"{place}/preview?kind=shipping", data=typed, headers=LIVE).text
    assert "The order changed while you were typing" in live and "Elsewhere" in live
    assert "Change the address</button>" not in live and 'name="seen" value=""' in live
    assert post(support, place, typed).status_code == 409 and asked(house, house.woo, order) == 0


def test_a_form_of_another_order_is_not_taken(house: ConsoleHouse, support: Browser) -> None:
    order = order_of(house, house.woo)
    form = ready(support, place_of(house.woo, order), address1="5 Mixed Street")
    other = place_of(house.shopify, order_of(house, house.shopify))
    assert post(support, other, form).status_code == 409
    billing = support.ask("POST", f"{place_of(house.woo, order)}?kind=billing", data=form)
    assert billing.status_code == 409
    for wrong in ("", "no-id", "00000000-0000-0000-0000-000000000000"):
        answer = post(support, place_of(house.woo, order), form | {"opened": wrong})
        assert answer.status_code == 409 and "too old" in answer.text
    assert asked(house, house.woo, order) == 0


def test_what_the_platform_cannot_change(house: ConsoleHouse, support: Browser) -> None:
    place = place_of(house.shopify, order_of(house, house.shopify))
    page = support.get(f"{place}?kind=billing").text
    assert "cannot change the billing address" in page and "Change the address</button>" not in page
    assert "E-mail address" in page


def test_places_that_are_none(house: ConsoleHouse, support: Browser) -> None:
    for place in (
        "/console/orders/nowhere/1/address", "/console/orders/fjord-wool/999999/address",
        "/console/orders/fjord-wool/abc/address", "/console/requests/address/nothing",
        "/console/requests/address/00000000-0000-0000-0000-000000000000",
        "/console/requests/address/nothing/restore",
    ):  # fmt: skip
        assert support.get(place).status_code == 404, place
    odd = support.get(f"{place_of(house.woo, order_of(house, house.woo))}?kind=both")
    assert odd.status_code == 422 and "<html" in odd.text


# -- what a person decides ---------------------------------------------------------------------------


def made(house: ConsoleHouse, support: Browser, stage: str) -> tuple[str, str]:
    """(Page, order) of a request that stands so."""
    order = order_of(house, house.woo, "fulfilled")
    place = place_of(house.woo, order)
    answer = post(support, place, ready(support, place, address1="7 Stuck Street") | {"force": "1"})
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]
    if stage != "requested":
        house.shops.do(
            "UPDATE address_update_request SET stage = :stage, attempts = 1, sent_at = now(),"
            " next_try_at = NULL, error = 'It was sent twice and never took.', old_address = plan -> 'old'"
            " WHERE id = :id",
            stage=stage, id=page.rsplit("/", 1)[-1],
        )  # fmt: skip
    return page, order


def standing(house: ConsoleHouse, page: str) -> tuple[str, str | None]:
    (row,) = house.shops.rows(
        "SELECT stage, error FROM address_update_request WHERE id = :id", id=page.rsplit("/", 1)[-1]
    )
    return row[0], row[1]


@pytest.mark.parametrize(("found", "stage"), [("updated", "settled"), ("not_updated", "failed")])
def test_a_person_settles_what_nobody_else_can(
    house: ConsoleHouse, support: Browser, found: str, stage: str
) -> None:
    page, _ = made(house, support, "needs_attention")
    text = support.get(page).text
    assert "It needs a person" in text and "never took" in text and 'hx-trigger="live"' not in text
    for form in (
        {"found": found, "why": " "},
        {"found": "", "why": "Seen"},
        {"found": "perhaps", "why": "Seen"},
    ):
        assert support.send(f"{page}/resolve", **form).status_code == 422
        assert standing(house, page)[0] == "needs_attention"
    reader = house.sign_in("reader")
    assert reader.send(f"{page}/resolve", found=found, why="Seen").status_code == 403
    assert reader.get(page).status_code == 200 and "Your role may only look" in reader.get(page).text
    assert support.send(f"{page}/resolve", found=found, why="Seen in the <admin>").status_code == 303
    assert standing(house, page)[0] == stage
    assert "Seen in the &lt;admin&gt;" in support.get(page).text
    assert support.send(f"{page}/resolve", found=found, why="Again").status_code == 422
    assert house.shops.one(
        "SELECT actor FROM audit_event WHERE action = 'address.resolved' AND subject = :id",
        id=page.rsplit("/", 1)[-1],
    ) == "user:support@shop.example"  # fmt: skip


def test_what_was_not_sent_is_taken_back(house: ConsoleHouse, support: Browser) -> None:
    page, order = made(house, support, "requested")
    assert support.send(f"{page}/resolve", found="not_updated", why="Wrong order").status_code == 303
    stage, words = standing(house, page)
    assert stage == "failed" and "Wrong order" in str(words)
    text = support.get(page).text
    assert "Nothing was sent to the store." in text and "Begin again" in text
    carry_out(house, house.woo, order)
    assert street_in_store(house.woo, order) != "7 Stuck Street"


def test_an_unknown_outcome_explains_itself(house: ConsoleHouse, support: Browser) -> None:
    page, _ = made(house, support, "unknown")
    text = support.get(page).text
    assert (
        "Do not change it again." in text and 'hx-trigger="live"' in text and "It needs a person" not in text
    )


def test_another_total_is_said(house: ConsoleHouse, support: Browser) -> None:
    page, _ = made(house, support, "needs_attention")
    support.send(f"{page}/resolve", found="updated", why="Seen")
    house.shops.do(
        "UPDATE address_update_request SET total_before = 150, total_after = 151.26, currency = 'EUR',"
        " read_at = now() WHERE id = :id", id=page.rsplit("/", 1)[-1],
    )  # fmt: skip
    text = support.get(page).text
    assert "changed from €150.00 to €151.26" in text and "€1.26 more" in text and "Nobody was charged" in text


def test_only_who_may_act_changes_an_address(house: ConsoleHouse) -> None:
    place = place_of(house.woo, house.values()["order_id"])
    for role, status in (("reader", 403), ("ops", 403), ("support", 200), ("admin", 200)):
        assert house.sign_in(role).get(place).status_code == status, role
    away = house.stranger().get(place)
    assert away.status_code == 303 and away.headers["location"].startswith("/console/sign-in?next=")
    support = house.sign_in("support")
    form = opened(support, place) | {"form_key": "another"}
    for path in (place, f"{place}/preview"):
        assert support.ask("POST", path, data=form).status_code == 403
