"""The doctor, sent to a simulated store that is ill in every way that is known."""

import json
import re
import string
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ports import free_port

from storelink.connectors.finding import in_words
from storelink.connectors.protocol import Account, Checkup, Limits
from storelink.connectors.woocommerce import doctor
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.connectors.woocommerce.findings import ROWS, finding
from storelink.connectors.woocommerce.profile import (
    features,
    hidden_statuses,
    is_local,
    site_facts,
    status_facts,
    statuses_of,
)
from storelink.sandbox.running import Running, start

WRONG = "cs_" + "0" * 40
STATUSES = [
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
    "awaiting-parts",
    "archived",
]
UNKNOWN = "ck_" + "0" * 40
Examine = Callable[..., Checkup]


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:
        yield {
            scheme: stack.enter_context(start(orders=30, products=8, customers=8, https=scheme == "https"))
            for scheme in ("http", "https")
        }


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def store(scheme: str, stores: dict[str, Running], monkeypatch) -> Iterator[Running]:
    """A healthy store over http or https; what a test breaks is mended after it."""
    running = stores[scheme]
    if running.ca_file:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.ca_file))
    running.admin.clear_requests()
    yield running
    running.admin.faults([])
    running.admin.set_clock(0)
    running.admin.set_site(mode="", has_variations=True, has_refunds=True)


def examine(url: str, keys: tuple[str, str] = (UNKNOWN, WRONG), **learnt: object) -> Checkup:
    credentials = {"consumer_key": keys[0], "consumer_secret": keys[1]}
    account = Account("shop", url, "keys", credentials, learnt)
    opened = CONNECTOR.open(account, Limits(timeout=10), lambda: datetime.now(UTC))
    try:
        checkup = opened.check()
    finally:
        opened.close()
    for secret in keys:
        assert secret not in repr(checkup)
    levels = [one.level for one in checkup.findings]
    assert levels == sorted(levels, key=["problem", "warning", "note", "ok"].index)
    assert all(one.mend for one in checkup.findings if one.level in ("problem", "warning"))
    return checkup


def codes(checkup: Checkup) -> list[str]:
    return [one.code for one in checkup.findings]


only_http = pytest.mark.parametrize("scheme", ["http"])
only_https = pytest.mark.parametrize("scheme", ["https"])


# -- a healthy store -------------------------------------------------------------------------------


def test_a_healthy_store(store: Running) -> None:
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert not checkup.auth_failed
    assert codes(checkup) == ["hidden_statuses", "keys", "store"]
    assert "WooCommerce 11.0.1 on WordPress 6.9, USD, America/New_York" in checkup.findings[-1].what
    assert checkup.settings == {
        "currency": "USD",
        "decimals": 2,
        "gmt_offset": -5.0,
        "has_refunds": True,
        "has_variations": True,
        "home_url": store.url,
        "hpos": True,
        "key_in_query": False,
        "prices_include_tax": False,
        "statuses": STATUSES,
        "time_zone": "America/New_York",
        "version": "11.0.1",
        "wp_version": "6.9",
    }


def test_it_costs_eight_requests_and_changes_nothing(store: Running) -> None:
    before = store.admin.truth()
    examine(store.url, (store.key, store.secret))
    asked = [(one["method"], one["path"]) for one in store.admin.requests()]
    assert len(asked) == 8
    assert [one for one in asked if one[0] != "GET"] == [("PUT", "/wp-json/wc/v3/orders/0")]
    assert store.admin.truth() == before


# -- keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "over_http", "over_https", "refused"),
    [
        (lambda s: s.manager_key, "hidden_statuses", "hidden_statuses", False),
        (lambda s: s.read_key, "read_only_key", "read_only_key", False),
        (lambda s: s.write_only_key, "write_only_key", "write_only_key", True),
        (lambda s: s.customer_key, "role", "role", True),
        (lambda s: (UNKNOWN, WRONG), "unknown_key", "unknown_key", True),
        (lambda s: (s.key, WRONG), "wrong_signature", "wrong_secret", True),
    ],
    ids=["manager", "read", "write", "customer", "unknown", "secret"],
)
def test_keys(pair, over_http: str, over_https: str, refused: bool, store, scheme) -> None:
    checkup = examine(store.url, pair(store))
    assert codes(checkup)[0] == (over_http if scheme == "http" else over_https)
    assert checkup.auth_failed is refused
    assert checkup.healthy is not refused


