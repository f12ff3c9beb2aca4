"""What holds for every page and form: enumerated from the application, so that none can be forgotten."""

import json
import re
from urllib.parse import quote, urlsplit

import pytest
from console_house import Browser, ConsoleHouse, Route, filled, routes
from markup import elements, unsafe

from storelink.access.role import ROLES

ROUTES = routes()
OPEN = {
    "GET /", "GET /static/{digest}/{name}", "GET /sign-in", "POST /sign-in", "GET /welcome", "POST /welcome",
    "POST /connect/{platform}/callback/{reference}", "GET /sign-in/sso", "GET /sign-in/sso/answer",
    "GET /sign-out/sso",
}  # fmt: skip
"""Whoever has no session needs these, and a store that sends the keys it was asked for."""
ANYONE = {"POST /sign-out"}
"""These need a session, and no right."""
PAGES = [one for one in ROUTES if one.method == "GET" and str(one) not in OPEN]
FORMS = [one for one in ROUTES if one.method == "POST" and str(one) not in OPEN]


@pytest.fixture(scope="module")
def people(house: ConsoleHouse) -> dict[str, Browser]:
    return {role: house.sign_in(role) for role in ROLES}


@pytest.fixture(scope="module")
def pages(house: ConsoleHouse) -> list[str]:
    return house.pages()


def test_every_route_says_which_right_it_needs() -> None:
    assert len(PAGES) > 12 and len(FORMS) > 10
    assert {one.method for one in ROUTES} == {"GET", "POST"}
    assert [str(one) for one in ROUTES if one.right is None and str(one) not in OPEN | ANYONE] == []
    assert [str(one) for one in ROUTES if not one.signed and str(one) not in OPEN] == []
    assert [str(one) for one in FORMS if not one.keyed] == []


def test_without_a_session_pages_lead_to_the_door_and_back(house: ConsoleHouse) -> None:
    for cookie in ("", "wrong", "é" * 4, "x" * 3000):
        stranger = Browser(house.client, quote(cookie))
        for route in PAGES if not cookie else PAGES[:3]:
            place = filled(route.path) + "?q=a%26b"
            answer = stranger.get(place)
            assert (answer.status_code, answer.text) == (303, ""), route
            parts = urlsplit(answer.headers["location"])
            assert (parts.netloc, parts.path, parts.query) == ("", "/console/sign-in", f"next={quote(place)}")
            live = stranger.get(place, headers={"HX-Request": "true"})
            assert live.headers["hx-redirect"] == "/console/sign-in" and live.text == "", route
    for route in FORMS:
        answer = house.stranger().send(filled(route.path))
        assert answer.status_code in (303, 403) and "set-cookie" not in answer.headers, route
        assert answer.headers.get("location", "/console/sign-in") == "/console/sign-in", route


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_its_rights_say(
    house: ConsoleHouse, people: dict[str, Browser], role: str
) -> None:
    known, who = house.values(), people[role]
    for route in PAGES:
        assert route.right is not None
        answer = who.get(filled(route.path, **known))
        if route.right in ROLES[role]:
            assert answer.status_code in (200, 303, 404), (route, answer.status_code)
        else:
            assert answer.status_code == 403 and "This is not for your role" in answer.text, route
    for route in FORMS:
        answer = None if str(route) in ANYONE else who.send(filled(route.path, store="none", name="none"))
        if answer is not None and route.right not in ROLES[role]:
            assert answer.status_code == 403 and "This is not for your role" in answer.text, route
        elif answer is not None:
            assert answer.status_code not in (403, 500), (route, answer.text)


def test_the_menu_offers_only_what_the_role_may(people: dict[str, Browser]) -> None:
    for role, who in people.items():
        places = {
            one.attributes["href"] for one in elements(who.get("/console/overview").text)
            if one.name == "a" and one.attributes.get("href", "").startswith("/console/")
        }  # fmt: skip
        assert ("/console/people" in places) == (role == "admin")
        assert ("/console/audit" in places) == (role in ("ops", "admin"))
        for place in places:
            assert who.get(place).status_code not in (403, 500), (role, place)


