"""What stores, their customers and colleagues wrote is text on every page, and no secret is on any."""

import json
import re
from collections.abc import Iterator

import pytest
from console_house import PASSWORD, ConsoleHouse
from markup import Element, elements, unsafe

from storelink.access.role import ROLES

BAIT = "zqbait"
HOSTILE = (
    f"</td></script></textarea></title><{BAIT}-tag {BAIT}-one=1><script>{BAIT}()</script>"
    f"\" {BAIT}-two=\"1' {BAIT}-three='1 onmouseover={BAIT}() javascript:{BAIT}() {{{{7*7}}}} &lt;b&gt;"
    " <!-- ]]>"
)
"""Tries to leave whatever it stands in: text, an attribute of either quote, a script, a comment."""
LINK = f"javascript:{BAIT}()"

_OURS = {
    "id", "platform", "currency", "status", "stage", "kind", "resource", "phase", "digest", "reference",
    "body", "topic", "parts", "requested_role", "dedupe_key", "idempotency_key", "alarm", "financial_status",
    "fulfillment_status",
}  # fmt: skip
"""Columns with words of our own, which the code and the database hold to a list."""
_TABLES = (
    "platform_product", "platform_customer", "platform_order", "order_item", "order_refund", "refund_request",
    "address_update_request", "audit_event", "sync_run", "sync_state", "quarantined_record", "alert",
    "webhook_delivery",
)  # fmt: skip
_LINKS = ("url", "image_url")


@pytest.fixture(scope="module")
def soiled(house: ConsoleHouse) -> list[str]:
    """The pages of a house whose tables are full of markup, wherever stores and people may write."""
    house.shops.do(
        "INSERT INTO quarantined_record (connector_id, resource, external_id, payload, error, seen,"
        " first_seen_at, last_seen_at)"
        " SELECT id, 'orders', '77', CAST(:payload AS jsonb), :words, 1, now(), now() FROM connector_config",
        payload=f'{{"id": 77, "note": {_json(HOSTILE)}}}', words=HOSTILE,
    )  # fmt: skip
    house.shops.do(
        "INSERT INTO alert (connector_id, kind, words, opened_at, attempts)"
        " SELECT id, 'store_down', :words, now(), 0 FROM connector_config",
        words=HOSTILE,
    )
    count = 0
    for table in _TABLES:
        for column, kind in _columns(house, table):
            if kind == "text" and column not in _OURS and not column.endswith("_id"):
                words = LINK if column in _LINKS else HOSTILE
                house.shops.do(f"UPDATE {table} SET {column} = :words", words=words)
                count += 1
            elif kind == "jsonb" and column not in ("cursor", "wish", "plan", "seen", "response"):
                _soil(house, table, column)
                count += 1
    house.shops.do(
        "UPDATE console_user SET full_name = :words WHERE name = 'admin@shop.example'", words=HOSTILE
    )
    assert count > 30
    return house.pages()


def _columns(house: ConsoleHouse, table: str) -> list[tuple[str, str]]:
    return [
        (name, kind) for name, kind in house.shops.rows(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = :name",
            name=table,
        )
    ]  # fmt: skip


def _soil(house: ConsoleHouse, table: str, column: str) -> None:
    """Every string of the JSON that is not an id, a code, money or a time becomes markup."""
    where = f"WHERE {column} IS NOT NULL AND jsonb_typeof({column}) IN ('object', 'array')"
    for key, value in house.shops.rows(f"SELECT ctid::text, {column} FROM {table} {where}"):
        house.shops.do(
            f"UPDATE {table} SET {column} = CAST(:value AS jsonb) WHERE ctid = CAST(:key AS tid)",
            value=_json(_soiled(value)), key=key,
        )  # fmt: skip