def test_a_read_only_key_is_told_and_good_for_reading(store: Running) -> None:
    checkup = examine(store.url, store.read_key)
    assert checkup.findings[0].level == "warning"
    assert "refunds and address changes will be refused" in checkup.findings[0].what
    assert checkup.settings["version"] == "11.0.1"


TRANSLATED = [
    [b"Consumer secret is invalid.", b"Das Consumer Secret ist falsch."],
    [b"Invalid signature - provided", b"Signatur"],
    [b"does not have read permissions", b"darf nicht lesen"],
    [b"does not have write permissions", b"darf nicht schreiben"],
    [b"Consumer key is invalid.", b"Der Schl\\u00fcssel ist falsch."],
]


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (lambda s: (s.key, WRONG), "wrong_keys"),
        (lambda s: s.write_only_key, "write_only_key"),
        (lambda s: s.read_key, "read_only_key"),
    ],
    ids=["secret", "write", "read"],
)
def test_a_store_that_speaks_german(pair, code: str, store: Running) -> None:
    """The one code of WooCommerce's refusals says nothing, and its words are translated."""
    words = [[old.decode(), new.decode()] for old, new in TRANSLATED]
    store.admin.faults([{"match": {}, "do": {"replace": words}}])
    assert codes(examine(store.url, pair(store)))[0] == code


@only_https
def test_a_host_that_strips_the_header(store: Running, scheme: str) -> None:
    store.admin.faults([{"match": {}, "do": {"strip_auth": True}}])
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert "header_stripped" in codes(checkup)
    assert checkup.settings["key_in_query"] is True
    assert checkup.settings["version"] == "11.0.1"
    assert len(store.admin.requests()) == 9
    again = examine(store.url, (store.key, store.secret), **checkup.settings)
    assert "header_stripped" not in codes(again)
    assert again.settings["key_in_query"] is True


@only_https
def test_a_stripped_header_and_a_wrong_secret(store: Running, scheme: str) -> None:
    store.admin.faults([{"match": {}, "do": {"strip_auth": True}}])
    checkup = examine(store.url, (store.key, WRONG))
    assert codes(checkup) == ["wrong_secret", "header_stripped"]
    assert checkup.auth_failed
    assert codes(examine(store.url))[0] == "unknown_key"


@only_http
def test_a_cache_that_drops_the_query(store: Running, scheme: str) -> None:
    store.admin.faults([{"match": {"path": "orders"}, "do": {"strip_query": True}}])
    assert codes(examine(store.url, (store.key, store.secret)))[0] == "query_dropped"


@only_https
def test_a_cache_that_drops_the_query_of_a_good_answer(store: Running, scheme: str) -> None:
    """woocommerce/woocommerce#18030: every page would look like the first."""
    store.admin.faults([{"match": {"path": "orders"}, "do": {"strip_query": True}}])
    assert codes(examine(store.url, (store.key, store.secret)))[0] == "query_ignored"


def test_a_store_that_calls_itself_otherwise(store: Running, scheme: str) -> None:
    port = store.url.rpartition(":")[2]
    other = [[f"127.0.0.1:{port}", f"www.shop.example:{port}"]]
    other += [[f"127.0.0.1:{port}".replace("/", r"\/"), "www.shop.example"]]
    store.admin.faults([{"match": {"path": "wp-json/$"}, "do": {"replace": other[:1]}}])
    assert "other_home" in codes(examine(store.url, (store.key, store.secret)))
    if scheme == "http":
        checkup = examine(store.url, (store.key, WRONG))
        assert codes(checkup) == ["wrong_home"]
        assert f"www.shop.example:{port}" in (checkup.findings[0].mend or "")