def standing(house: ConsoleHouse) -> list[object]:
    """What a form could change: the tables it could write, less what looking alone writes."""
    return [
        house.shops.one(f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t")
        for table in ("audit_event", "console_user", "api_token", "refund_request", "address_update_request",
                      "action_preview", "connector_config", "console_session", "quarantined_record")
    ]  # fmt: skip


def test_a_form_without_its_key_does_nothing(house: ConsoleHouse) -> None:
    who, other = house.sign_in("admin"), house.sign_in("admin")
    known, before = house.values() | {"name": "new@shop.example"}, standing(house)
    for route in FORMS:
        place = filled(route.path, **known)
        for key in (None, "", other.key, who.key[:-1], who.key.upper(), "é", "\0"):
            answer = who.ask("POST", place, data={} if key is None else {"form_key": key})
            assert answer.status_code == 403, (route, key, answer.status_code)
            assert "This form did not come from a page of yours" in answer.text, route
        assert who.ask("POST", f"{place}?form_key={who.key}").status_code == 403, route
        body = json.dumps({"form_key": who.key}).encode()
        assert who.ask("POST", place, content=body, headers={"Content-Type": "application/json"}
                       ).status_code in (403, 422), route  # fmt: skip
    assert standing(house) == before


def test_forms_of_other_sites_do_nothing(house: ConsoleHouse) -> None:
    who = house.sign_in("admin")
    known, before = house.values() | {"name": "new@shop.example"}, standing(house)
    foreign = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
               {"Sec-Fetch-Site": "same-site"}, {"Origin": house.shops.url + ".evil.example"},
               {"Origin": "http://localhost:1"}]  # fmt: skip
    for route in [one for one in ROUTES if one.method == "POST"]:
        for headers in foreign:
            answer = who.ask("POST", filled(route.path, **known), data={"form_key": who.key}, headers=headers)
            assert answer.status_code == 403 and "another site" in answer.text, (route, headers)
    assert standing(house) == before
    own = {"Origin": house.shops.url, "Sec-Fetch-Site": "same-origin"}
    left = who.ask("POST", "/console/sign-out", data={"form_key": who.key}, headers=own)
    assert left.status_code == 303 and who.get("/console/overview").status_code == 303


def test_no_form_is_on_a_page_without_its_key(people: dict[str, Browser], pages: list[str]) -> None:
    for place in pages:
        text, keyed = people["admin"].get(place).text, 0
        for form in re.findall(r"<form\b.*?</form>", text, re.S):
            if re.search(r'method="?post', form.split(">")[0], re.I):
                keyed += 1
                assert f'name="form_key" value="{people["admin"].key}"' in form or "sign-in" in place, (
                    place,
                    form,
                )
            else:
                assert "form_key" not in form, place  # it would stand in the address
        # files and parts of pages have no form
        assert keyed or "<html" not in text or "hx-" in text or "welcome" in place or "/sso" in place, place


def test_every_page_stands_under_a_strict_policy(house: ConsoleHouse, pages: list[str]) -> None:
    who = house.sign_in("admin")
    for place in [*pages, "/console/none", "/console/orders/none/1"]:
        for headers in ({}, {"HX-Request": "true"}):
            answer = who.get(place, headers=headers)
            assert answer.status_code < 500, (place, answer.text[:200])
            assert_strict(answer.headers, place)
            assert unsafe(answer.text) == [], place
            ids = [one.attributes["id"] for one in elements(answer.text) if "id" in one.attributes]
            assert len(ids) == len(set(ids)), (place, sorted(one for one in ids if ids.count(one) > 1))
    assert_strict(house.stranger().get("/console/overview").headers, "the way to the door")
    refused = who.ask("POST", "/console/sign-out", headers={"Origin": "https://evil.example"})
    assert refused.headers["content-type"].startswith("text/plain")


def assert_strict(headers: object, place: str) -> None:
    assert hasattr(headers, "get")
    policy = dict(
        part.strip().split(" ", 1) for part in headers.get("content-security-policy", "x y").split(";")
    )
    assert policy["default-src"] == "'none'", place
    assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'"), place
    assert (
        policy["frame-ancestors"] == policy["base-uri"] == "'none'" and policy["form-action"] == "'self'"
    ), place
    assert "unsafe" not in str(policy) and "*" not in str(policy), place
    assert headers.get("x-content-type-options") == "nosniff" and headers.get("x-frame-options") == "DENY"
    assert headers.get("cache-control") == "no-store", place


HOSTILE = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' OR 1=1; DROP TABLE platform_order; --",
    "%", "_", "\\", "a\0b", "\0", "a\nb\r\nSet-Cookie: x=1", "../../etc/passwd", "..%2f", "x" * 150,
    "y" * 5000,
    "ÅÄÖ 名前 🧶 \u202e", "-1", "9" * 30, "1e999", "NaN", "{{7*7}}", "javascript:alert(1)", "\udfff",
]  # fmt: skip


