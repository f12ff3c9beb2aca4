"""What the API answers is what its OpenAPI document says, whatever it is asked."""

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
import requests
import schemathesis
from api_house import ApiHouse
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from webhook_house import register

from storelink.config import Settings
from storelink.sandbox.running import start
from storelink.web import api

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


@pytest.fixture
def admin(house: ApiHouse) -> Iterator[str]:
    """A token that may do all, and a store to do it to."""
    with start(4, 2, 2) as store:
        register(house.shops, "woocommerce", store, name="shop")
        yield house.token("admin")


def test_answers_are_as_described(house: ApiHouse, admin: str, scale: Callable[[int, int], int]) -> None:
    """A few examples of each operation; `make soak` asks a hundred."""
    document = schemathesis.openapi.from_url(f"{house.shops.url}/v1/openapi.json")
    answered: dict[str, set[int]] = {}
    orders = [one for (one,) in house.shops.rows("SELECT order_id FROM platform_order")]
    known = {"store": ["shop"], "order_id": orders, "resource": ["orders"]}
    operations = [found.ok() for found in document.get_all_operations()]
    with requests.Session() as session:
        for operation in sorted(operations, key=lambda one: one.label.startswith("DELETE")):

            @settings(
                max_examples=scale(3 if operation.label.startswith("GET") else 2, 100), deadline=None,
                derandomize=True, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy(), chance=strategies.randoms(use_true_random=False))
            def ask(case: schemathesis.Case, chance: Any) -> None:
                for name in known.keys() & case.path_parameters.keys():  # nobody makes these up
                    if chance.random() < 0.7:
                        case.path_parameters[name] = chance.choice(known[name])
                if case.query and isinstance(case.query.get("wait"), int | float):
                    case.query["wait"] = min(case.query["wait"], 0.2)  # half a minute of nothing
                answer = case.call_and_validate(
                    headers={"Authorization": f"Bearer {admin}"}, checks=CHECKS, session=session
                )
                answered.setdefault(case.operation.label, set()).add(answer.status_code)

            ask()
    assert len(answered) > 40
    done = [label for label, statuses in answered.items() if min(statuses) < 300]
    assert len(done) > len(answered) // 2, answered


def _document() -> dict[str, Any]:
    app = api.create(type("Nothing", (), {"settings": Settings(home="/nowhere")})())  # type: ignore[arg-type]
    return app.openapi()


def test_every_operation_has_examples_that_fit_it() -> None:
    document, looked = _document(), 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            bodies = list(operation.get("requestBody", {}).get("content", {}).values())
            for status, response in operation["responses"].items():
                assert response["description"]
                if status.startswith("2"):
                    bodies += response.get("content", {}).values()
                    assert "RateLimit-Remaining" in response["headers"], (method, path)
            for media in bodies:
                schema = {**media["schema"], "components": document["components"]}
                jsonschema_rs.Draft202012Validator(schema).validate(media["example"])
                looked += 1
            if "requestBody" in operation:
                assert {"413", "415"} <= operation["responses"].keys(), (method, path)
    assert looked > 50