def test_a_role_that_may_not_see_customers(store: Running) -> None:
    rule = {"match": {"path": "customers"}, "do": {"status": 403}}
    refusal = {"code": "woocommerce_rest_cannot_view", "message": "No.", "data": {"status": 403}}
    store.admin.faults([rule])
    checkup = examine(store.url, (store.key, store.secret))
    assert not checkup.healthy, refusal
    assert checkup.settings["version"] == "11.0.1"


# -- clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "words"),
    [(86400, "24 hours ahead of"), (-86400, "24 hours behind"), (600, "10 minutes ahead of")],
)
def test_a_store_whose_clock_is_wrong(offset: int, words: str, store: Running) -> None:
    store.admin.set_clock(offset)
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert codes(checkup)[0] == "clock_skew"
    assert words in checkup.findings[0].what


def test_a_minute_is_no_difference(store: Running) -> None:
    store.admin.set_clock(60)
    assert "clock_skew" not in codes(examine(store.url, (store.key, store.secret)))


# -- no WooCommerce there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "code", "mend"),
    [
        ("plain_permalinks", "plain_permalinks", "Settings → Permalinks"),
        ("plugin_inactive", "rest_no_route", "activate WooCommerce"),
        ("maintenance", "closed", ".maintenance"),
        ("database_down", "store_database", "database"),
    ],
)
def test_a_store_that_is_not_up(mode: str, code: str, mend: str, store: Running) -> None:
    store.admin.set_site(mode=mode)
    checkup = examine(store.url, (store.key, store.secret))
    assert codes(checkup) == [code]
    assert not checkup.healthy
    assert not checkup.auth_failed  # nothing is wrong with the keys
    assert mend in (checkup.findings[0].mend or "")
    assert len(store.admin.requests()) <= 2


def test_maintenance_says_for_how_long(store: Running) -> None:
    store.admin.set_site(mode="maintenance")
    assert "come back in 10 minutes" in examine(store.url).findings[0].what


@pytest.mark.parametrize(
    ("do", "code"),
    [
        ({"html": True}, "not_wordpress"),
        ({"redirect": "https://www.shop.example/wp-json/"}, "redirect"),
        ({"status": 500}, "store_failed"),
        ({"status": 502, "html": True}, "store_failed"),
        ({"fatal": True}, "store_failed"),
        ({"status": 429}, "throttled"),
        ({"status": 403, "html": True}, "firewall"),
        ({"status": 401, "html": True}, "site_password"),
        ({"status": 404, "html": True}, "nothing_there"),
        ({"truncate": 0.5}, "cut"),
        ({"drop": "before"}, "cut"),
        ({"replace": [["{", "%"]]}, "unreadable"),
        ({"big": 65 * 1024 * 1024}, "unreadable"),
    ],
    ids=str,
)
def test_answers_of_something_else(do: dict, code: str, store: Running) -> None:
    store.admin.faults([{"match": {}, "do": do}])
    checkup = examine(store.url, (store.key, store.secret))
    assert codes(checkup) == [code]
    assert not checkup.healthy
    assert not checkup.auth_failed


@pytest.mark.parametrize(
    ("do", "code"),
    [
        ({"html": True}, "html"),
        ({"status": 500}, "store_failed"),
        ({"status": 403, "html": True}, "firewall"),
        ({"maintenance": True}, "closed"),
    ],
    ids=str,
)
def test_a_site_that_is_well_and_a_shop_that_is_not(do: dict, code: str, store: Running) -> None:
    store.admin.faults([{"match": {"path": "wc/v3/orders"}, "do": do}])
    checkup = examine(store.url, (store.key, store.secret))
    assert codes(checkup)[0] == code
    assert checkup.settings["time_zone"] == "America/New_York"


def test_dirt_in_the_answers_does_no_harm(store: Running) -> None:
    store.admin.faults([{"match": {}, "do": {"bom": True, "notice": True}}])
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert checkup.settings["version"] == "11.0.1"


def test_nobody_there() -> None:
    port = free_port()
    assert codes(examine(f"http://127.0.0.1:{port}")) == ["unreachable"]
    assert codes(examine("https://no-such-host.invalid")) == ["dns"]


