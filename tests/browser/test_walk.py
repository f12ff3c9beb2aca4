"""What somebody does who has seen nothing of it: connect a store, find an order, give money back, correct
an address; on a wide and on a narrow screen."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from console_house import ConsoleHouse
from playwright.sync_api import Browser, Page, expect
from seeing import NARROW, WIDE, findings, looking, overflow, picture
from webhook_house import Shop, wait_until

from storelink.access.session import BY_NAME, note_try
from storelink.errors import DatabaseAway, Retryable
from storelink.sandbox.running import Running, start
from storelink.sync import feed, order_words
from storelink.sync.act import act
from storelink.sync.request import rules_of
from storelink.web.console import catalog


@pytest.fixture(params=[WIDE, NARROW])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def store(width: int) -> Iterator[Running]:
    with start(30, 6, 8, seed=1) as running:
        yield running


def test_a_store_is_connected_and_an_order_put_right(
    browser: Browser, house: ConsoleHouse, store: Running, width: int
) -> None:
    with looking(browser, house, None, width=width) as page:
        sign_in(page, house)
        shop = connect(page, house, store, f"walk-{width}")
        order = refundable(store)
        find(page, shop, order)
        give_back(page, shop, order)
        correct(page, shop, order)


def sign_in(page: Page, house: ConsoleHouse) -> None:
    page.goto("/console/")
    page.get_by_label("Name or e-mail").fill("admin@shop.example")
    page.get_by_label("Password").fill(house.secrets["password"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/console/overview$"))


def connect(page: Page, house: ConsoleHouse, store: Running, name: str) -> Shop:
    """By pasting keys; what a worker does, the first read, is done here."""
    page.get_by_role("main").get_by_role("link", name="Connect a store").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Address of the store").fill(store.url)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("input[name=consumer_key]")).to_be_visible()
    photograph(page, "walk-keys")
    page.locator("input[name=consumer_key]").fill(store.key)
    page.locator("input[name=consumer_secret]").fill(store.secret)
    page.get_by_role("button", name="Test these keys").click()
    expect(page.get_by_role("heading", name="What we found")).to_be_visible()
    choices = page.get_by_role("group", name="How far back to read orders").get_by_role("radio")
    expect(choices.first).to_be_checked()
    page.get_by_text("The last 90 days").click()
    expect(choices.last).to_be_checked()
    photograph(page, "walk-found")
    choices.last.press("ArrowDown")  # from the last to the first
    expect(choices.first).to_be_checked()
    page.get_by_role("button", name="Start reading").click()
    expect(page).to_have_url(re.compile(f"/console/stores/{name}/first-read$"))
    photograph(page, "walk-first-read")
    identity = house.shops.one("SELECT id FROM connector_config WHERE name = :name", name=name)
    shop = Shop(house.shops, "woocommerce", name, store, identity)
    shop.sync()
    with house.database.connect() as connection:  # and as the clock does: orders are found by their words
        raw = connection.connection.driver_connection
        feed.publish(raw)
        while order_words.catch_up(raw):
            pass
    return shop


def refundable(store: Running) -> dict[str, Any]:
    """An order that a gateway can give back, of somebody whose postcode is right."""
    found: dict[str, Any] = next(
        one for one in store.admin.records("orders")
        if one["payment_method"] == "fakepay" and one["status"] == "processing" and not one["refunds"]
        and Decimal(one["total"]) > 20 and one["shipping"]["country"] == "US"
    )  # fmt: skip
    return found


def find(page: Page, shop: Shop, order: dict[str, Any]) -> None:
    """By its number and the buyer's address, from wherever one is."""
    page.get_by_role("searchbox").fill(f"{order['number']} {order['billing']['email']}".strip())
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/console/orders"))
    place = f"/console/orders/{shop.name}/{order['id']}"
    if not page.url.endswith(place):  # other stores have an order of this number and buyer
        page.locator(f"a[href='{place}']").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Order {order['number']}")
    photograph(page, "walk-order")


def give_back(page: Page, shop: Shop, order: dict[str, Any]) -> None:
    """One unit of the first line: the preview follows the choice, the gateway moves exactly that."""
    page.get_by_role("main").get_by_role("link", name="Refund", exact=True).click()
    page.locator("table.lines input, table.lines select").first.fill("1")
    deed = page.locator("#preview").get_by_role("button", name=re.compile(r"^Refund "))
    expect(deed).to_be_visible()
    words = re.sub(r"[^\d.]", "", deed.inner_text())
    photograph(page, "walk-refund")
    deed.click()
    expect(page.get_by_role("heading", name=re.compile("^Refund of ")).first).to_be_visible()
    work(shop, str(order["id"]))
    expect(page.get_by_role("heading", name=re.compile("^Refunded ")).first).to_be_visible()  # by itself
    photograph(page, "walk-refunded")
    moved = [one for one in shop.admin.ledger() if str(order["id"]) in str(one)]
    assert len(moved) == 1 and words in str(moved[0]).replace(",", ""), (words, moved)


