"""Every GraphQL document is valid in both API versions and uses nothing deprecated."""

import gzip
import json
from functools import cache
from importlib import resources

import pytest
from graphql import (
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_client_schema,
    parse,
    specified_rules,
    validate,
)

from storelink.connectors.shopify import queries
from storelink.connectors.shopify.windows import Plan

VERSIONS = ("2026-07", "2026-10")
OPERATIONS = [
    name
    for name in queries.names()
    if isinstance(parse(queries.load(name)).definitions[0], OperationDefinitionNode)
]
BULK = [name for name in OPERATIONS if name in ("bulk_orders", "bulk_products", "bulk_customers")]
BULK += [name for name in OPERATIONS if name.startswith("bulk_") and name.endswith("_list")]


@cache
def schema(version: str) -> GraphQLSchema:
    """The official schema, as the sandbox ships it."""
    folder = resources.files("storelink.sandbox.shopify")
    found = [file for file in _files(folder) if file.name == f"admin_{version}.json.gz"]
    document = json.loads(gzip.decompress(found[0].read_bytes()))
    return build_client_schema(document.get("data", document), assume_valid=True)


def _files(folder):
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry)
        else:
            yield entry


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_valid_and_uses_nothing_deprecated(name: str, version: str) -> None:
    document = parse(queries.load(name))
    assert validate(schema(version), document, [*specified_rules, NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", BULK)
def test_every_bulk_query_is_valid_when_its_fragments_are_put_in(name: str, version: str) -> None:
    text = queries.inlined(name)
    assert "..." not in text
    document = parse(text)
    assert len(document.definitions) == 1
    assert validate(schema(version), document, [*specified_rules, NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", BULK)
def test_a_bulk_query_of_a_part_is_valid(name: str, version: str) -> None:
    text = queries.filtered(queries.inlined(name), "updated_at:>='2026-01-01T00:00:00Z'")
    for part in (text, *Plan(1_600_000_000, 1_790_000_000, 5).texts(queries.inlined("bulk_orders"))):
        assert part.count('s(query: "') == 1
        assert validate(schema(version), parse(part), [*specified_rules, NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("name", BULK)
def test_bulk_queries_keep_the_rules_that_no_schema_says(name: str) -> None:
    text = queries.inlined(name)
    assert " nodes " not in text
    assert "first:" not in text
    assert 1 <= text.count(" edges ") <= 5
    for node in text.split(" node {")[1:]:
        assert node.split()[0] in ("id", "__typename")


@pytest.mark.parametrize("name", BULK)
def test_fields_are_named_in_the_order_in_which_they_are_stored(name: str) -> None:
    """Sorting the keys of every record is next to no work then. The id is first, as bulk lines need it."""
    for fragment in parse(queries.load(name)).definitions[1:]:
        selected = fragment.selection_set.selections  # type: ignore[attr-defined]
        fields = [one.name.value for one in selected]
        assert fields == sorted(fields, key=lambda field: (field != "id", field))


def test_every_fragment_is_used() -> None:
    used = "\n".join(queries.load(name) for name in OPERATIONS)
    for name in set(queries.names()) - set(OPERATIONS):
        fragment = parse(queries.load(name)).definitions[0].name.value
        assert f"fragment {fragment} on" in used, name


def test_there_are_operations_of_every_kind() -> None:
    assert len(BULK) == 6
    assert len(OPERATIONS) > 20


def test_a_misspelt_field_is_found() -> None:
    text = queries.load("order_nodes").replace("displayFinancialStatus", "displayFinancalStatus")
    assert validate(schema("2026-10"), parse(text))
