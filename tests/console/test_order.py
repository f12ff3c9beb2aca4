"""The page of an order: what was bought and paid, who said what, the store's admin, and nothing run."""

import re
from decimal import Decimal

import pytest
from console_house import Browser, ConsoleHouse
from markup import elements, unsafe
from webhook_house import Shop

from storelink.web.console.words import money

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


@pytest.fixture(scope="module")
def support(house: ConsoleHouse) -> Browser:
    return house.sign_in("support")


@pytest.fixture(params=["woo", "shopify"])
def shop(request: pytest.FixtureRequest, house: ConsoleHouse) -> Shop:
    found: Shop = getattr(house, request.param)
    return found


def pick(shop: Shop, where: str = "deleted_at IS NULL") -> str:
    """An order with items."""
    return str(
        shop.house.rows(
            "SELECT order_id FROM platform_order o WHERE connector_id = :id AND EXISTS (SELECT"
            " FROM order_item i WHERE i.connector_id = o.connector_id AND i.order_id = o.order_id)"
            f" AND {where} ORDER BY 1 DESC",
            id=shop.id,
        )[0][0]
    )


def page(browser: Browser, shop: Shop, order_id: str, query: str = "") -> str:
    answer = browser.get(f"/console/orders/{shop.name}/{order_id}{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_it_shows_what_was_bought_and_the_amounts_add_up(shop: Shop, support: Browser) -> None:
    for (order_id,) in shop.house.rows(
        "SELECT order_id FROM platform_order WHERE connector_id = :id", id=shop.id
    ):
        shown = page(support, shop, order_id)
        ((total, left, currency),) = shop.house.rows(
            "SELECT total_amount, current_total_amount, currency FROM platform_order"
            " WHERE connector_id = :id AND order_id = :order", id=shop.id, order=order_id,
        )  # fmt: skip
        table = shown[shown.index('<table class="money">') :]
        rows = re.findall(
            r'<th scope="row">(.*?)</th><td class="num">(.*?)</td>', table[: table.index("</table>")]
        )
        amounts = {name: Decimal(re.sub("[^0-9.−]", "", text).replace("−", "-")) for name, text in rows}
        parts = [amount for name, amount in amounts.items()
                 if name not in ("Refunded", "Left to refund") and not name.startswith("Total")]  # fmt: skip
        assert sum(parts) == Decimal(total), (order_id, rows)
        assert money(left, currency) in table


def test_it_leads_to_the_store_and_reads_again(shop: Shop, support: Browser) -> None:
    order_id = pick(shop)
    shown = page(support, shop, order_id)
    admin = f"/wp-admin/admin.php?page=wc-orders&amp;action=edit&amp;id={order_id}"
    assert (
        f"{shop.store.url}{admin if shop.platform == 'woocommerce' else f'/admin/orders/{order_id}'}" in shown
    )
    shop.house.do("UPDATE platform_order SET platform_status = 'old' WHERE connector_id = :id", id=shop.id)
    shop.house.do("UPDATE source_record SET content_hash = NULL WHERE connector_id = :id", id=shop.id)
    done = support.send(f"/console/orders/{shop.name}/{order_id}/read")
    assert (done.status_code, done.headers["location"]) == (
        303,
        f"/console/orders/{shop.name}/{order_id}?read=done",
    )
    shown = page(support, shop, order_id, "?read=done")
    assert "Read from the store just now" in shown and ">old<" not in shown
    shop.admin.faults([{"do": {"status": 503}}])
    try:
        failed = support.send(f"/console/orders/{shop.name}/{order_id}/read")
        assert failed.headers["location"].endswith("?read=failed")
        assert "did not answer in time" in page(support, shop, order_id, "?read=failed")
    finally:
        shop.admin.faults([])


def test_the_story_is_narrowed_by_speaker_and_by_road(house: ConsoleHouse, support: Browser) -> None:
    shop = house.woo
    order_id = pick(shop)
    shop.admin.edit_order(int(order_id), customer_note="Ring twice")
    shop.deliver("order.updated", f'{{"id": {order_id}}}'.encode(), house.secrets["webhook_secret"])
    shop.follow()
    whole = page(support, shop, order_id)
    assert "Order placed." in whole and "Read again: something had changed." in whole
    assert "by webhook" in whole and "by poll" in whole and "Ring twice" in whole
    store = page(support, shop, order_id, "?t=store")
    assert "Order placed." in store and "something had changed" not in store
    webhook = page(support, shop, order_id, "?road=webhook")
    assert "something had changed" in webhook and "Read for the first time" not in webhook
    assert "Nothing of that kind" in page(support, shop, order_id, "?t=people")
    asked = shop.house.one(
        "SELECT order_id FROM refund_request WHERE connector_id = :id AND stage = 'needs_attention'",
        id=shop.id,
    )
    assert "Needs a person" in page(support, shop, asked)


def test_what_a_store_says_is_shown_and_never_run(shop: Shop, support: Browser) -> None:
    order_id = pick(shop)
    one = "WHERE connector_id = :id AND order_id = :order"
    name, note = ("first_name", "customer_note") if shop.platform == "woocommerce" else ("firstName", "note")
    shop.house.do(
        f"""UPDATE platform_order SET email = :x, order_number = :x, platform_status = :x,
            billing_address = jsonb_build_object('{name}', CAST(:x AS text), 'company', CAST(:x AS text)),
            shipping_address = jsonb_build_object('{name}', CAST(:x AS text), 'city', CAST(:x AS text)),
            metadata = metadata || jsonb_build_object('{note}', CAST(:x AS text),
                'payment_method_title', CAST(:x AS text),
                'discountCodes', jsonb_build_array(CAST(:x AS text))) {one}""",
        id=shop.id, order=order_id, x=MARKUP,
    )  # fmt: skip
    shop.house.do(f"UPDATE order_item SET sku = :x, title = :x {one}", id=shop.id, order=order_id, x=MARKUP)
    try:
        for path in ("", "/raw", "/refund"):
            answer = support.get(f"/console/orders/{shop.name}/{order_id}{path}")
            assert answer.status_code == 200 and unsafe(answer.text) == [], path
            assert "<script>alert" not in answer.text and not any(
                found.name == "img" for found in elements(answer.text)
            ), path
            assert "alert(1)" in answer.text, path
    finally:
        support.send(f"/console/orders/{shop.name}/{order_id}/read")


def test_the_raw_record_is_whole_for_those_who_act_and_without_people_for_others(
    shop: Shop, house: ConsoleHouse, support: Browser
) -> None:
    order_id = pick(shop, "email IS NOT NULL AND deleted_at IS NULL AND email LIKE '%@example.test'")
    ((email, number),) = shop.house.rows(
        "SELECT email, order_number FROM platform_order WHERE connector_id = :id AND order_id = :o",
        id=shop.id, o=order_id,
    )  # fmt: skip
    place = f"/console/orders/{shop.name}/{order_id}/raw"
    assert email in support.get(place).text
    for role in ("reader", "ops"):
        shown = house.sign_in(role).get(place).text
        assert email not in shown and number in shown and "left out" in shown


def test_who_only_looks_is_offered_nothing_to_do(house: ConsoleHouse, shop: Shop) -> None:
    order_id = pick(shop)
    reader = house.sign_in("reader")
    shown = page(reader, shop, order_id)
    assert ">Refund</a>" not in shown and "Change address" not in shown
    assert reader.get(f"/console/orders/{shop.name}/{order_id}/refund").status_code == 403
    for path in ("nobody/1", f"{shop.name}/99999999", f"{shop.name}/%00", f"{shop.name}/'--"):
        assert reader.get(f"/console/orders/{path}").status_code == 404, path


def test_an_order_that_is_gone_says_so(house: ConsoleHouse, support: Browser) -> None:
    shop = house.woo
    order_id = pick(shop)
    one = "WHERE connector_id = :id AND order_id = :order"
    shop.house.do(f"UPDATE platform_order SET deleted_at = now() {one}", id=shop.id, order=order_id)
    shown = page(support, shop, order_id)
    assert "The store has this order no more" in shown and ">Refund</a>" not in shown
    assert support.get(f"/console/orders/{shop.name}/{order_id}/refund").status_code == 409
    shop.house.do(f"UPDATE platform_order SET deleted_at = NULL {one}", id=shop.id, order=order_id)