def hostile(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def test_what_there_is_not_has_a_page_that_says_so(people: dict[str, Browser]) -> None:
    admin = people["admin"]
    for route in [one for one in PAGES if "{" in one.path]:
        for word in ("none", "0", "00000000-0000-0000-0000-000000000000"):
            made_up = dict.fromkeys(re.findall(r"\{(\w+)", route.path), word)
            answer = admin.get(filled(route.path, **made_up))
            assert answer.status_code == 404, (route, word, answer.status_code)
            assert "<h1>There is no" in answer.text and "Sign out" in answer.text, (route, word)


def test_hostile_paths_break_nothing(people: dict[str, Browser]) -> None:
    admin = people["admin"]
    for route in [one for one in PAGES if "{" in one.path]:
        names = re.findall(r"\{(\w+)", route.path)
        for word in HOSTILE:
            answer = admin.get(filled(route.path, **dict.fromkeys(names, hostile(word))))
            # what holds a slash may be another page; never one of ours with something in it
            assert answer.status_code in (400, 404, 422), (route, word, answer.status_code)
            assert_harmless(answer, word)


def test_hostile_searches_break_nothing(house: ConsoleHouse, people: dict[str, Browser]) -> None:
    admin, known = people["admin"], house.values()
    for route in PAGES:
        asked = query_names(route)
        for word in HOSTILE:
            query = "&".join(f"{name}={hostile(word)}" for name in asked)
            answer = admin.get(f"{filled(route.path, **known)}?{query}")
            assert answer.status_code < 500, (route, word, answer.text[:300])
            kind = answer.headers["content-type"].partition(";")[0]
            saved = answer.headers.get("content-disposition", "").startswith("attachment")
            assert answer.is_redirect or kind == ("text/csv" if saved else "text/html"), (route, word)
            assert_harmless(answer, word)
    assert house.shops.one("SELECT count(*) FROM platform_order") > 40


def test_hostile_forms_break_nothing(house: ConsoleHouse) -> None:
    who = house.sign_in("admin")
    gone = house.values() | {"store": "none", "name": "none"}
    for route in FORMS:
        if str(route) in ANYONE:
            continue
        for word in HOSTILE[:12]:
            fields = dict.fromkeys([*form_names(route), "surprise"], word)
            answer = who.send(filled(route.path, **gone), **fields)
            assert answer.status_code < 500, (route, word, answer.text[:300])
            assert_harmless(answer, word)


def assert_harmless(answer: object, word: str) -> None:
    assert hasattr(answer, "text") and hasattr(answer, "headers")
    assert (
        "set-cookie" not in answer.headers and "Traceback" not in answer.text and "psycopg" not in answer.text
    )
    assert unsafe(answer.text) == [], word
    assert "<img src=x" not in answer.text and "alert(1)</script>" not in answer.text, word
    place = answer.headers.get("location", "/console/")
    assert place.startswith("/console/") and "\n" not in place, (word, place)


def query_names(route: Route) -> list[str]:
    """What a page can be asked by, and what all pages can."""
    return [*route.queries, "times", "surprise"]


def form_names(route: Route) -> list[str]:
    return [name for name in route.fields if name != "form_key"]


def test_the_door_leads_back_only_inside(house: ConsoleHouse) -> None:
    outside = [
        "https://evil.example", "//evil.example", "/\\evil.example", "/console/\\evil", "\\\\evil.example",
        "/console//evil.example", "javascript:alert(1)", "/consoleevil", "/elsewhere", "/console/\nx",
        "http:/console/x", " /console/x", "/console/../metrics", "/console/%2e%2e/metrics",
    ]  # fmt: skip
    name, stranger = "reader@shop.example", house.stranger()
    for place in ["", *outside]:
        shown = stranger.get("/console/sign-in", params={"next": place})
        kept = next(
            one.attributes["value"] for one in elements(shown.text) if one.attributes.get("name") == "next"
        )
        answer = stranger.ask(
            "POST",
            "/console/sign-in",
            data={"name": name, "password": house.secrets["password"], "next": place},
        )
        assert answer.status_code == 303
        for led in (kept or "/console/overview", answer.headers["location"]):
            resolved = house.client.base_url.join(led)
            assert str(resolved).startswith(house.shops.url + "/console/"), (place, led)
    good = "/console/orders?q=a%26b"
    answer = stranger.ask(
        "POST", "/console/sign-in", data={"name": name, "password": house.secrets["password"], "next": good}
    )
    assert answer.headers["location"] == good


def test_a_session_known_before_is_good_for_nothing(house: ConsoleHouse) -> None:
    planted = Browser(house.client, "chosen-by-somebody-else")
    fields = {"name": "support@shop.example", "password": house.secrets["password"]}
    answer = planted.ask("POST", "/console/sign-in", data=fields)
    cookie = answer.headers["set-cookie"]
    given = re.match(r"storelink_session=([\w-]{40,});", cookie)
    assert given and given[1] != planted.cookie
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Path=/console" in cookie
    assert planted.get("/console/overview").status_code == 303
    mine, again = Browser(house.client, given[1]), planted.ask("POST", "/console/sign-in", data=fields)
    assert mine.get("/console/overview").status_code == 200 and given[1] not in again.headers["set-cookie"]
    assert mine.send("/console/sign-out").status_code == 303
    assert mine.get("/console/overview").status_code == 303


def test_nothing_is_answered_for_ever_but_the_assets(house: ConsoleHouse) -> None:
    page = elements(house.stranger().get("/console/sign-in").text)
    assets = {
        one.attributes.get("href") or one.attributes["src"] for one in page if one.name in ("link", "script")
    }
    for place in assets:
        answer = house.stranger().get(place)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    for place in (
        "/console/static/x/console.css",
        "/console/static/x/..%2fasset.py",
        "/console/static/x/y/z",
    ):
        assert house.stranger().get(place).status_code == 404