def _soiled(value: object, key: str = "") -> object:
    if isinstance(value, dict):
        return {name: _soiled(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_soiled(one, key) for one in value]
    if isinstance(value, str) and value and not re.fullmatch(r"[\d.:TZ+-]*|gid:.*|[A-Z_]{2,}", value):
        return LINK if key.lower().endswith("url") else HOSTILE
    return value


def _json(value: object) -> str:
    return json.dumps(value)


def test_nothing_of_it_becomes_an_element_or_an_attribute(house: ConsoleHouse, soiled: list[str]) -> None:
    who, shown = house.sign_in("admin"), set()
    for place in soiled:
        for headers in ({}, {"HX-Request": "true"}):
            answer = who.get(place, headers=headers)
            assert answer.status_code < 500, (place, answer.text[:300])
            if BAIT in answer.text:
                shown.add(re.sub(r"[0-9a-f-]{36}|\d+", "#", place))
            if answer.headers["content-type"] == "text/csv; charset=utf-8":  # a file, and no browser's page
                assert answer.headers["content-disposition"].startswith("attachment;"), place
                assert answer.headers["x-content-type-options"] == "nosniff", place
                continue
            assert list(caught(elements(answer.text))) == [], place
            assert unsafe(answer.text) == [], place
    for page in ("orders", "orders/fjord-wool/#", "catalog/fjord-wool/#", "customers", "requests", "audit",
                 "people", "overview", "stores/fjord-wool", "approvals"):  # fmt: skip
        assert f"/console/{page}" in shown, (page, sorted(shown))  # or this test looks at nothing


def caught(found: list[Element]) -> Iterator[str]:
    """The bait where a browser would act on it: names of elements and attributes, scripts, places to go."""
    for one in found:
        if BAIT in one.name or BAIT in one.text:
            yield one.name
        for name, value in one.attributes.items():
            if BAIT in name or (name.startswith("hx-") and BAIT in value):
                yield f"{one.name} {name}"
            if name in ("id", "class", "for", "target", "rel") and BAIT in value:
                yield f"{one.name} {name}={value}"


def test_bait_is_caught_where_it_is_not_escaped() -> None:
    page = f'<p title="{HOSTILE}">{HOSTILE}</p><a href="{LINK}">x</a>'
    assert list(caught(elements(page))) and unsafe(page)


def test_no_page_of_any_role_shows_a_secret(house: ConsoleHouse) -> None:
    sealed = [
        str(one) for row in house.shops.rows(
            "SELECT api_key, secret, credentials, webhook_secrets FROM connector_config"
        )
        for one in row if one
    ]  # fmt: skip
    digests = [
        bytes(one).hex()
        for (one,) in house.shops.rows(
            "SELECT digest FROM api_token UNION SELECT digest FROM console_session"
        )
    ]
    assert len(house.secrets) > 9 and all(house.secrets.values()) and len(sealed) >= 4
    for role in ROLES:
        who = house.sign_in(role)
        known = [*house.secrets.values(), *sealed, *digests, who.cookie]
        for place in house.pages():
            text = who.get(place).text
            assert [one for one in known if one in text] == [], (role, place)
            assert "$argon2" not in text and "slk_" not in text.replace("slk_…", ""), (role, place)


def test_what_is_made_is_shown_once(house: ConsoleHouse) -> None:
    who = house.sign_in("admin")
    made = who.send("/console/people/tokens", token_name="once", token_role="reader", days="30").text
    (secret,) = re.findall(r"slk_[\w-]{40,}", made)
    link = who.send(
        "/console/people/accounts", name="once@shop.example", role="reader", full_name="Once"
    ).text
    (key,) = re.findall(r"welcome\?key=([\w-]{40,})", link)
    for place in ("/console/people", "/console/audit"):
        text = who.get(place).text
        assert secret not in text and key not in text and PASSWORD not in text


def test_a_refused_form_says_no_secret_back(house: ConsoleHouse) -> None:
    """What was typed into a field for a secret does not come back in the page that says it was wrong."""
    who, typed = house.sign_in("admin"), "ck_typed_by_mistake_0123456789"
    place = f"/console/stores/{house.woo.name}/keys"
    answer = who.send(place, auth_mode="keys", consumer_key=typed, consumer_secret=typed)
    assert answer.status_code in (422, 404) and typed not in answer.text
    door = house.stranger().ask("POST", "/console/sign-in", data={"name": "x", "password": typed})
    assert door.status_code == 403 and typed not in door.text


LIGHT = 200_000
"""Bytes of a page and everything that it asks for."""


def test_no_page_is_heavy(house: ConsoleHouse) -> None:
    who, weights, heavy = house.sign_in("admin"), {}, {}
    for place in house.pages():
        page = who.get(place)
        sizes = len(page.content)
        for one in elements(page.text):
            found = one.attributes.get("src") if one.name in ("script", "img") else None
            if one.name == "link":
                found = one.attributes.get("href")
            if found and found.startswith("/console/static/"):
                weights.setdefault(found, len(who.get(found).content))
                sizes += weights[found]
        if sizes >= LIGHT:
            heavy[place] = sizes
    assert heavy == {} and len(weights) >= 4