@only_https
def test_a_certificate_that_nobody_vouches_for(store: Running, scheme: str, monkeypatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    checkup = examine(store.url, (store.key, store.secret))
    assert codes(checkup) == ["tls"]
    assert "certificate is not valid" in checkup.findings[0].what


@only_http
def test_https_where_there_is_none(store: Running, scheme: str) -> None:
    checkup = examine(store.url.replace("http:", "https:"))
    assert codes(checkup)[0] in ("tls", "unreachable")


def test_a_rest_api_closed_to_strangers(serve, answer, recorded) -> None:
    """A security plugin asks for a sign-in; the keys are one."""
    body = b'{"code":"rest_not_logged_in","message":"Sign in.","data":{"status":401}}'

    def shop(request) -> bytes:
        if "oauth_signature" not in request.target:
            return answer(body, 401)
        if request.method == "PUT":
            return recorded("order-put-404.txt")
        if "system_status" in request.target:
            return recorded("system-status.json.txt")
        return answer(b"[]")

    checkup = examine(serve(shop).url)
    assert checkup.healthy
    assert checkup.settings["version"] == "11.0.1"
    assert "has_variations" not in checkup.settings  # not known, so not claimed
    assert "details_unknown" in codes(checkup)
    closed = examine(serve(answer(body, 401)).url)
    assert codes(closed)[0] == "rest_closed"


@pytest.mark.parametrize("body", [b"null", b"{}", b"7", b'"no"'])
def test_orders_that_are_no_list(body: bytes, serve, answer) -> None:
    site = answer(b'{"namespaces": ["wc/v3"]}')
    server = serve(lambda request: site if request.path == "/wp-json/" else answer(body))
    checkup = examine(server.url)
    assert codes(checkup)[0] == "unreadable"
    assert not checkup.healthy


# -- what will bite later --------------------------------------------------------------------------


def test_plain_http(store: Running, scheme: str, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "is_local", lambda _url: False)
    checkup = examine(store.url, (store.key, store.secret))
    assert ("plain_http" in codes(checkup)) is (scheme == "http")
    if scheme == "http":
        assert f"register {store.url.replace('http:', 'https:')}" in (checkup.findings[0].mend or "")


def test_an_old_woocommerce(store: Running) -> None:
    store.admin.set_site(has_variations=False, has_refunds=False)
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert codes(checkup).count("old_woocommerce") == 2
    assert checkup.settings["has_variations"] is False
    assert checkup.settings["has_refunds"] is False
    said = " ".join(one.what + (one.mend or "") for one in checkup.findings)
    assert "list of all variations" in said
    assert "10.3 or newer" in said


def test_wp_cron_off(store: Running) -> None:
    off = [['"wp_cron":true', '"wp_cron":false']]
    store.admin.faults([{"match": {"path": "system_status"}, "do": {"replace": off}}])
    checkup = examine(store.url, (store.key, store.secret))
    assert "wp_cron_off" in codes(checkup)
    assert "wp_cron" not in checkup.settings


@pytest.mark.parametrize(
    ("path", "code", "unknown"),
    [
        ("system_status", "status_unknown", "version"),
        ("reports/orders/totals", "details_unknown", "statuses"),
        ("settings/tax", "details_unknown", "prices_include_tax"),
        ("wc/v3$", "details_unknown", "has_variations"),
    ],
)
@pytest.mark.parametrize("do", [{"status": 500}, {"status": 403}, {"html": True}], ids=str)
def test_a_part_that_cannot_be_read(path, code, unknown, do, store: Running) -> None:
    store.admin.faults([{"match": {"path": path}, "do": do}])
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert code in codes(checkup)
    assert unknown not in checkup.settings
    assert "keys" in codes(checkup)


def test_a_firewall_against_put(store: Running) -> None:
    store.admin.faults([{"match": {"method": "PUT"}, "do": {"status": 403, "html": True}}])
    checkup = examine(store.url, (store.key, store.secret))
    assert checkup.healthy
    assert codes(checkup)[0] == "write_unknown"


# -- words and pure parts --------------------------------------------------------------------------


def blanks(text: str | None) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text or "") if name}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_words(row) -> None:
    words = dict.fromkeys(blanks(row.what) | blanks(row.mend), "…")
    found = finding(row.code, **words)
    assert found.level in ("problem", "warning", "note", "ok")
    assert "{" not in found.what + (found.mend or "")
    assert row.mend or row.level in ("note", "ok")
    assert row.level == "problem" or not row.refused
    for text in (row.what, row.mend or row.what):
        assert text[0].isupper() or text.startswith("{")
        assert text.endswith(".")


