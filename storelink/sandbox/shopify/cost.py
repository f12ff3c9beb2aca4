"""What a query costs: the model that fits the costs which a live store reported.

An object is 1, a connection `2 + g(n)·(1 + what is in it)` with `g(n) = max(1, ⌊2·ln n⌋)`, scalars, enums
and money nothing; a list of plain objects is not multiplied; a mutation is 10 and what its payload's
objects hold. An interface costs as its dearest type. https://shopify.dev/docs/api/usage/rate-limits
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    value_from_ast_untyped,
)

#: the most that one query may cost, on every plan
LIMIT = 1_000
MUTATION = 10
COUNT = 10
#: types that are part of what holds them
_FREE = frozenset(("MoneyBag", "MoneyV2", "PageInfo"))
#: fields that cost what no rule explains
_ODD = {("InventoryLevel", "quantities"): 58, ("", "__type"): 2, ("", "__schema"): 2}


def growth(size: int) -> int:
    """By how much a connection of this many multiplies what is in it."""
    return max(1, math.floor(2 * math.log(size))) if size > 1 else 1


@dataclass(frozen=True, slots=True)
class Field:
    """One selected field with what was selected of it: all selections under one response key."""

    key: str
    name: str
    type: GraphQLNamedType
    arguments: Mapping[str, Any]
    nodes: Sequence[FieldNode]


class Selected:
    """Reads selections of one operation: fragments spread, `@skip` and `@include` heeded."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None
    ) -> None:
        self.schema = schema
        self.variables = dict(variables or {})
        self._fields: dict[tuple[Any, ...], list[Field]] = {}
        self.fragments = {
            part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
        }

    def fields(self, parent: GraphQLNamedType, sets: Sequence[SelectionSetNode]) -> list[Field]:
        """What is selected of an object of this concrete type, by response key."""
        known = (parent.name, *(id(part) for part in sets))
        if known not in self._fields:
            found: dict[str, list[FieldNode]] = {}
            for part in sets:
                for node in self._spread(parent, part):
                    found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            self._fields[known] = [self._field(parent, key, nodes) for key, nodes in found.items()]
        return self._fields[known]

    def types(self, parent: GraphQLNamedType, sets: Sequence[SelectionSetNode]) -> list[GraphQLNamedType]:
        """The concrete types that these selections speak of, and one they do not: `parent` if concrete."""
        if not is_abstract_type(parent):
            return [parent]
        named = {name for part in sets for name in self._conditions(part)}
        possible = self.schema.get_possible_types(parent)
        return [kind for kind in possible if kind.name in named] or list(possible[:1])

    def _conditions(self, part: SelectionSetNode) -> Iterator[str]:
        for node in part.selections:
            if isinstance(node, FieldNode):
                continue
            inner, condition = self._inside(node)
            if condition is not None:
                yield from self._concrete(condition)
            yield from self._conditions(inner)

    def _concrete(self, name: str) -> Iterator[str]:
        kind = self.schema.get_type(name)
        if kind is not None and is_abstract_type(kind):
            return  # its own fragments name the types
        yield name

    def _inside(self, node: Any) -> tuple[SelectionSetNode, str | None]:
        if isinstance(node, FragmentSpreadNode):
            fragment = self.fragments[node.name.value]
            return fragment.selection_set, fragment.type_condition.name.value
        assert isinstance(node, InlineFragmentNode)
        condition = node.type_condition.name.value if node.type_condition else None
        return node.selection_set, condition

    def _spread(self, parent: GraphQLNamedType, part: SelectionSetNode) -> Iterator[FieldNode]:
        for node in part.selections:
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
                continue
            inner, condition = self._inside(node)
            if condition is None or self._is(parent, condition):
                yield from self._spread(parent, inner)

    def _is(self, parent: GraphQLNamedType, condition: str) -> bool:
        kind = self.schema.get_type(condition)
        if kind is parent:
            return True
        if kind is None or not is_abstract_type(kind) or not isinstance(parent, GraphQLObjectType):
            return False
        return self.schema.is_sub_type(kind, parent)

    def _wanted(self, node: Any) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in ("skip", "include"):
                value = value_from_ast_untyped(directive.arguments[0].value, self.variables)
                if bool(value) == (name == "skip"):
                    return False
        return True

    def _field(self, parent: GraphQLNamedType, key: str, nodes: list[FieldNode]) -> Field:
        name = nodes[0].name.value
        if name.startswith("__"):
            kind = self.schema.get_type({"__type": "__Type", "__schema": "__Schema"}.get(name, "String"))
            assert kind is not None
        else:
            assert hasattr(parent, "fields")
            kind = get_named_type(parent.fields[name].type)
        arguments = {
            part.name.value: value_from_ast_untyped(part.value, self.variables)
            for part in nodes[0].arguments or ()
        }
        return Field(key, name, kind, arguments, nodes)

    @staticmethod
    def sets(field: Field) -> list[SelectionSetNode]:
        return [node.selection_set for node in field.nodes if node.selection_set is not None]


def is_connection(kind: GraphQLNamedType) -> bool:
    return kind.name.endswith("Connection")


Size = Callable[[Field], int]


