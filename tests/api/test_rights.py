"""Every route refuses whoever may not: listed from the application, so that none can be forgotten."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from api_house import ApiHouse
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from storelink.access.role import ROLES, Right
from storelink.config import Settings
from storelink.web import api
from storelink.web.api.caller import Needs

OPEN = {"/openapi.json"}


def routes() -> list[tuple[str, str, Right | None]]:
    """(method, path, right) of every route under /v1."""
    app = api.create(type("Nothing", (), {"settings": Settings(home="/nowhere")})())  # type: ignore[arg-type]
    found = []
    for route in leaves(app.routes):
        if isinstance(route, APIRoute):
            right = next((one.right for one in needs(route.dependant)), None)
            found += [(method, route.path, right) for method in sorted(route.methods)]
        else:
            assert getattr(route, "path", "") in OPEN, route
    return found


def leaves(all_routes: Any) -> Iterator[Any]:
    for route in all_routes:
        if hasattr(route, "original_router"):  # one that was included; its routes have their whole paths
            yield from leaves(route.original_router.routes)
        else:
            yield route


def needs(dependant: Dependant) -> Iterator[Needs]:
    for one in dependant.dependencies:
        if isinstance(one.call, Needs):
            yield one.call
        yield from needs(one)


ROUTES = routes()
_MADE_UP = {"request_id": str(uuid.uuid4()), "kind": "shipping"}


def filled(path: str, **values: str) -> str:
    for name in ("store", "resource", "record_id", "variant_id", "customer_id", "order_id", "name",
                 "request_id", "kind"):  # fmt: skip
        path = path.replace("{" + name + "}", values.get(name, _MADE_UP.get(name, "1")))
    assert "{" not in path, path
    return "/v1" + path


def named(one: Any) -> str:
    return str(one)


def test_every_route_says_which_right_it_needs() -> None:
    assert len(ROUTES) > 25
    assert [one for one in ROUTES if one[2] is None] == []


def test_without_a_token_nothing_is_answered(house: ApiHouse) -> None:
    for method, path, _ in ROUTES:
        for secret in (None, "slk_wrong", "é"):
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}".encode()}
            answer = house.client.request(method, filled(path), headers=headers, json={})
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_the_right_is_refused(house: ApiHouse, role: str) -> None:
    secret = house.token(role)
    for method, path, right in ROUTES:
        assert right is not None
        answer = house.ask(method, filled(path), secret, json={})
        if right in ROLES[role]:
            assert answer.status_code not in (401, 403), (method, path, answer.text)
        else:
            assert answer.status_code == 403, (method, path)
            assert answer.json()["code"] == "role"


def test_a_store_out_of_scope_is_not_there(house: ApiHouse, stores: tuple[str, str]) -> None:
    one, two = stores
    ids = dict(_ids(house))
    secret = house.token("admin", ids[one])
    bodies = {"public_url": "https://x.example", "resources": None, "credentials": {}, "resource": "orders"}
    for method, path, _ in ROUTES:
        if "{store}" not in path:
            continue
        answer = house.ask(method, filled(path, store=two), secret, json=bodies)
        other = house.ask(method, filled(path, store="unknown"), secret, json=bodies)
        assert answer.status_code == other.status_code, (method, path, answer.text)
        assert answer.status_code in (404, 422), (method, path, answer.text)
        if answer.status_code == 422:  # the body was looked at first; nothing of the store was
            assert two not in answer.text


def test_lists_show_only_stores_within_scope(house: ApiHouse, stores: tuple[str, str]) -> None:
    one, two = stores
    ids = dict(_ids(house))
    secret = house.token("admin", ids[one])
    for path in ("/v1/orders", "/v1/products", "/v1/customers"):
        rows = house.ask("GET", path, secret, params={"limit": 250}).json()["data"]
        assert rows and {row["store"] for row in rows} == {one}
        assert house.ask("GET", path, secret, params={"store": two}).status_code == 404
    assert [row["name"] for row in house.ask("GET", "/v1/stores", secret).json()["data"]] == [one]
    seen = {row["store"] for row in house.ask("GET", "/v1/changes", secret).json()["data"]}
    assert seen <= {one}
    deeds = house.ask("GET", "/v1/audit", secret).json()["data"]
    assert {row["store"] for row in deeds} == {one}


def test_a_token_of_one_store_makes_none_for_all(house: ApiHouse, stores: tuple[str, str]) -> None:
    one, two = stores
    secret = house.token("admin", dict(_ids(house))[one])
    refused = house.ask("POST", "/v1/tokens", secret, json={"name": "x", "role": "reader"})
    assert refused.status_code == 403
    assert (
        house.ask(
            "POST", "/v1/tokens", secret, json={"name": "x", "role": "reader", "stores": [two]}
        ).status_code
        == 404
    )
    made = house.ask("POST", "/v1/tokens", secret, json={"name": "x", "role": "reader", "stores": [one]})
    assert made.status_code == 201 and made.json()["data"]["stores"] == [one]
    new = {"platform": "woocommerce", "name": "x", "store_url": "https://x.example", "credentials": {}}
    assert house.ask("POST", "/v1/stores", secret, json=new).status_code == 403


def _ids(house: ApiHouse) -> list[tuple[str, uuid.UUID]]:
    from sqlmodel import select

    from storelink.models import ConnectorConfig

    with house.database.session() as session:
        return list(session.exec(select(ConnectorConfig.name, ConnectorConfig.id)).all())


def test_the_app_is_the_one_that_serve_answers_with(house: ApiHouse) -> None:
    assert house.client.get("/v1/openapi.json").json()["paths"].keys() == {path for _, path, _ in ROUTES}