def test_every_code_is_in_the_table_once_and_used() -> None:
    named = [row.code for row in ROWS]
    assert len(set(named)) == len(named)
    package = re.sub(r"/doctor\.py$", "", doctor.__file__)
    source = ""
    for name in ("doctor", "refusal", "client", "jsontext", "../http", "../failure", "../status", "../wire"):
        with open(f"{package}/{name}.py", encoding="utf-8") as file:  # noqa: PTH123
            source += file.read()
    assert [code for code in named if f'"{code}"' not in source] == []


def test_an_unknown_time_zone_or_offset() -> None:
    assert site_facts({"timezone_string": "", "gmt_offset": "5.5"}) == {
        "time_zone": None,
        "gmt_offset": 5.5,
    }
    assert site_facts({"timezone_string": "+02:00", "gmt_offset": 2})["time_zone"] is None
    assert site_facts({"timezone_string": "../../etc/passwd"})["time_zone"] is None
    assert site_facts({"gmt_offset": "x", "url": "http://s/"}) == {
        "time_zone": None,
        "gmt_offset": None,
        "home_url": "http://s",
    }


@pytest.mark.parametrize(
    ("totals", "listed", "found"),
    [
        ({"completed": 5, "archived": 2}, 7, ([], 0)),
        ({"completed": 5, "archived": 2}, 5, (["archived"], 2)),
        ({"completed": 5, "archived": 2, "special": 1}, 6, (["archived", "special"], 2)),
        ({"completed": 5, "archived": 2, "special": 3}, 5, (["archived", "special"], 5)),
        ({"completed": 5, "archived": 0}, 4, ([], 0)),
        ({"completed": 5}, 4, ([], 0)),  # one came in between
        ({"completed": 5, "checkout-draft": 3, "archived": 2}, 5, (["archived"], 2)),
        ({"completed": 5, "checkout-draft": 3, "archived": 2}, 8, (["archived"], 2)),
        ({"completed": 5, "archived": 2}, None, ([], 0)),
        ({}, 3, ([], 0)),
    ],
)
def test_hidden_statuses(totals, listed, found) -> None:
    assert hidden_statuses(totals, listed) == found


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:80", True),
        ("http://shop.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8080", True),
        ("http://192.168.1.1", False),
        ("http://shop.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost.evil.example", False),
    ],
)
def test_is_local(url: str, local: bool) -> None:
    assert is_local(url) is local


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 seconds"),
        (119, "119 seconds"),
        (600, "10 minutes"),
        (7200, "2 hours"),
        (86400, "24 hours"),
        (5 * 86400, "5 days"),
    ],
)
def test_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "environment",
                    "settings",
                    "routes",
                    "timezone_string",
                    "gmt_offset",
                    "version",
                    "slug",
                    "total",
                    "namespaces",
                    "home",
                    "currency",
                    "code",
                    "message",
                    "value",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_no_answer_surprises_the_profile(data: object) -> None:
    features(data)
    status_facts(data)
    statuses_of(data)
    if isinstance(data, dict):
        site_facts(data)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(json_values, min_size=1, max_size=5), st.sampled_from([200, 200, 400, 401, 404]))
def test_no_store_surprises_the_doctor(serve, answer, answers, status) -> None:
    bodies = [json.dumps(body).encode() for body in answers]
    site = json.dumps({"namespaces": ["wc/v3"], "gmt_offset": answers[0]}).encode()

    def shop(request) -> bytes:
        if request.path == "/wp-json/":
            return answer(site)
        return answer(bodies[len(request.target) % len(bodies)], status)

    checkup = examine(serve(shop).url)
    assert checkup.findings
    assert replace(checkup) == checkup
