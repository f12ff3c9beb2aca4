"""The doctor, sent to a simulated shop that is ill in every way that it can be."""

import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from ports import free_port

from storelink.connectors.protocol import Account, Checkup, Limits
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.connectors.shopify.findings import ROWS
from storelink.connectors.shopify.profile import (
    personal_access,
    scopes_of,
    shop_facts,
    supported_versions,
)
from storelink.sandbox.running import RunningShopify, start_shopify

SCOPES = ["write_products", "write_customers", "write_orders", "read_all_orders"]


@pytest.fixture(scope="module")
def running() -> Iterator[RunningShopify]:
    with start_shopify(orders=30, products=8, customers=12) as shop:
        yield shop


@pytest.fixture
def shop(running: RunningShopify) -> Iterator[RunningShopify]:
    """A healthy shop; what a test breaks is mended after it."""
    running.admin.clear_requests()
    yield running
    running.admin.faults([])
    running.admin.set_clock(0)
    running.admin.set_site(
        mode="",
        protected="granted",
        served_version="",
        nonexpiring_refused=False,
        all_orders=True,
        scopes=SCOPES,
    )


def account(shop: RunningShopify, mode: str = "token", **more: object) -> Account:
    app = {"client_id": shop.client_id, "client_secret": shop.client_secret}
    entered = {"access_token": shop.token, "client_secret": "secret"} if mode == "token" else app
    return Account("shop", more.pop("url", shop.url), mode, entered | more)  # type: ignore[arg-type]


def examine(asked: Account, clock=lambda: datetime.now(UTC)) -> Checkup:
    opened = CONNECTOR.open(asked, Limits(timeout=10, retries=0), clock)
    try:
        return opened.check()
    finally:
        opened.close()


def codes(checkup: Checkup, *levels: str) -> list[str]:
    return [one.code for one in checkup.findings if not levels or one.level in levels]


def test_a_healthy_shop(shop) -> None:
    checkup = examine(account(shop))
    assert checkup.healthy
    assert not checkup.auth_failed
    assert codes(checkup) == ["shop", "access"]
    learnt = checkup.settings
    assert learnt["myshopify_domain"] == shop.domain
    assert learnt["currency"] in learnt["currencies"]
    assert learnt["time_zone"] == "America/New_York"
    assert learnt["scopes"] == sorted(learnt["scopes"])
    assert learnt["all_orders"] is True
    assert learnt["protected"] == {"Customer": "granted", "Order": "granted", "personal": "granted"}
    assert learnt["served_version"] == "2026-10"
    assert "api_version" not in learnt  # that one pins a version
    assert len(shop.admin.requests()) == 3


def test_client_credentials(shop) -> None:
    assert codes(examine(account(shop, "client-credentials"))) == ["shop", "access"]


@pytest.mark.parametrize(
    ("mode", "code", "refused"),
    [
        ("frozen", "frozen", False),
        ("locked", "locked", False),
        ("unknown", "unknown_shop", False),
        ("security", "security", False),
        ("forbidden", "forbidden", True),
        ("uninstalled", "invalid_token", True),
    ],
)
def test_shops_that_cannot_be_used(mode, code, refused, shop) -> None:
    shop.admin.set_site(mode=mode)
    checkup = examine(account(shop))
    assert codes(checkup) == [code]
    assert not checkup.healthy
    assert checkup.auth_failed is refused
    assert checkup.findings[0].mend


def test_a_wrong_token(shop) -> None:
    checkup = examine(account(shop, access_token="shpat_" + "0" * 32))
    assert (codes(checkup), checkup.auth_failed) == (["invalid_token"], True)


def test_a_wrong_secret(shop) -> None:
    checkup = examine(account(shop, "client-credentials", client_secret="shpss_wrong"))
    assert (codes(checkup), checkup.auth_failed) == (["invalid_client"], True)


def test_a_shop_that_never_approved_the_app(shop) -> None:
    checkup = examine(account(shop, "code"))
    assert (codes(checkup), checkup.auth_failed) == (["invalid_grant"], True)


