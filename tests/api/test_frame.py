"""What holds for every request: problems whatever goes wrong, bodies, HEAD, rates, states and pages."""

import base64
import json
from typing import Any

import httpx
import pytest
from api_house import ApiHouse

from storelink.sync.held import counts_of


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == code and document["status"] == status and document["title"]
    return document


def test_whatever_goes_wrong_has_one_form(house: ApiHouse) -> None:
    ops = house.token("ops")
    problem(house.ask("GET", "/v1/nothing", ops), 404, "not_found")
    problem(house.ask("GET", "/v1/stores/x/y/z"), 404, "not_found")
    wrong = house.ask("DELETE", "/v1/orders", ops)
    problem(wrong, 405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
    long = {"platform": "x" * 2_000_000}
    problem(house.ask("POST", "/v1/stores", ops, json=long), 413, "too_large")
    parts = (b"x" * 100_000 for _ in range(20))  # nothing says how long it is
    kind = {"Content-Type": "application/json"}
    problem(house.ask("POST", "/v1/stores", ops, content=parts, headers=kind), 413, "too_large")
    form = house.ask("POST", "/v1/stores", ops, data={"platform": "woocommerce"})
    problem(form, 415, "media_type")
    problem(house.ask("POST", "/v1/stores", ops, content=b"{", headers=kind), 422, "invalid")
    found = problem(house.ask("POST", "/v1/stores", ops, json={"platform": 1}), 422, "invalid")
    assert {"platform", "name"} <= {one["field"] for one in found["errors"]}


def test_head_is_get_without_the_body(house: ApiHouse) -> None:
    reader = house.token("reader")
    whole, head = (house.ask(method, "/v1/stores", reader) for method in ("GET", "HEAD"))
    assert head.status_code == whole.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert house.ask("HEAD", "/v1/stores").status_code == 401
    assert house.ask("HEAD", "/v1/nothing", reader).status_code == 404


def test_answers_say_how_many_are_left(house: ApiHouse) -> None:
    reader = house.token("reader")
    first, second = (house.ask("GET", "/v1/stores", reader).headers for _ in range(2))
    assert int(first["ratelimit-limit"]) - int(first["ratelimit-remaining"]) == 1
    assert int(second["ratelimit-remaining"]) == int(first["ratelimit-remaining"]) - 1
    assert 0 < int(second["ratelimit-reset"]) <= 60


def test_pages_records_and_quarantine(house: ApiHouse, stores: tuple[str, str]) -> None:
    """One walk: registering two stores takes longer than all of it."""
    _a_store_is_changed_by_who_saw_it(house, stores[0])
    _pages_go_on_where_they_ended(house)
    _tampered_cursors(house, stores[0])
    _set_aside(house, stores[0])
    _ledger_and_runs(house, stores[0])
    _states_as_filters(house)


def _a_store_is_changed_by_who_saw_it(house: ApiHouse, store: str) -> None:
    ops, where = house.token("ops"), f"/v1/stores/{store}"
    problem(house.ask("PATCH", where, ops, json={"interval": 60}), 428, "if_match")
    keys = {"credentials": {"consumer_key": "ck_", "consumer_secret": "cs_"}}
    problem(house.ask("PUT", f"{where}/credentials", ops, json=keys), 428, "if_match")
    tag = house.ask("GET", where, ops).headers["etag"]
    for given, status in (('"other"', 412), (f'"other", {tag}', 200), (tag, 412), ("*", 200)):
        answer = house.ask("PATCH", where, ops, json={"interval": 60 + status}, headers={"If-Match": given})
        assert answer.status_code == status, (given, answer.text)


def _pages_go_on_where_they_ended(house: ApiHouse) -> None:
    reader = house.token("reader")
    first = house.ask("GET", "/v1/orders", reader, params={"limit": 5}).json()
    newest = first["data"][0]
    house.shops.do(
        "INSERT INTO platform_order (connector_id, order_id, platform, order_number, status, total_amount,"
        " refunded_amount, current_total_amount, currency, line_items, metadata, created_at, synced_at)"
        " SELECT connector_id, '999999', platform, '999999', status, 1, 0, 1, currency, '[]', '{}',"
        " created_at + interval '1 day', now() FROM platform_order WHERE order_id = :id",
        id=newest["order_id"],
    )
    seen, after = [row["order_id"] for row in first["data"]], first["next"]
    while after:
        page = house.ask("GET", "/v1/orders", reader, params={"limit": 5, "after": after}).json()
        seen += [row["order_id"] for row in page["data"]]
        after = page["next"]
    held = house.shops.one("SELECT count(*) FROM platform_order WHERE deleted_at IS NULL")
    new = house.shops.one("SELECT count(*) FROM platform_order WHERE order_id = '999999'")
    assert len(seen) == held - new and "999999" not in seen


def _tampered_cursors(house: ApiHouse, store: str) -> None:
    ops = house.token("ops")
    good = house.ask("GET", "/v1/orders", ops, params={"limit": 1}).json()["next"]
    values = json.loads(base64.urlsafe_b64decode(good + "=="))
    for where in ("/v1/orders", "/v1/products", "/v1/refunds", "/v1/address-changes",
                  f"/v1/stores/{store}/runs", f"/v1/stores/{store}/quarantine"):  # fmt: skip
        for bad in ("", "é", good[:-3], good + "A", "e30", "W10", "bnVsbA", _packed([*values, 1]),
                    _packed(["9999-99-99", *values[1:]]), _packed([None, None, None])):  # fmt: skip
            answer = house.ask("GET", where, ops, params={"after": bad})
            assert answer.status_code in (200, 422), (where, bad, answer.text)
            if answer.status_code == 422:
                assert answer.headers["content-type"] == "application/problem+json"
        refused = house.ask("GET", where, ops, params={"after": "x"})
        assert problem(refused, 422, "after")


def _packed(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _set_aside(house: ApiHouse, store: str) -> None:
    ops, where = house.token("ops"), f"/v1/stores/{store}/quarantine"
    for at, key in enumerate(("?abc", "77", "78")):
        house.shops.do(
            "INSERT INTO quarantined_record (connector_id, resource, external_id, error, payload, seen,"
            " first_seen_at, last_seen_at) SELECT id, 'orders', :key, 'no id',"
            " CAST(:payload AS jsonb), 1, now() - :at * interval '1 second', now()"
            " FROM connector_config WHERE name = :store",
            key=key, at=at // 2, store=store, payload='{"billing": {"first_name": "Annabel"}, "total": "x"}',
        )  # fmt: skip
    first = house.ask("GET", where, ops, params={"limit": 2}).json()
    rest = house.ask("GET", where, ops, params={"limit": 2, "after": first["next"]}).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == ["77", "?abc", "78"]
    assert rest["next"] is None
    masked = house.ask("GET", f"{where}/orders/77", ops)
    assert "Annabel" not in masked.text and masked.json()["payload"]["total"] == "x"
    shown = house.ask("GET", f"{where}/orders/77", ops, params={"reveal": True})
    assert "Annabel" in shown.text
    problem(house.ask("DELETE", f"{where}/orders/77", ops), 409, "refused")
    assert house.ask("DELETE", f"{where}/orders/%3Fabc", ops).status_code == 204
    assert house.ask("GET", f"{where}/orders/%3Fabc", ops).status_code == 404
    said = house.ask("GET", "/v1/audit", ops, params={"action": "quarantine."}).json()["data"]
    assert [one["action"] for one in said] == ["quarantine.drop", "quarantine.reveal"]


def _ledger_and_runs(house: ApiHouse, store: str) -> None:
    reader = house.token("reader")
    ledger = house.ask("GET", f"/v1/stores/{store}/verify", reader).json()
    assert {one["resource"] for one in ledger["resources"]} == {"orders", "products", "customers"}
    assert not ledger["in_step"] and ledger["resources"][0]["verified_at"] is None  # never compared yet
    house.shops.do(
        "UPDATE sync_state SET last_verified_at = now(), last_drift = 0, ledger = CAST(:kept AS jsonb)"
        " WHERE connector_id = (SELECT id FROM connector_config WHERE name = :store)", store=store,
        kept='{"in_store": 25, "stale": 1, "fixed": 1, "fix": true, "differing": [["7", "stale"]]}',
    )  # fmt: skip
    ledger = house.ask("GET", f"/v1/stores/{store}/verify", reader).json()
    found = ledger["resources"][0]["found"]
    assert ledger["in_step"] and found["differing"] == [{"id": "7", "why": "stale"}] and found["stale"] == 1
    seen, after = [], None
    while True:
        params = {"limit": 1} | ({"after": after} if after else {})
        page = house.ask("GET", f"/v1/stores/{store}/runs", reader, params=params).json()
        seen += [one["id"] for one in page["data"]]
        if (after := page["next"]) is None:
            break
    assert len(seen) == len(set(seen)) == house.shops.one(
        "SELECT count(*) FROM sync_run r JOIN connector_config c ON c.id = r.connector_id"
        " WHERE c.name = :store", store=store,
    )  # fmt: skip
    kinds = house.ask("GET", f"/v1/stores/{store}/runs", reader, params={"kind": "verify"}).json()["data"]
    assert kinds == []


def _states_as_filters(house: ApiHouse) -> None:
    reader = house.token("reader")
    for column in ("financial_status", "fulfillment_status"):
        for value, count in house.shops.rows(
            f"SELECT {column}, count(*) FROM platform_order WHERE {column} IS NOT NULL"
            " AND deleted_at IS NULL GROUP BY 1"
        ):
            found = house.ask("GET", "/v1/orders", reader, params={column: value, "limit": 250}).json()[
                "data"
            ]
            assert len(found) == count and {one[column] for one in found} == {value}


@pytest.mark.parametrize("many", [True, False])
def test_counts_of_large_stores_are_kept_for_a_while(
    house: ApiHouse, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    monkeypatch.setattr("storelink.sync.held.MANY", 1 if many else 1000)
    house.shops.do(
        "INSERT INTO connector_config (id, name, platform, store_url, auth_mode, status, sync_interval,"
        " allow_http, settings) VALUES (gen_random_uuid(), 'x', 'woocommerce', 'https://x.example', 'keys',"
        " 'active', 300, false, '{}')"
    )
    add = (
        "INSERT INTO source_record (connector_id, resource, record_id, state)"
        " SELECT id, 'orders', gen_random_uuid()::text, 'held' FROM connector_config"
    )
    store = house.shops.one("SELECT id FROM connector_config")
    with house.database.session() as session:
        for _ in range(2):
            house.shops.do(add)
        assert counts_of(session, [store])[store, "orders"]["held"] == 2
        session.rollback()
        house.shops.do(add)
        assert counts_of(session, [store])[store, "orders"]["held"] == (2 if many else 3)
        session.rollback()
        monkeypatch.setattr("storelink.sync.held.KEPT", 0.0)
        assert counts_of(session, [store])[store, "orders"]["held"] == 3