def correct(page: Page, shop: Shop, order: dict[str, Any]) -> None:
    """The street of the shipping address; the other fields stay."""
    page.goto(f"/console/orders/{shop.name}/{order['id']}")
    page.get_by_role("link", name="Change shipping address").click()
    page.locator("#address1").fill("12 New Street")
    page.locator("#address1").blur()
    expect(page.locator("#will")).to_contain_text("1 changed field")
    deed = page.locator("#will").get_by_role("button", name=re.compile("^Change"))
    photograph(page, "walk-address")
    deed.click()
    expect(page).to_have_url(re.compile("/console/requests/address/"))
    work(shop, str(order["id"]))
    expect(page.get_by_text("12 New Street").first).to_be_visible()
    photograph(page, "walk-address-done")
    held = next(one for one in shop.admin.records("orders") if one["id"] == order["id"])
    assert held["shipping"]["address_1"] == "12 New Street"
    assert held["shipping"]["city"] == order["shipping"]["city"]


def test_a_refund_whose_outcome_nobody_knows(browser: Browser, house: ConsoleHouse) -> None:
    """Live, from sent to unknown: the page says what storelink does, and what nobody should do."""
    order = refundable(house.woo.store)
    with looking(browser, house) as page:
        page.goto(f"/console/orders/fjord-wool/{order['id']}/refund")
        page.locator("table.lines input, table.lines select").first.fill("1")
        page.locator("#preview").get_by_role("button", name=re.compile(r"^Refund ")).click()
        expect(page.get_by_role("heading", name=re.compile("^Refund of ")).first).to_be_visible()
        house.woo.admin.faults([{"match": {"method": "POST", "path": "/refunds"}, "do": {"drop": "before"}}])
        with house.woo.subject() as subject:
            act(house.database, subject, str(order["id"]), rules_of(house.shops.settings))
        house.woo.admin.faults([])
        expect(page.get_by_text("Outcome not known yet").first).to_be_visible()  # by itself
        expect(page.get_by_text("Do not refund it again.").first).to_be_visible()
        expect(page.get_by_text("Your refund is being confirmed by the bank.").first).to_be_visible()
        on_both_widths(page, "unknown")
        page.goto(f"/console/orders/fjord-wool/{order['id']}/refund")
        expect(page.get_by_role("alert")).to_contain_text("Do not refund it again.")
        on_both_widths(page, "unknown-another")


def test_too_many_tries_and_what_does_not_work(
    browser: Browser, house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.database.session() as database:
        for _ in range(BY_NAME + 1):
            note_try(database, "nobody@shop.example", "192.0.2.1")
        database.commit()
    with looking(browser, house, None) as page:
        page.goto("/console/sign-in")
        page.get_by_label("Name or e-mail").fill("nobody@shop.example")
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_text("There were too many tries.")).to_be_visible()
        on_both_widths(page, "trouble-tries")
    troubles = (
        (RuntimeError("a fault of ours"), "Something went wrong on our side", "Looking changes nothing."),
        (Retryable("Too many requests.", after=30, status=429), "The store does not answer", "in 30 s"),
        (DatabaseAway("It is being started."), "The database does not answer", "in 5 s"),
    )
    with looking(browser, house) as page:
        for number, (error, head, words) in enumerate(troubles):
            monkeypatch.setattr(catalog, "show", failing(error))
            page.goto("/console/catalog")
            expect(page.get_by_role("heading", level=1)).to_contain_text(head)
            expect(page.get_by_role("main")).to_contain_text(words)
            expect(page.get_by_role("link", name="Try again")).to_be_visible()
            on_both_widths(page, f"trouble-{number}")


def failing(error: Exception) -> Any:
    def show(*_: Any, **__: Any) -> Any:
        raise error

    return show


def on_both_widths(page: Page, name: str) -> None:
    """Kept for people; it fits the narrow one, and axe finds nothing there."""
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        picture(page, name)
    assert overflow(page) == 0, name
    assert findings(page) == [], name


def photograph(page: Page, name: str) -> None:
    """Kept for people; looked at by axe in both themes, for no other test sees these pages so."""
    picture(page, name)
    assert overflow(page) == 0, name
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], (name, scheme)


def work(shop: Shop, order_id: str) -> None:
    """As a worker would, until nothing is due."""

    def done() -> bool:
        for table in ("refund_request", "address_update_request"):
            shop.house.do(f"UPDATE {table} SET next_try_at = now() WHERE next_try_at > now()")
        with shop.subject() as subject:
            return act(shop.house.database, subject, order_id, rules_of(shop.house.settings)) is None

    wait_until(done)
