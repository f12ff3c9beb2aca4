"""What may be asked for in bulk, and the shape of what comes back.

The rules and their words are those a live store was recorded with;
https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
    validate,
)

from storelink.sandbox.shopify.cost import Field, Selected, is_connection

MOST = 5
DEEPEST = 2
_NODES = (
    "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: "
    "'{first} {{ edges {{ node {{'. Selecting via 'nodes' is not supported. Invalid connection fields: {all}."
)
_IDS = (
    "The parent 'node' field for a nested connection must select the 'id' field without an alias and must "
    "be of 'ID' return type. Connection fields without 'id': {all}."
)


@dataclass(slots=True)
class Shape:
    """A connection of the query: under which key it is, how deep, and which connections its nodes have."""

    key: str
    name: str
    depth: int
    inner: dict[str, "Shape"] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """What a walk over a query came across."""

    roots: list[Shape] = field(default_factory=list)
    connections: int = 0
    deepest: int = 0
    by_nodes: list[str] = field(default_factory=list)
    without_id: list[str] = field(default_factory=list)
    in_list: bool = False
    in_object: list[str] = field(default_factory=list)
    top: list[str] = field(default_factory=list)


class NotBulk(ValueError):
    """A query that bulk operations refuse: what is wrong with it, in Shopify's words."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(messages[0])
        self.messages = list(messages)


def read_query(schema: GraphQLSchema, text: str) -> tuple[DocumentNode, Shape]:
    """The document and the shape of its one root connection. Raises `NotBulk`."""
    document = _document(schema, text)
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    if len(operations) != 1:
        raise NotBulk(["Invalid bulk query: exactly one operation is expected"])
    if operations[0].operation is not OperationType.QUERY:
        raise NotBulk(["Invalid operation type. Only `query` operations are supported."])
    if operations[0].variable_definitions:
        raise NotBulk(["Invalid bulk query: variables are not supported"])
    root = schema.query_type
    assert root is not None
    found = Found()
    selected = Selected(schema, document, {})
    _walk(selected, root, [operations[0].selection_set], found, None)
    problems = list(_problems(found))
    if problems:
        raise NotBulk(problems)
    if found.in_object or len(found.roots) != 1 or len(found.top) != 1:
        raise GraphQLError(
            "The sandbox does not know bulk queries with more than one root field, or with a connection "
            f"inside an object ({', '.join(found.in_object) or ', '.join(found.top)}).",
            extensions={"code": "NOT_IMPLEMENTED"},
        )
    return document, found.roots[0]


@lru_cache(maxsize=100)
def _document(schema: GraphQLSchema, text: str) -> DocumentNode:
    if not text.strip():
        raise NotBulk(["Invalid bulk query: syntax error, unexpected end of file"])
    try:
        document = parse(text)
    except GraphQLError as error:
        raise NotBulk([f"Invalid bulk query: {error.message}"]) from None
    errors = validate(schema, document)
    if errors:
        raise NotBulk([f"Invalid bulk query: {error.message}" for error in errors])
    return document


def _problems(found: Found) -> Iterator[str]:
    for name in ("node", "nodes"):
        if name in found.top:
            yield f"Bulk queries cannot contain a top level `{name}` field."
    if not found.connections:
        yield "Bulk queries must contain at least one connection."
    if found.by_nodes:
        names = ", ".join(f"'{name}'" for name in found.by_nodes)
        yield _NODES.format(first=found.by_nodes[0], all=names)
    if found.in_list:
        yield "Queries that contain a connection field within a list field are not currently supported."
    if found.deepest > DEEPEST:
        yield f"Bulk queries cannot contain connections with a nesting depth greater than {DEEPEST}."
    if found.connections > MOST:
        yield f"Bulk queries cannot contain more than {MOST} connections."
    if found.without_id:
        yield _IDS.format(all=", ".join(found.without_id))


def _walk(
    selected: Selected,
    parent: GraphQLNamedType,
    sets: Sequence[SelectionSetNode],
    found: Found,
    above: Shape | None,
    inside: str = "",
) -> None:
    """Note every connection under an object; `inside` is "object" or "list" below the parent's node."""
    for concrete in selected.types(parent, sets):
        for part in selected.fields(concrete, sets):
            if above is None and not inside:
                found.top.append(part.name)
            if is_leaf_type(part.type) or part.name.startswith("__"):
                continue
            if is_connection(part.type):
                _connection(selected, part, found, above, inside)
            else:
                deeper = "list" if inside == "list" or _is_list(concrete, part) else "object"
                _walk(selected, part.type, selected.sets(part), found, above, deeper)


def _is_list(parent: Any, part: Field) -> bool:
    return is_list_type(get_nullable_type(parent.fields[part.name].type))


def _connection(selected: Selected, part: Field, found: Found, above: Shape | None, inside: str) -> None:
    found.connections += 1
    depth = 0 if above is None else above.depth + 1
    found.deepest = max(found.deepest, depth)
    if inside == "list":
        found.in_list = True
    elif inside:
        found.in_object.append(part.name)
    shape = Shape(part.key, part.name, depth)
    if above is None:
        found.roots.append(shape)
    else:
        above.inner[part.key] = shape
    inner = selected.fields(part.type, selected.sets(part))
    if any(one.name == "nodes" for one in inner):
        found.by_nodes.append(part.name)
    for edges in inner:
        for node in selected.fields(edges.type, selected.sets(edges)) if edges.name == "edges" else ():
            if node.name == "node":
                _walk(selected, node.type, selected.sets(node), found, shape)
                if shape.inner and not _has_id(selected, node):
                    found.without_id.append(part.name)


def _has_id(selected: Selected, node: Field) -> bool:
    sets = selected.sets(node)
    return all(
        any(one.key == one.name == "id" for one in selected.fields(concrete, sets))
        for concrete in selected.types(node.type, sets)
    )