def requested(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> int:
    """What a query is admitted on: every connection as long as it may get."""
    operation = find_operation(document, operation_name)
    selected = Selected(schema, document, _with_defaults(operation, variables))
    root = schema.get_root_type(operation.operation)
    assert root is not None
    total = _inside(selected, root, [operation.selection_set], root)
    if operation.operation is OperationType.MUTATION:
        return total
    return max(1, total)


def find_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation that is asked for. Raises LookupError when that cannot be said."""
    found = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    if name:
        found = [part for part in found if part.name is not None and part.name.value == name]
    if len(found) != 1:
        raise LookupError(name or "an operation name is required")
    return found[0]


def _with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> dict[str, Any]:
    values = {
        part.variable.name.value: value_from_ast_untyped(part.default_value)
        for part in operation.variable_definitions or ()
        if part.default_value is not None
    }
    return {**values, **(variables or {})}


def _inside(
    selected: Selected, kind: GraphQLNamedType, sets: Sequence[SelectionSetNode], root: GraphQLNamedType
) -> int:
    """What the fields of an object cost; of an interface, of its dearest type."""
    return max(
        sum(_priced(selected, concrete, field, root) for field in selected.fields(concrete, sets))
        for concrete in selected.types(kind, sets)
    )


def _priced(selected: Selected, parent: GraphQLNamedType, field: Field, root: GraphQLNamedType) -> int:
    odd = _ODD.get((parent.name, field.name)) or _ODD.get(("", field.name))
    if odd is not None:
        return odd
    if is_leaf_type(field.type) or field.type.name in _FREE:
        return 0
    sets = selected.sets(field)
    if parent is root and root.name == "Mutation":
        return MUTATION + _payload(selected, field, root)
    if parent is root and field.type.name == "Count":
        return COUNT
    if is_connection(field.type):
        size = field.arguments.get("first") or field.arguments.get("last") or 1
        return 2 + growth(int(size)) * max(1, _inside(selected, field.type, sets, root))
    return _own(field.type) + _inside(selected, field.type, sets, root)


def _payload(selected: Selected, field: Field, root: GraphQLNamedType) -> int:
    """What a mutation's payload holds; its own objects are in the mutation's price."""
    return sum(
        _inside(selected, part.type, selected.sets(part), root)
        for part in selected.fields(field.type, selected.sets(field))
        if not is_leaf_type(part.type) and not is_connection(part.type)
    )


def _own(kind: GraphQLNamedType) -> int:
    return 0 if kind.name.endswith("Edge") else 1


def actual(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any] | None,
    data: Mapping[str, Any] | None,
) -> int:
    """What it turned out to cost: connections as long as they were, nothing for what was null."""
    operation = find_operation(document, operation_name)
    selected = Selected(schema, document, _with_defaults(operation, variables))
    root = schema.get_root_type(operation.operation)
    assert root is not None
    total = 0.0
    for field in selected.fields(root, [operation.selection_set]):
        value = None if data is None else data.get(field.key)
        if root.name == "Mutation":
            total += MUTATION + _held_payload(selected, field, value)
        elif field.type.name == "Count":
            total += COUNT
        else:
            total += _held(selected, root, field, value)
    return max(1, math.ceil(total - 1e-9))


def _held_payload(selected: Selected, field: Field, value: Any) -> float:
    if not isinstance(value, Mapping):
        return 0.0
    return sum(
        _held_object(selected, part.type, selected.sets(part), one)
        for part in selected.fields(field.type, selected.sets(field))
        if not is_leaf_type(part.type) and not is_connection(part.type)
        for one in _first(value.get(part.key))
    )


def _first(value: Any) -> list[Any]:
    """The object, or the dearest that stands for a list: lists are not multiplied."""
    if isinstance(value, list):
        return [part for part in value if part is not None][:1]
    return [] if value is None else [value]


def _held(selected: Selected, parent: GraphQLNamedType, field: Field, value: Any) -> float:
    odd = _ODD.get((parent.name, field.name)) or _ODD.get(("", field.name))
    if odd is not None:
        return odd
    if is_leaf_type(field.type) or field.type.name in _FREE:
        return 0.0
    sets = selected.sets(field)
    if is_connection(field.type):
        return 2.0 + (_held_connection(selected, field.type, sets, value) if value is not None else 0.0)
    kept = [part for part in value if part is not None] if isinstance(value, list) else _first(value)
    if not kept:
        return float(isinstance(value, list) and _own(field.type))
    return _own(field.type) + max(_held_object(selected, field.type, sets, part) for part in kept[:50])


def _held_connection(
    selected: Selected, kind: GraphQLNamedType, sets: Sequence[SelectionSetNode], value: Mapping[str, Any]
) -> float:
    size, inside = 1, 0.0
    for field in selected.fields(kind, sets):
        held = value.get(field.key)
        if field.name not in ("nodes", "edges") or not isinstance(held, list):
            continue
        size = max(size, len(held))
        inner = selected.sets(field)
        each = [_held_object(selected, field.type, inner, part) for part in held if part is not None]
        inside += _own(field.type) + (sum(each) / len(each) if each else 0.0)
    return growth(size) * max(1.0, inside)


def _held_object(
    selected: Selected, kind: GraphQLNamedType, sets: Sequence[SelectionSetNode], value: Mapping[str, Any]
) -> float:
    total = 0.0
    for concrete in _concrete(selected, kind, sets, value):
        total = max(
            total,
            sum(
                _held(selected, concrete, field, value.get(field.key))
                for field in selected.fields(concrete, sets)
            ),
        )
    return total


def _concrete(
    selected: Selected, kind: GraphQLNamedType, sets: Sequence[SelectionSetNode], value: Mapping[str, Any]
) -> list[GraphQLNamedType]:
    told = selected.schema.get_type(str(value.get("__typename", ""))) if is_abstract_type(kind) else None
    return [told] if told is not None else selected.types(kind, sets)
