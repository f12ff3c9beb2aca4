"""Subscriptions made, lost and made again; what was missed meanwhile is read."""

from typing import Any

import pytest
from webhook_house import Shop, install, secrets_of, wait_until

from storelink.errors import LaneHeld, Misconfigured
from storelink.sync import guardian
from storelink.sync.stopping import Stoppable


def guard(shop: Shop) -> Any:
    with shop.subject() as subject:
        return guardian.guard(shop.house.database, shop.house.keyring, subject)


def look(shop: Shop) -> Any:
    with shop.subject() as subject:
        return guardian.look(shop.house.database, subject)


def edit_silently_for_us(shop: Shop, words: str) -> int:
    """An order changes while nobody tells us."""
    name = "note" if shop.platform == "shopify" else "customer_note"
    order: int = next(
        one["id"] for one in shop.admin.truth()["orders"] if one["status"] not in ("trash", "checkout-draft")
    )
    shop.admin.edit_order(order, **{name: words})
    return order


def note_of(shop: Shop, order: int) -> Any:
    name = "note" if shop.platform == "shopify" else "customer_note"
    statement = "SELECT metadata ->> :name FROM platform_order WHERE order_id = :id"
    return shop.house.one(statement, name=name, id=str(order))


def test_installed_once_however_often(shop: Shop) -> None:
    install(shop)
    first = shop.admin.webhooks()
    assert len(first) > 10
    install(shop)
    assert shop.admin.webhooks() == first
    standing = look(shop)
    assert (standing.missing, standing.inactive, standing.others) == ((), (), 0)
    assert standing.url == f"{shop.house.url}/webhooks/{shop.id}"


def test_nothing_installed_nothing_guarded(shop: Shop) -> None:
    assert guard(shop) is None
    assert shop.admin.webhooks() == []
    assert look(shop).url is None


def test_a_guardian_with_nothing_to_do(shop: Shop) -> None:
    install(shop)
    before = shop.admin.webhooks()
    report = guard(shop)
    assert report.whole
    assert report.outage is None
    assert shop.admin.webhooks() == before


def test_a_store_that_disabled_them_is_whole_again(woo: Shop) -> None:
    install(woo)
    url, woo.house.url = woo.house.url, ""
    known = woo.house.intake.stores.find
    woo.house.intake.stores.find = _away
    for turn in range(7):
        edit_silently_for_us(woo, f"turn {turn}")
        woo.delivered()
    states = {hook["topic"]: hook["status"] for hook in woo.admin.webhooks()}
    assert states["order.updated"] == "disabled"
    order = edit_silently_for_us(woo, "while it was off")
    woo.house.intake.stores.find, woo.house.url = known, url
    woo.house.do("UPDATE sync_state SET next_due_at = now() + interval '1 day'")
    report = guard(woo)
    assert report.replaced == ["order.updated"]
    assert report.outage is not None
    hook = next(one for one in woo.admin.webhooks() if one["topic"] == "order.updated")
    assert (hook["status"], hook.get("_failures", 0)) == ("active", 0)  # the count begins anew
    assert woo.house.one("SELECT count(*) FROM sync_state WHERE next_due_at <= clock_timestamp()") == 3
    woo.sync()
    assert note_of(woo, order) == "while it was off"
    edit_silently_for_us(woo, "and on again")
    woo.pull()
    assert note_of(woo, order) == "and on again"


async def _away(*_: Any, **__: Any) -> Any:
    from storelink.errors import DatabaseAway

    raise DatabaseAway("as scripted")


def test_a_shop_that_deleted_them_is_whole_again(shopify: Shop) -> None:
    install(shopify)
    known = shopify.house.intake.stores.find
    shopify.house.intake.stores.find = _away
    shopify.admin.set_site(hook_pause=0.001)
    order = edit_silently_for_us(shopify, "lost")
    wait_until(lambda: not any(one["topic"] == "ORDERS_UPDATED" for one in shopify.admin.webhooks()))
    shopify.house.intake.stores.find = known
    report = guard(shopify)
    assert report.created == ["ORDERS_UPDATED"]
    assert report.outage is not None
    shopify.sync()
    assert note_of(shopify, order) == "lost"
    edit_silently_for_us(shopify, "found")
    shopify.pull()
    assert note_of(shopify, order) == "found"


