"""A change of address on sandbox stores of both platforms, under faults: what each answer stands for."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from woo_laboratory import account_of

from storelink.connectors import registry
from storelink.connectors.action import BILLING, SHIPPING, Actions, Address, Standing, actions_of
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce.actions import WooCommerceActions
from storelink.errors import AuthFailed, NotFound, OutcomeUnknown, Rejected, Retryable
from storelink.sandbox.running import Running, RunningShopify, start, start_shopify
from storelink.sync.address_plan import plan_address

JO = {
    "first_name": "Jo", "last_name": "Park", "address_1": "1 Main St", "city": "Austin", "state": "TX",
    "postcode": "78701", "country": "US",
}  # fmt: skip


@contextmanager
def acting(platform: str, account: Account, timeout: float = 5.0) -> Iterator[Actions]:
    opened = registry.get(platform).open(
        account, Limits(timeout=timeout, retries=0), lambda: datetime.now(UTC)
    )
    try:
        found = actions_of(opened)
        assert found is not None
        yield found
    finally:
        opened.close()


@pytest.fixture(scope="module")
def woo() -> Iterator[Running]:
    with start(orders=20, products=8, customers=8) as store:
        yield store


@pytest.fixture
def woo_actions(woo: Running) -> Iterator[Actions]:
    with acting("woocommerce", account_of(woo)) as found:
        yield found
    woo.admin.faults([])


@pytest.fixture
def woo_order(woo: Running) -> str:
    made = next(one for one in woo.admin.records("orders") if one["status"] == "processing")
    woo.admin.edit_order(made["id"], shipping=dict(JO))
    return str(made["id"])


@pytest.fixture(scope="module")
def boutique() -> Iterator[RunningShopify]:
    with start_shopify(orders=30, products=8, customers=8, plan="enterprise") as store:
        yield store


@pytest.fixture
def shop_actions(boutique: RunningShopify) -> Iterator[Actions]:
    account = Account(
        "boutique", boutique.url, "token",
        {"access_token": boutique.token, "client_secret": boutique.client_secret},
    )  # fmt: skip
    with acting("shopify", account) as found:
        yield found
    boutique.admin.faults([])


@pytest.fixture
def shop_order(boutique: RunningShopify) -> str:
    orders = boutique.admin.records("orders")
    made = next(
        one for one in orders
        if one["_shipping"] and one["displayFulfillmentStatus"] == "UNFULFILLED" and not one["cancelledAt"]
    )  # fmt: skip
    return str(made["id"])


def change(actions: Actions, order: str, kind: str = SHIPPING, **wish: str) -> tuple[Standing, Address]:
    """Plan, word and send; what was there before, and what was asked for."""
    plan = plan_address(actions, order, kind, wish)
    assert plan.problems == (), plan.problems
    body = actions.compose_address(plan.standing, kind, plan.amended.changes)
    actions.send_address(order, body)
    return plan.standing, plan.amended.address


# -- WooCommerce -------------------------------------------------------------------------------------


def test_woocommerce_changes_only_what_changes(woo: Running, woo_actions: Actions, woo_order: str) -> None:
    before, wanted = change(woo_actions, woo_order, city="Dallas", zip="75201")
    after = woo_actions.look(woo_order)
    assert (
        after.addresses[SHIPPING]
        == wanted
        == replace(before.addresses[SHIPPING], city="Dallas", postcode="75201")
    )
    assert after.addresses[BILLING] == before.addresses[BILLING]
    (sent,) = [one for one in woo.admin.requests() if one["method"] == "PUT"][-1:]
    assert sent["status"] == 200


def test_woocommerce_recalculates_the_total(woo_actions: Actions, woo_order: str) -> None:
    plan = plan_address(
        woo_actions, woo_order, SHIPPING, {"country": "Austria", "zip": "1060", "city": "Wien"}
    )
    assert plan.warnings[0].code == "recalculates"
    before, _ = change(woo_actions, woo_order, country="Austria", zip="1060", city="Wien")
    after = woo_actions.look(woo_order)
    assert after.total.amount != before.total.amount
    change(woo_actions, woo_order, country="US", zip="78701", city="Austin", state="Texas")
    assert woo_actions.look(woo_order).total == before.total


def test_a_guests_billing_address_without_an_email_can_be_changed(
    woo: Running, woo_actions: Actions, woo_order: str
) -> None:
    woo.admin.edit_order(int(woo_order), billing={**JO, "email": ""})
    change(woo_actions, woo_order, BILLING, street="2 Main St")
    assert woo_actions.look(woo_order).addresses[BILLING].address1 == "2 Main St"


def test_woocommerce_would_take_anything_and_is_not_given_it(woo_actions: Actions, woo_order: str) -> None:
    for wish in (
        {"country": "ZZ"},
        {"state": "XX"},
        {"street": "<script>"},
        {"city": "x" * 5000},
        {"zip": "1"},
    ):
        plan = plan_address(woo_actions, woo_order, SHIPPING, wish)
        assert plan.problems, wish
    # its own list of provinces, where it has one
    assert plan_address(woo_actions, woo_order, SHIPPING, {"state": "california"}).amended.changes == {
        "province": "CA"
    }


@pytest.mark.parametrize(
    ("code", "passes"),
    [("woocommerce_rest_cannot_view", True), ("woocommerce_rest_authentication_error", False)],
)
def test_keys_that_may_not_see_the_stores_list_do_with_iso(code: str, passes: bool) -> None:
    class Closed:
        def get(self, path: str) -> None:
            raise AuthFailed("Sorry, you cannot list resources.", code=code, status=401)

    actions = WooCommerceActions(Closed(), {}, Limits())
    if passes:
        assert actions.provinces("US") is None
    else:
        with pytest.raises(AuthFailed):
            actions.provinces("US")


def test_states_of_a_woocommerce_order(woo: Running, woo_actions: Actions, woo_order: str) -> None:
    for status, code in (("completed", "fulfilled"), ("cancelled", "cancelled"), ("on-hold", "on_hold")):
        woo.admin.edit_order(int(woo_order), status=status)
        plan = plan_address(woo_actions, woo_order, SHIPPING, {"city": "Reno"})
        assert [one.code for one in plan.refusals] == [code]
    woo.admin.edit_order(int(woo_order), status="processing")
    woo.admin.trash("orders", int(woo_order))
    plan = plan_address(woo_actions, woo_order, SHIPPING, {"city": "Reno"})
    assert [(one.code, one.forceable) for one in plan.refusals] == [("trashed", False)]
    woo.admin.restore("orders", int(woo_order))


PUT = {"method": "PUT", "path": "/orders/"}
WOO_FAULTS: list[tuple[dict[str, Any], type[Exception], bool]] = [
    ({"drop": "before"}, OutcomeUnknown, False),
    ({"drop": "after"}, OutcomeUnknown, True),
    ({"truncate": 0.5}, OutcomeUnknown, True),
    ({"status_after": 504}, OutcomeUnknown, True),
    ({"html": True}, OutcomeUnknown, False),
    ({"fatal": True}, OutcomeUnknown, False),
    ({"maintenance": True}, Retryable, False),
    ({"status": 429, "retry_after": "7"}, Retryable, False),
    ({"redirect": "https://elsewhere.example/"}, OutcomeUnknown, False),
]


def test_what_an_answer_of_woocommerce_stands_for(woo: Running, woo_actions: Actions, woo_order: str) -> None:
    for number, (fault, error, done) in enumerate(WOO_FAULTS):
        woo.admin.faults([{"match": PUT, "do": fault}])
        _expect(woo_actions, woo_order, f"Town {number}", error, done, woo.admin.faults)


def test_woocommerce_without_the_order_or_the_right(
    woo: Running, woo_actions: Actions, woo_order: str
) -> None:
    with pytest.raises(NotFound):
        woo_actions.look("999999")
    with pytest.raises(Rejected):
        woo_actions.send_address("999999", '{"shipping":{"city":"x"}}')
    with pytest.raises(Rejected):
        woo_actions.send_address(woo_order, '{"billing":{"email":""}}')
    reading = replace(
        account_of(woo),
        credentials={"consumer_key": woo.read_key[0], "consumer_secret": woo.read_key[1]},
    )
    with acting("woocommerce", reading) as actions, pytest.raises(AuthFailed):
        change(actions, woo_order, city="Reno")


# -- Shopify -----------------------------------------------------------------------------------------


def test_shopify_gets_the_whole_address(
    boutique: RunningShopify, shop_actions: Actions, shop_order: str
) -> None:
    wish = {
        "street": "9 New St",
        "city": "Salem",
        "country": "United States",
        "state": "oregon",
        "zip": "97301",
    }
    before, wanted = change(shop_actions, shop_order, **wish)
    after = shop_actions.look(shop_order)
    assert after.addresses[SHIPPING] == wanted and wanted.province == "OR"
    assert wanted.last_name == before.addresses[SHIPPING].last_name != ""
    assert after.total == before.total, "Shopify recalculates nothing"
    held = next(one for one in boutique.admin.records("orders") if str(one["id"]) == shop_order)["_shipping"]
    assert (held["city"], held["province"], held["countryCodeV2"]) == ("Salem", "Oregon", "US")


def test_shopify_has_codes_of_its_own(shop_actions: Actions, shop_order: str) -> None:
    change(shop_actions, shop_order, country="Japan", state="Tokyo", zip="1540023", city="Setagaya")
    found = shop_actions.look(shop_order).addresses[SHIPPING]
    assert (found.province, found.postcode) == ("JP-13", "154-0023")


def test_shopify_has_no_billing_address_to_change(shop_actions: Actions, shop_order: str) -> None:
    plan = plan_address(shop_actions, shop_order, BILLING, {"city": "Salem"})
    assert "kind" in [one.code for one in plan.refusals]


def test_shopifys_refusals_come_in_our_words(shop_actions: Actions, shop_order: str) -> None:
    standing = shop_actions.look(shop_order)
    body = shop_actions.compose_address(
        standing, SHIPPING, {"last_name": "", "country": "US", "province": "XX"}
    )
    with pytest.raises(
        Rejected, match=r"last name: “Enter a last name”.*province: “State is not a valid state"
    ):
        shop_actions.send_address(shop_order, body)
    assert asdict(shop_actions.look(shop_order).addresses[SHIPPING]) == asdict(standing.addresses[SHIPPING])


MUTATION = {"operation": "OrderAddress"}
SHOP_FAULTS: list[tuple[dict[str, Any], type[Exception], bool]] = [
    ({"drop": "before"}, OutcomeUnknown, False),
    ({"drop": "after"}, OutcomeUnknown, True),
    ({"truncate": 0.5}, OutcomeUnknown, True),
    ({"status_after": 504}, OutcomeUnknown, True),
    ({"html": True}, OutcomeUnknown, False),
    ({"error": "INTERNAL_SERVER_ERROR"}, OutcomeUnknown, False),
    ({"throttled": True}, Retryable, False),
]


def test_what_an_answer_of_shopify_stands_for(
    boutique: RunningShopify, shop_actions: Actions, shop_order: str
) -> None:
    change(shop_actions, shop_order, country="US", state="OR", zip="97301", city="Salem")
    for number, (fault, error, done) in enumerate(SHOP_FAULTS):
        boutique.admin.faults([{"match": MUTATION, "do": fault}])
        _expect(shop_actions, shop_order, f"Town {number}", error, done, boutique.admin.faults)


def _expect(
    actions: Actions,
    order: str,
    city: str,
    error: type[Exception],
    done: bool,
    faults: Callable[[list[dict[str, Any]]], object],
) -> None:
    """The call raises that, nothing is tried twice, and the store has it or not."""
    before = actions.look(order).addresses[SHIPPING].city
    with pytest.raises(error) as caught:
        change(actions, order, city=city)
    assert caught.type is error, (city, caught.value)
    faults([])
    deadline = time.monotonic() + 5
    while (found := actions.look(order).addresses[SHIPPING].city) == before and done:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found == (city if done else before), (city, caught.value)