def test_a_token_that_should_expire(shop) -> None:
    shop.admin.set_site(nonexpiring_refused=True)
    checkup = examine(account(shop))
    assert (codes(checkup), checkup.auth_failed) == (["non_expiring"], True)


def test_without_all_orders_sixty_days_are_said_aloud(shop) -> None:
    shop.admin.set_site(all_orders=False)
    checkup = examine(account(shop))
    assert codes(checkup, "warning") == ["sixty_days"]
    assert "60 days" in checkup.findings[0].what
    assert checkup.settings["all_orders"] is False
    assert checkup.healthy


def test_scopes_that_are_missing(shop) -> None:
    shop.admin.set_site(scopes=["read_products"])
    checkup = examine(account(shop))
    assert codes(checkup, "problem") == ["scope_missing", "scope_missing"]
    assert not checkup.auth_failed
    said = " ".join(one.what for one in checkup.findings)
    assert "read_customers" in said
    assert "read_orders" in said
    assert checkup.settings["protected"]["Customer"] == "withheld"


def test_no_right_to_write(shop) -> None:
    shop.admin.set_site(scopes=["read_products", "read_customers", "read_orders", "read_all_orders"])
    checkup = examine(account(shop))
    assert checkup.healthy
    assert codes(checkup, "warning") == ["no_write"]


@pytest.mark.parametrize(
    ("level", "code", "personal"),
    [("level1", "personal_withheld", "withheld"), ("none", "not_approved", "withheld")],
)
def test_protected_customer_data(level, code, personal, shop) -> None:
    shop.admin.set_site(protected=level)
    checkup = examine(account(shop))
    assert code in codes(checkup)
    assert checkup.settings["protected"]["personal"] == personal


def test_a_version_that_is_served_no_longer(shop) -> None:
    shop.admin.set_site(served_version="2027-01")
    checkup = examine(account(shop))
    assert "version_forward" in codes(checkup, "warning")
    assert "2027-01" in checkup.findings[0].what


def test_a_clock_that_is_wrong(shop) -> None:
    checkup = examine(account(shop), lambda: datetime.now(UTC) - timedelta(hours=3))
    assert codes(checkup, "warning") == ["clock_skew"]
    assert "3 hours ahead" in checkup.findings[0].what


def test_nothing_there() -> None:
    port = free_port()
    entered = {"access_token": "shpat_" + "0" * 32}
    checkup = examine(Account("shop", f"http://127.0.0.1:{port}", "token", entered))
    assert codes(checkup) == ["unreachable"]


def test_what_the_doctor_says_is_whole() -> None:
    assert len({row.code for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.level in ("problem", "warning", "note", "ok")
        assert row.mend or row.level in ("ok", "note")
        blanks = {name for _, name, _, _ in string.Formatter().parse(row.what + (row.mend or "")) if name}
        assert row.finding(**dict.fromkeys(blanks, "x")).what


def test_personal_access_is_told_from_a_sample() -> None:
    full = {
        "firstName": "A",
        "defaultEmailAddress": {"emailAddress": "a@b.example"},
        "defaultPhoneNumber": {"phoneNumber": "+1"},
        "defaultAddress": {"zip": "1"},
    }
    nothing = {"firstName": None, "defaultEmailAddress": None, "defaultAddress": {"address1": None}}
    assert personal_access([]) == "unknown"
    assert personal_access([nothing, nothing]) == "withheld"
    assert personal_access([nothing, full]) == "granted"
    assert personal_access([full | {"defaultPhoneNumber": None}]) == "unknown"
    assert personal_access([None, 3]) == "unknown"


@pytest.mark.parametrize(
    "junk", [{}, {"shop": None}, {"shop": {"id": 3, "plan": []}}, {"publicApiVersions": [3]}]
)
def test_junk_gives_fewer_settings(junk) -> None:
    assert shop_facts(junk) == {}
    assert scopes_of(junk) is None
    assert supported_versions(junk) == []
