"""docs/api.md against the OpenAPI document: each endpoint, parameter and field that it names is there."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from documents import page

from storelink.access.role import ROLES
from storelink.config import Settings
from storelink.web import api
from storelink.web.api import records
from storelink.web.services import Services

PAGE = page("docs/api.md")


def openapi() -> dict[str, Any]:
    """What `/v1/openapi.json` answers."""
    nothing: Any = None
    services = Services(Settings(), nothing, nothing, lambda: True)
    return cast(dict[str, Any], api.create(services).openapi())


DOCUMENT = openapi()
ENDPOINTS = {
    (method.upper(), path): entry
    for path, all_ in DOCUMENT["paths"].items()
    for method, entry in all_.items()
}


def calls() -> Iterator[tuple[str, str, dict[str, str], Any]]:
    """(method, URL, headers, body) of each curl on the page."""
    for block in re.findall(r"^( *)```sh\n(.*?)^\1```", PAGE.text, re.M | re.S):
        words = shlex.split(block[1].replace("\\\n", " "))
        assert words[0] == "curl", block
        method, url, headers, body = "GET", "", {}, None
        at = iter(words[1:])
        for word in at:
            if word == "-X":
                method = next(at)
            elif word == "-H":
                name, _, value = next(at).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = json.loads(next(at))
            else:
                url = word
        yield method, url, headers, body


def endpoint(method: str, path: str) -> dict[str, Any]:
    """The one that answers there. Fails if there is none."""
    assert path.startswith("/v1/"), path
    for (known, template), entry in ENDPOINTS.items():
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path[3:]):
            return cast(dict[str, Any], entry)
    raise AssertionError(f"there is no {method} {path}")


def schema(of: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed."""
    if "$ref" in of:
        return cast(dict[str, Any], DOCUMENT["components"]["schemas"][of["$ref"].rpartition("/")[2]])
    return of


def fit(value: Any, shape: dict[str, Any], place: str) -> None:
    """Every name in `value` is one of the schema's."""
    shape = schema(shape)
    if isinstance(value, list) and "items" in shape:
        for one in value:
            fit(one, shape["items"], f"{place}[]")
    if isinstance(value, dict) and "properties" in shape:
        for name, inner in value.items():
            assert name in shape["properties"], f"{place}.{name}"
            fit(inner, shape["properties"][name], f"{place}.{name}")


CALLS = list(calls())


def test_the_table_is_every_endpoint() -> None:
    told = {tuple(row[0].strip("`").split()) for row in PAGE.rows("endpoint")}
    assert told == {(method, f"/v1{path}") for method, path in ENDPOINTS}


@pytest.mark.parametrize("method, url, headers, body", CALLS, ids=[call[1] for call in CALLS])
def test_a_call_can_be_made(method: str, url: str, headers: dict[str, str], body: Any) -> None:
    parts = urlsplit(url)
    entry = endpoint(method, parts.path)
    assert headers.pop("Authorization") == "Bearer $TOKEN"
    headers.pop("Content-Type", None)
    known = {one["name"]: one["in"] for one in entry.get("parameters", [])}
    assert {name for name in parse_qs(parts.query) if known.get(name) != "query"} == set()
    assert {name for name in headers if known.get(name.lower()) != "header"} == set()
    if body is None:
        assert "requestBody" not in entry
    else:
        shape = schema(entry["requestBody"]["content"]["application/json"]["schema"])
        fit(body, shape, url)
        assert set(shape.get("required", ())) <= set(body)


def test_every_answer_has_the_fields_that_are_shown() -> None:
    shown = [json.loads(block) for block in re.findall(r"^ *```json\n(.*?)^ *```", PAGE.text, re.M | re.S)]
    names = ["ProblemDocument", "Page", "Changes", "Refund"]
    assert len(shown) == len(names)
    for value, name in zip(shown, names, strict=True):
        fit(value, DOCUMENT["components"]["schemas"][name], name)
    assert set(shown[1]["data"][0]) - {"store"} <= set(records.ORDERS.columns)


def test_fields_asked_for_are_columns() -> None:
    asked = [name for _, url, *_ in CALLS for one in parse_qs(urlsplit(url).query).get("fields", [])
             for name in one.split(",")]  # fmt: skip
    assert asked
    assert set(asked) <= set(records.ORDERS.columns)


def test_names_in_the_text_are_names_of_the_document() -> None:
    every = {
        *(name for one in DOCUMENT["components"]["schemas"].values() for name in one.get("properties", {})),
        *(p["name"] for entry in ENDPOINTS.values() for p in entry.get("parameters", [])),
        *records.ORDERS.columns, *ROLES, "items", "refunds", "refusals", "shipping", "billing",
    }  # fmt: skip
    stages = DOCUMENT["components"]["schemas"]["Refund"]["properties"]["stage"]["description"]
    for span in PAGE.spans:
        if re.fullmatch(r"[a-z]+(_[a-z]+)*", span) and span not in every:
            assert span in stages, span
    assert {row[0].strip("`") for row in PAGE.rows("`stage`")} == set(re.findall(r"\w+_?\w+", stages)) - {
        "or"
    }


def test_roles_are_those_that_there_are() -> None:
    assert [row[0].strip("`") for row in PAGE.rows("role")] == list(ROLES)


def test_every_refusal_is_explained() -> None:
    told = {row[0] for row in PAGE.rows("status")}
    made = {code for entry in ENDPOINTS.values() for code in entry["responses"] if not code.startswith("2")}
    assert told == made
