"""The official Admin schemas, as Shopify publishes them in `@shopify/dev-mcp` (ISC licence, in `schema/`).

Each is read once per process, when first asked for: about a third of a second and 40 MB.
"""

import gc
import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from graphql import GraphQLSchema, build_client_schema

VERSIONS = ("2026-07", "2026-10")
_ROW = re.compile(r"^\|\s*([a-z0-9_.{}]+)\s*\|\s*([a-z]+)\s*\|", re.M)
_lock = threading.Lock()
_held: dict[str, "Schema"] = {}


@dataclass(frozen=True, slots=True)
class Schema:
    """One version. `fields` are the search fields that the `query` of each root names, with their type."""

    version: str
    graphql: GraphQLSchema
    fields: dict[str, dict[str, str]]
    protected: frozenset[tuple[str, str]]


def check_version(version: str) -> None:
    """Raises ValueError for a version that is not shipped."""
    if version not in VERSIONS:
        raise ValueError(f"the sandbox has no schema of {version}, only of {', '.join(VERSIONS)}")


def load_schema(version: str) -> Schema:
    """The schema of a version, the same object for all who ask. Raises ValueError for one not shipped."""
    check_version(version)
    with _lock:
        if version not in _held:
            with _no_search_for_rubbish():
                _held[version] = _read(version)
        return _held[version]


@contextmanager
def _no_search_for_rubbish() -> Iterator[None]:
    """Half a million objects are made and all of them stay: looking through them would take as long again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _read(version: str) -> Schema:
    packed = files(__package__).joinpath("schema", f"admin_{version}.json.gz").read_bytes()
    found = json.loads(gzip.decompress(packed))["data"]
    # not valid to the letter: Shopify deprecates fields whose interface's field is not deprecated
    graphql = build_client_schema(found, assume_valid=True)
    types = {part["name"]: part for part in found["__schema"]["types"]}
    fields = {root["name"]: _search_fields(root["args"]) for root in types["QueryRoot"]["fields"]}
    protected = frozenset(
        (name, field["name"])
        for name, part in types.items()
        for field in part.get("fields") or ()
        if field.get("isProtected")
    )
    return Schema(version, graphql, {name: kept for name, kept in fields.items() if kept}, protected)


def _search_fields(arguments: list[dict[str, Any]]) -> dict[str, str]:
    for argument in arguments:
        if argument["name"] == "query":
            return {name: kind for name, kind in _ROW.findall(argument["description"]) if name != "name"} | (
                {"name": "string"} if re.search(r"^\| name \| string", argument["description"], re.M) else {}
            )
    return {}
