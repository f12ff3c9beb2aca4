"""What people do in the console: signing in, people and tokens, approvals, looking things up."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import httpx
import pytest
from console_house import PASSWORD, Browser, ConsoleHouse
from webhook_house import House, serving

from storelink.access import person
from storelink.access.session import BY_NAME, note_try, tries_left

API = "/v1/stores"


@pytest.fixture(scope="module")
def admin(house: ConsoleHouse) -> Browser:
    return house.sign_in("admin")


def knock(house: ConsoleHouse, name: str, password: str, **more: str) -> Any:
    form = {"name": name, "password": password, **more}
    return house.stranger().ask("POST", "/console/sign-in", data=form)


# -- the door ----------------------------------------------------------------------------------------


def test_signing_in_gives_a_cookie_of_its_own_that_scripts_do_not_see(house: ConsoleHouse) -> None:
    first, second = (knock(house, "reader@shop.example", PASSWORD) for _ in range(2))
    assert first.status_code == 303 and first.headers["location"] == "/console/overview"
    said = first.headers["set-cookie"].lower()
    assert "httponly" in said and "samesite=lax" in said and "path=/console" in said
    assert "secure" not in said, "there is no https here"
    cookies = {one.headers["set-cookie"].partition(";")[0] for one in (first, second)}
    assert len(cookies) == 2


def test_behind_https_the_cookie_is_for_https_alone(house: ConsoleHouse) -> None:
    settings = house.shops.settings.model_copy(update={"public_url": "https://links.example"})
    with serving(House(house.database, house.shops.keyring, settings)) as proxied:
        form = {"name": "reader@shop.example", "password": PASSWORD}
        answer = httpx.post(f"{proxied.url}/console/sign-in", data=form)
    assert "; Secure" in answer.headers["set-cookie"]


def test_behind_a_proxy_a_link_leads_to_where_people_come(house: ConsoleHouse, admin: Browser) -> None:
    settings = house.shops.settings.model_copy(update={"public_url": "https://links.example"})
    with (
        serving(House(house.database, house.shops.keyring, settings)) as proxied,
        httpx.Client(base_url=proxied.url) as client,
    ):
        made = Browser(client, admin.cookie).send(
            "/console/people/accounts", name="noor@shop.example", full_name="Noor", role="reader"
        )
    house.shops.do("DELETE FROM console_user WHERE name = 'noor@shop.example'")
    assert "https://links.example/console/welcome?key=" in made.text


def test_a_wrong_password_and_an_unknown_name_are_told_alike(house: ConsoleHouse) -> None:
    answers = [knock(house, name, "a wrong password") for name in ("ops@shop.example", "nobody@shop.example")]
    assert [one.status_code for one in answers] == [403, 403]
    assert all("Name and password do not fit together." in one.text for one in answers)
    assert all("set-cookie" not in one.headers and "a wrong password" not in one.text for one in answers)
    house.shops.do("DELETE FROM sign_in_failure")


def test_the_door_says_how_many_tries_are_left(house: ConsoleHouse) -> None:
    said = [knock(house, "ops@shop.example", "a wrong password").text]
    with house.database.session() as session:
        for _ in range(BY_NAME - 3):
            note_try(session, "ops@shop.example", "203.0.113.9")
        session.commit()
    said += [knock(house, "ops@shop.example", "a wrong password").text for _ in range(2)]
    house.shops.do("DELETE FROM sign_in_failure")
    assert "7 tries left before a pause of 15 min." in said[0] and "1 try left before" in said[1]
    assert "Wait 15 min, or ask an admin" in said[2]


def test_guessing_at_once_is_guessing_too(house: ConsoleHouse) -> None:
    """Who asks twelve times in one moment has no more tries than who asks one by one."""
    with ThreadPoolExecutor(12) as many:
        asked = [many.submit(knock, house, "ops@shop.example", "a wrong password") for _ in range(12)]
        answers = [one.result().status_code for one in asked]
    looked_at = answers.count(403)
    assert looked_at <= BY_NAME and answers.count(429) == 12 - looked_at
    house.shops.do("DELETE FROM sign_in_failure")


def test_guessing_is_stopped_after_eight_tries(house: ConsoleHouse) -> None:
    with house.database.session() as session:
        for _ in range(7):
            note_try(session, "ops@shop.example", "203.0.113.9")
        session.commit()
    tries = [knock(house, "ops@shop.example", "a wrong password").status_code for _ in range(2)]
    assert tries == [403, 429]
    with house.database.session() as session:
        assert tries_left(session, "ops@shop.example", "") == 0, "whom the door refuses counts no more"
    right = knock(house, "ops@shop.example", PASSWORD)
    assert right.status_code == 429 and "too many tries" in right.text, "the right one would be a guess too"
    assert knock(house, "reader@shop.example", PASSWORD).status_code == 303, "others come in"
    house.shops.do("DELETE FROM sign_in_failure")
    assert knock(house, "ops@shop.example", PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/console//evil.example",
     "javascript:alert(1)", "/console/\nLocation: x", "/v1/docs", "console/orders"],
)  # fmt: skip
def test_signing_in_never_leads_elsewhere(house: ConsoleHouse, place: str) -> None:
    answer = knock(house, "reader@shop.example", PASSWORD, next=place)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/overview")


def test_signing_in_leads_back_and_signing_out_ends_it(house: ConsoleHouse) -> None:
    answer = knock(house, "reader@shop.example", PASSWORD, next="/console/orders?q=weiss")
    assert answer.headers["location"] == "/console/orders?q=weiss"
    browser = Browser(house.client, answer.headers["set-cookie"].partition(";")[0].partition("=")[2])
    assert browser.get("/console/catalog").status_code == 200
    assert browser.send("/console/sign-out").status_code == 303
    assert browser.get("/console/catalog").status_code == 303


# -- people and tokens -------------------------------------------------------------------------------


@pytest.fixture
def colleague(house: ConsoleHouse, admin: Browser) -> Iterator[tuple[str, str]]:
    """(Name, one-time link) of an account that was just made."""
    made = admin.send(
        "/console/people/accounts", name="mara@shop.example", full_name="Mara Devi", role="support"
    )
    assert made.status_code == 200, made.text
    link = re.search(r"\bhttps?://[^/<\s]+(/console/welcome\?key=[^<\s]+)", made.text)
    assert link
    yield "mara@shop.example", unescape(link[1])
    house.shops.do("DELETE FROM console_user WHERE name = 'mara@shop.example'")


def test_a_new_person_chooses_a_password_by_a_link_that_works_once(
    house: ConsoleHouse, admin: Browser, colleague: tuple[str, str]
) -> None:
    name, link = colleague
    key = link.partition("=")[2]
    assert key not in admin.get("/console/people").text, "it is shown once"
    stranger = house.stranger()
    assert "Mara Devi" in stranger.get(link).text
    form = {"key": key, "password": "eleven blue herons fly", "again": "eleven blue herons fly"}
    unlike = stranger.ask("POST", "/console/welcome", data=form | {"again": "another"})
    assert unlike.status_code == 422 and "herons" not in unlike.text
    assert stranger.ask("POST", "/console/welcome", data=form).status_code == 303
    assert stranger.ask("POST", "/console/welcome", data=form).status_code == 404
    assert knock(house, name, "eleven blue herons fly").status_code == 303
    again = admin.send("/console/people/accounts", name=name, full_name="Another", role="reader")
    assert again.status_code == 422


def test_a_role_is_changed_and_an_account_disabled_at_once(
    house: ConsoleHouse, admin: Browser, colleague: tuple[str, str]
) -> None:
    name, _ = colleague
    with house.database.session() as session:
        person.set_password(session, person.find(session, name), "eleven blue herons fly")
        session.commit()
    cookie = knock(house, name, "eleven blue herons fly").headers["set-cookie"].partition(";")[0]
    browser = Browser(house.client, cookie.partition("=")[2])
    assert browser.get("/console/approvals").status_code == 200
    assert admin.send(f"/console/people/accounts/{name}/role", role="reader").status_code == 303
    assert browser.get("/console/approvals").status_code == 403
    assert admin.send(f"/console/people/accounts/{name}/role", role="king").status_code == 422
    assert admin.send(f"/console/people/accounts/{name}/disable").status_code == 303
    assert browser.get("/console/catalog").status_code == 303
    assert knock(house, name, "eleven blue herons fly").status_code == 403
    assert "Disabled" in admin.get("/console/people").text
    assert admin.send(f"/console/people/accounts/{name}/enable").status_code == 303
    assert admin.send(f"/console/people/accounts/{name}/crown").status_code == 422
    deeds = [row[0] for row in house.shops.rows(
        "SELECT action FROM audit_event WHERE actor = 'user:admin@shop.example' ORDER BY id DESC LIMIT 3"
    )]  # fmt: skip
    assert deeds == ["user.enable", "user.disable", "user.set_role"]
    house.shops.do("DELETE FROM sign_in_failure")


def test_the_last_admin_cannot_lock_everybody_out(admin: Browser) -> None:
    for deed in ({"path": "disable"}, {"path": "role", "role": "reader"}):
        path = deed.pop("path")
        assert admin.send(f"/console/people/accounts/admin@shop.example/{path}", **deed).status_code == 422
    assert admin.get("/console/people").status_code == 200


def test_a_token_is_shown_once_works_for_its_stores_and_ends(house: ConsoleHouse, admin: Browser) -> None:
    made = admin.send(
        "/console/people/tokens", token_name="erp", token_role="reader", days="30", stores=["fjord-wool"]
    )
    assert made.status_code == 200, made.text
    found = re.search(r"slk_[\w-]{20,}", made.text)
    assert found
    headers = {"Authorization": f"Bearer {found[0]}"}
    page = admin.get("/console/people").text
    assert found[0] not in page and "fjord-wool" in page
    names = [one["name"] for one in house.client.get(API, headers=headers).json()["data"]]
    assert names == ["fjord-wool"]
    for wrong in ({"token_name": "erp"}, {"days": "0"}, {"days": "x"}, {"token_role": "king"},
                  {"stores": ["nowhere"]}):  # fmt: skip
        form = {"token_name": "other", "token_role": "reader", "days": "30", **wrong}
        assert admin.send("/console/people/tokens", **form).status_code == 422, wrong
    assert admin.send("/console/people/tokens/erp/revoke").status_code == 303
    assert house.client.get(API, headers=headers).status_code == 401
    assert admin.send("/console/people/tokens/nobody/revoke").status_code == 404


# -- requests and approvals --------------------------------------------------------------------------


def waiting(house: ConsoleHouse, store: str) -> str:
    return str(house.shops.one(
        "SELECT r.id FROM refund_request r JOIN connector_config c ON c.id = r.connector_id"
        " WHERE c.name = :store AND stage = 'waiting_approval'", store=store,
    ))  # fmt: skip


def test_requests_stand_with_what_needs_somebody_first(house: ConsoleHouse) -> None:
    reader = house.sign_in("reader")
    page = reader.get("/console/requests").text
    stages = re.findall(r'class="state [^"]*">.*?</svg>([^<]+)</span>', page)
    assert stages[0] == "Needs a person" and stages.index("Waits for approval") < stages.index("Settled")
    links = set(re.findall(r'href="(/console/requests/(?:refund|address)/[^"]+)"', page))
    assert {one.split("/")[3] for one in links} == {"refund", "address"}
    assert all(reader.get(one).status_code == 200 for one in links)
    assert "Approve" not in page.partition("<main")[2], "who may not act is not asked to"
    only = reader.get("/console/requests?k=address").text
    assert "/console/requests/address/" in only and "/console/requests/refund/" not in only
    assert reader.get("/console/requests?after=rubbish").status_code in (200, 422)


def test_a_second_person_approves_and_never_the_one_who_asked(house: ConsoleHouse) -> None:
    request = waiting(house, "fjord-wool")
    support, admin, reader = (house.sign_in(one) for one in ("support", "admin", "reader"))
    own = support.get("/console/approvals").text
    assert "You asked for it, so somebody else decides." in own and ">Approve " not in own
    refused = support.send(f"/console/approvals/{request}/approve")
    assert refused.status_code == 409 and "cannot approve it too" in refused.text
    assert reader.send(f"/console/approvals/{request}/approve").status_code == 403
    assert waiting(house, "fjord-wool") == request
    assert ">Approve " in admin.get("/console/approvals").text
    assert admin.send(f"/console/approvals/{request}/approve").status_code == 303
    row = house.shops.rows("SELECT stage, approved_by FROM refund_request WHERE id = :id", id=request)
    assert row == [("requested", "user:admin@shop.example")]
    twice = admin.send(f"/console/approvals/{request}/approve")
    assert twice.status_code == 409
    assert house.shops.one("SELECT count(*) FROM audit_event WHERE action = 'refund.approved'"
                           " AND subject = :id", id=request) == 1  # fmt: skip


def test_declining_needs_a_reason_and_keeps_it(house: ConsoleHouse) -> None:
    request, admin = waiting(house, "linden-tea"), house.sign_in("admin")
    assert admin.send(f"/console/approvals/{request}/decline", why=" ").status_code == 409
    assert admin.send(f"/console/approvals/{request}/sell", why="x").status_code == 409
    assert waiting(house, "linden-tea") == request
    assert admin.send(f"/console/approvals/{request}/decline", why="Paid <twice>").status_code == 303
    row = house.shops.rows("SELECT stage, error FROM refund_request WHERE id = :id", id=request)
    assert row[0][0] == "failed" and "Paid <twice>" in row[0][1]
    page = admin.get("/console/requests").text
    assert "Paid &lt;twice&gt;" in page and "Paid <twice>" not in page


# -- looking things up -------------------------------------------------------------------------------


def test_the_audit_log_is_narrowed_down_and_goes_back(house: ConsoleHouse, admin: Browser) -> None:
    house.shops.do(
        "INSERT INTO audit_event (actor, action, detail) SELECT 'cli:tester', 'connector.pause', '{}'"
        " FROM generate_series(1, 55)"
    )
    page = admin.get("/console/audit?who=cli:tester").text
    assert page.count('class="sub wrap">cli:tester<') == 50 and "Paused reading" in page
    older = re.search(r'href="(/console/audit\?[^"]*before=[^"]*)"', page)
    assert older
    rest = admin.get(unescape(older[1])).text
    assert rest.count('class="sub wrap">cli:tester<') == 5
    assert 'aria-disabled="true" role="link">Older' in rest
    assert "Nothing of that kind was done" in admin.get("/console/audit?who=nobody").text
    assert house.sign_in("support").get("/console/audit").status_code == 403


def test_the_catalog_by_sku_by_product_and_by_store(house: ConsoleHouse) -> None:
    reader = house.sign_in("reader")
    variant, sku, product, title = house.shops.rows(
        "SELECT variant_id, sku, product_id, title FROM platform_product WHERE connector_id = :id"
        " AND sku IS NOT NULL AND sku <> '' ORDER BY variant_id LIMIT 1", id=house.woo.id,
    )[0]  # fmt: skip
    link = f'href="/console/catalog/fjord-wool/{variant}"'
    for wanted in (sku, product):
        assert link in reader.get("/console/catalog", params={"q": wanted, "store": "fjord-wool"}).text, (
            wanted
        )
    assert link not in reader.get("/console/catalog", params={"q": sku, "store": "linden-tea"}).text
    none = reader.get("/console/catalog", params={"q": "no such sku"})
    assert none.status_code == 200 and "/console/catalog/fjord-wool/" not in none.text
    unit = reader.get(f"/console/catalog/fjord-wool/{variant}")
    assert unit.status_code == 200 and title in unescape(unit.text)
    assert reader.get("/console/catalog/linden-tea/nothing").status_code == 404


def test_a_customer_by_mail_with_the_orders(house: ConsoleHouse) -> None:
    reader = house.sign_in("reader")
    customer, mail = house.shops.rows(
        "SELECT c.customer_id, c.email FROM platform_customer c JOIN platform_order o"
        " ON o.connector_id = c.connector_id AND o.customer_id = c.customer_id"
        " WHERE c.connector_id = :id AND c.email <> '' LIMIT 1", id=house.woo.id,
    )[0]  # fmt: skip
    link = f'href="/console/customers/fjord-wool/{customer}"'
    assert link in reader.get("/console/customers", params={"q": mail}).text
    assert link not in reader.get("/console/customers", params={"q": mail, "store": "linden-tea"}).text
    page = reader.get(f"/console/customers/fjord-wool/{customer}").text
    count = house.shops.one(
        "SELECT count(*) FROM platform_order WHERE connector_id = :id AND customer_id = :customer"
        " AND deleted_at IS NULL", id=house.woo.id, customer=customer,
    )  # fmt: skip
    assert len(set(re.findall(r'href="/console/orders/fjord-wool/(\d+)"', page))) >= count > 0
    assert reader.get("/console/customers/fjord-wool/0000").status_code == 404