def test_the_next_pass_begins_before_the_outage(shopify: Shop) -> None:
    install(shopify)
    healthy = shopify.house.one("SELECT settings #>> '{webhooks,healthy_at}' FROM connector_config")
    shopify.house.do("UPDATE sync_state SET watermark = watermark + interval '1 day'")
    shopify.admin.do("drop_webhooks")
    report = guard(shopify)
    assert len(report.created) == len(report.present) + len(shopify.admin.webhooks())
    latest = shopify.house.one("SELECT max(watermark) FROM sync_state")
    assert latest.isoformat() == report.outage.isoformat() == healthy


def test_another_address(shop: Shop) -> None:
    install(shop)
    shop.house.url = shop.house.url.replace("127.0.0.1", "localhost")
    install(shop)
    name = "delivery_url" if shop.platform == "woocommerce" else "uri"
    assert {hook[name] for hook in shop.admin.webhooks()} == {f"{shop.house.url}/webhooks/{shop.id}"}


def test_webhooks_of_others_are_left_alone(shop: Shop) -> None:
    install(shop)
    with shop.subject() as subject:
        subscriptions = subject.connector.webhooks.subscriptions(subject.store)  # type: ignore[attr-defined]
        theirs = "orders/updated" if shop.platform == "shopify" else "order.updated"
        enum = theirs.replace("/", "_").upper() if shop.platform == "shopify" else theirs
        subscriptions.create(enum, "http://127.0.0.1:1/theirs", "theirs")
        assert guardian.look(shop.house.database, subject).others == 1
        removed = guardian.remove(shop.house.database, subject)
        assert removed > 10
        assert [one.url for one in subscriptions.list()] == ["http://127.0.0.1:1/theirs"]
    assert guard(shop) is None


def test_double_ones_go(shop: Shop) -> None:
    install(shop)
    if shop.platform == "shopify":
        pytest.skip("Shopify refuses a second one of the same topic and address")
    with shop.subject() as subject:
        subscriptions = subject.connector.webhooks.subscriptions(subject.store)  # type: ignore[attr-defined]
        subscriptions.create("order.updated", f"{shop.house.url}/webhooks/{shop.id}", "x")
    assert guard(shop).removed == 1


def test_a_secret_that_was_lost_is_made_anew(woo: Shop) -> None:
    old = install(woo)
    woo.house.do("UPDATE connector_config SET webhook_secrets = NULL")
    report = guard(woo)
    assert report.outage is not None
    new = secrets_of(woo)[0]
    assert new != old
    assert all(hook["secret"] == new for hook in woo.admin.webhooks())


def test_a_topic_that_the_store_refuses_costs_no_other(shopify: Shop) -> None:
    shopify.admin.set_site(scopes=["read_products"])
    with shopify.subject() as subject:
        report = guardian.install(shopify.house.database, shopify.house.keyring, subject, shopify.house.url)
    assert {"PRODUCTS_UPDATE", "APP_UNINSTALLED"} <= set(report.created)
    assert "ORDERS_UPDATED" in report.refused


def test_one_at_a_time(shop: Shop) -> None:
    install(shop)
    with guardian._alone(shop.house.database, shop.id), pytest.raises(LaneHeld):
        guard(shop)


def test_a_store_with_something_around_it(shop: Shop) -> None:
    install(shop)
    from dataclasses import replace

    with shop.subject() as subject:
        wrapped = replace(subject, store=Stoppable(subject.store, lambda: False))
        assert guardian.guard(shop.house.database, shop.house.keyring, wrapped).whole  # type: ignore[union-attr]


def test_who_is_due(shop: Shop) -> None:
    assert shop.house.rows(guardian.DUE) == []
    install(shop)
    assert shop.house.rows(guardian.DUE) == []
    shop.house.do(
        "UPDATE connector_config SET settings = jsonb_set(settings, '{webhooks,looked_at}',"
        " to_jsonb(CAST(clock_timestamp() - interval '6 minutes' AS text)))"
    )
    assert [row[0] for row in shop.house.rows(guardian.DUE)] == [shop.id]
    guard(shop)
    assert shop.house.rows(guardian.DUE) == []


@pytest.mark.parametrize(
    "url",
    ["sync.example", "ftp://sync.example", "http://sync.example", "https://", "https://a@b.example",
     "https://sync.example?x=1", "https://[", "https://sync.example:x"],
)  # fmt: skip
def test_addresses_that_no_store_can_deliver_to(url: str) -> None:
    with pytest.raises(Misconfigured):
        guardian.usable_public_url(url)


def test_addresses_that_will_do() -> None:
    assert guardian.usable_public_url(" https://Sync.Example/in/ ") == "https://sync.example/in"
    assert guardian.usable_public_url("http://127.0.0.1:8000") == "http://127.0.0.1:8000"
