"""A faster way through a large query that is known to be valid, for bulk operations.

graphql-core looks at every field of every record anew; here a query is worked out once and then run
over the records. The fields are answered by the very same plans. Whatever goes wrong goes wrong as an
exception, upon which the graph executes the query with graphql-core, whose errors count.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution import get_argument_values, get_variable_values
from graphql.pyutils import Path

from storelink.sandbox.shopify.context import Run

if TYPE_CHECKING:
    from storelink.sandbox.shopify.graph import Graph

Make = Callable[[Run, Any], Any]


class NotSwift(Exception):
    """The query, or an answer, needs graphql-core."""


class Swift:
    """One operation, worked out."""

    def __init__(self, graph: "Graph", document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._graph = graph
        self._schema = graph.schema.graphql
        self._fragments = {
            part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
        }
        self._variables: Any = get_variable_values(self._schema, operation.variable_definitions or (), {})
        root = self._schema.query_type
        if root is None or isinstance(self._variables, list):
            raise NotSwift
        self._make = self._object(root, [operation.selection_set])

    def run(self, run: Run) -> Any:
        """The data of the answer. Raises NotSwift, or whatever a field raised."""
        return self._make(run, None)

    def _collect(
        self, kind: GraphQLObjectType, selections: SelectionSetNode
    ) -> Iterator[tuple[str, FieldNode]]:
        for node in selections.selections:
            if node.directives:
                raise NotSwift
            if isinstance(node, FieldNode):
                yield (node.alias or node.name).value, node
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                if self._fits(kind, fragment.type_condition.name.value):
                    yield from self._collect(kind, fragment.selection_set)
            elif isinstance(node, InlineFragmentNode) and (
                node.type_condition is None or self._fits(kind, node.type_condition.name.value)
            ):
                yield from self._collect(kind, node.selection_set)

    def _fits(self, kind: GraphQLObjectType, name: str) -> bool:
        wanted = self._schema.type_map[name]
        return wanted is kind or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, kind))

    def _object(self, kind: GraphQLObjectType, sets: list[SelectionSetNode]) -> Make:
        fields: dict[str, list[FieldNode]] = {}
        for selections in sets:
            for key, node in self._collect(kind, selections):
                fields.setdefault(key, []).append(node)
        steps = [self._step(kind, key, nodes) for key, nodes in fields.items()]

        def make(run: Run, source: Any) -> dict[str, Any]:
            made = {}
            for key, plan, info, args, complete in steps:
                value = plan(run, source, info, args)
                made[key] = value if value is None or complete is None else complete(run, value)
            return made

        return make

    def _step(self, kind: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Any:
        name = nodes[0].name.value
        if name == "__typename":
            return key, lambda *_: kind.name, None, None, None
        definition = kind.fields[name]
        args = get_argument_values(definition, nodes[0], self._variables)
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        info = _Info(kind, Path(None, key, kind.name))
        return key, self._graph.plan_of(kind, name), info, args, self._completer(definition.type, sets)

    def _completer(self, kind: Any, sets: list[SelectionSetNode]) -> Make | None:
        if is_non_null_type(kind):
            return self._completer(kind.of_type, sets)
        if is_list_type(kind):
            inner = self._completer(kind.of_type, sets)
            return None if inner is None else _each(inner)
        if is_leaf_type(kind):
            return None
        if is_abstract_type(kind):
            return self._one_of(sets)
        made = get_named_type(kind)
        assert isinstance(made, GraphQLObjectType)
        return self._object(made, sets)

    def _one_of(self, sets: list[SelectionSetNode]) -> Make:
        ready: dict[str, Make] = {}

        def make(run: Run, source: Any) -> Any:
            name = source["__typename"]
            if name not in ready:
                kind = self._schema.type_map[name]
                assert isinstance(kind, GraphQLObjectType)
                ready[name] = self._object(kind, sets)
            return ready[name](run, source)

        return make


class _Info:
    """The little that plans read of graphql-core's info."""

    __slots__ = ("parent_type", "path")

    def __init__(self, parent_type: GraphQLObjectType, path: Path) -> None:
        self.parent_type = parent_type
        self.path = path


def _each(inner: Make) -> Make:
    def make(run: Run, values: Any) -> list[Any]:
        return [None if value is None else inner(run, value) for value in values]

    return make


def swiftly(
    graph: "Graph", document: DocumentNode, operation: OperationDefinitionNode, run: Run
) -> Mapping[str, Any] | None:
    """The data, or None where graphql-core has to say what is wrong."""
    try:
        found: Mapping[str, Any] = graph.worked_out(document, operation).run(run)
    except Exception:  # whatever it is, the slow way finds out and says it in Shopify's shape
        return None
    return found if not run.searches else None
