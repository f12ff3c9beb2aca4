"""The Admin API's graph: the official schema, executed by graphql-core over a store.

A field is answered by a function of `fields` or `roots`, or by the value of that name in its
document. A field that has neither is refused with NOT_IMPLEMENTED, never answered with null.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    execute_sync,
    get_named_type,
)
from graphql.execution import get_argument_values, get_variable_values
from graphql.pyutils import Path

from storelink.sandbox.shopify import access
from storelink.sandbox.shopify.amounts import bag, fixed
from storelink.sandbox.shopify.checking import operation_of, read_document, variable_errors
from storelink.sandbox.shopify.context import SIXTY_DAYS, Ask, Context, Run
from storelink.sandbox.shopify.fields import FIELDS
from storelink.sandbox.shopify.idempotency import key_of
from storelink.sandbox.shopify.ids import gid
from storelink.sandbox.shopify.parts import Page
from storelink.sandbox.shopify.refusal import not_implemented
from storelink.sandbox.shopify.roots import ROOTS
from storelink.sandbox.shopify.schema import Schema, check_version, load_schema
from storelink.sandbox.shopify.store import Store
from storelink.sandbox.shopify.swift import Swift, swiftly

Doc = dict[str, Any]
Info = GraphQLResolveInfo[Any]
Plan = Callable[[Run, Any, Info, Mapping[str, Any]], Any]
#: a field of another part of the sandbox: (context, arguments) → a document with GraphQL's names
Extra = Callable[[Context, Mapping[str, Any]], Any]
#: a mutation that must come with an idempotency key: (context, arguments, key) → the same
Keyed = Callable[[Context, Mapping[str, Any], str], Any]
_GONE = object()


class Graph:
    """One API version of a shop. `mutations` and `roots` are where other parts add their fields,
    `keyed` those mutations that must have an idempotency key.

    Documents that those answer have `__typename` where the type is not certain; a value that is a
    function is called with the field's arguments. `finders` find other nodes by their global id.
    """

    def __init__(self, store: Store, version: str) -> None:
        self.store = store
        self.version = version
        check_version(version)
        self.mutations: dict[str, Extra] = {}
        self.keyed: dict[str, Keyed] = {}
        self.roots: dict[str, Extra] = {}
        self.finders: dict[str, Callable[[Context, str], Any]] = {}
        self._plans: dict[tuple[str, str], Plan] = {}
        self._swift: tuple[DocumentNode, Swift] | None = None

    @cached_property
    def schema(self) -> Schema:
        """The official one, read when something is asked of this version."""
        return load_schema(self.version)

    @cached_property
    def node_types(self) -> frozenset[str]:
        """The types that have a global id."""
        node = self.schema.graphql.type_map["Node"]
        return frozenset(kind.name for kind in self.schema.graphql.get_possible_types(node))  # type: ignore[arg-type]

    def validate(self, text: str) -> list[Doc] | DocumentNode:
        """The document, or the errors it would be answered with."""
        return read_document(self.schema.graphql, text)

    def execute(
        self,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
        context: Context,
    ) -> Doc:
        """Answer a validated document: data, errors, and extensions where there is a search warning."""
        with self.store.lock:
            return self._execute(document, operation_name, dict(variables or {}), context)

    def _execute(
        self, document: DocumentNode, operation_name: str | None, variables: Doc, context: Context
    ) -> Doc:
        operation = operation_of(document, operation_name)
        if not isinstance(operation, OperationDefinitionNode):
            return {"errors": operation}
        errors = variable_errors(self.schema.graphql, operation, variables)
        if errors:
            return {"errors": errors}
        if context.only is not None and not variables:
            data = swiftly(self, document, operation, self._run(context, operation))
            if data is not None:
                return {"data": data}
        run = self._run(context, operation)
        result = execute_sync(
            self.schema.graphql,
            document,
            context_value=run,
            variable_values=variables,
            operation_name=operation_name,
            field_resolver=self._resolve,
            type_resolver=_type_of,
        )
        answer: Doc = {"data": result.data}
        if result.errors:
            answer["errors"] = [shown(error) for error in result.errors]
        if run.searches:
            answer["extensions"] = {"search": run.searches}
        return answer

    def root_ids(self, document: DocumentNode, context: Context) -> tuple[str, list[int]]:
        """Response name of the one root connection of a query, and the ids of all that it lists.

        With `Context.only` set to a slice of them, `execute` serves just these: how a bulk operation
        goes through a shop of any size. Raises GraphQLError as `execute` would answer it.
        """
        with self.store.lock:
            operation = operation_of(document, None)
            assert isinstance(operation, OperationDefinitionNode)
            field = next(node for node in operation.selection_set.selections if isinstance(node, FieldNode))
            root = self.schema.graphql.query_type
            assert root is not None
            variables = get_variable_values(self.schema.graphql, operation.variable_definitions or (), {})
            definition = root.fields[field.name.value]
            args = get_argument_values(definition, field, variables)  # type: ignore[arg-type]
            name = field.alias.value if field.alias else field.name.value
            kind = access.entered(root.name, field.name.value, definition)
            if kind is not None:
                access.check(context, kind, field.name.value)
            run = self._run(context, operation)
            page = ROOTS[field.name.value](Ask(run, None, Path(None, name, root.name), args))
            assert isinstance(page, Page)
            return name, [item.id for item in page.items]

    def _run(self, context: Context, operation: OperationDefinitionNode) -> Run:
        oldest = 0 if context.all_orders else self.store.clock.stamp() - SIXTY_DAYS
        asked = [
            node.name.value for node in operation.selection_set.selections if isinstance(node, FieldNode)
        ]
        return Run(self, context, oldest, len(operation.selection_set.selections), asked == ["product"])

    def find_other(self, run: Run, kind: str, text: str) -> Any:
        """A node that another part of the sandbox keeps."""
        if kind not in self.finders:
            raise not_implemented(f"how to find a {kind} by its id")
        return self.finders[kind](run.context, text)

    def _resolve(self, source: Any, info: Info, **args: Any) -> Any:
        plan = self._plans.get((info.parent_type.name, info.field_name))
        if plan is None:
            plan = self.plan_of(info.parent_type, info.field_name)
        return plan(info.context, source, info, args)

    def plan_of(self, kind: GraphQLObjectType, name: str) -> Plan:
        """How a field of a type is answered, found out once."""
        key = (kind.name, name)
        if key not in self._plans:
            self._plans[key] = self._plan(kind.name, name, kind.fields[name])
        return self._plans[key]

    def worked_out(self, document: DocumentNode, operation: OperationDefinitionNode) -> Swift:
        """The operation in the form that runs fast; the last one is kept."""
        if self._swift is None or self._swift[0] is not document:
            self._swift = (document, Swift(self, document, operation))
        return self._swift[1]

    def _plan(self, parent: str, name: str, field: GraphQLField) -> Plan:
        plan = self._bare_plan(parent, name, get_named_type(field.type).name)
        kind = access.entered(parent, name, field)
        if kind is not None:
            opened, inner = kind, plan

            def plan(run: Run, source: Any, info: Info, args: Mapping[str, Any]) -> Any:
                access.check(run.context, opened, name)
                return inner(run, source, info, args)

        if (parent, name) in self.schema.protected:
            inner_plan, nothing = plan, access.redacted(field)

            def plan(run: Run, source: Any, info: Info, args: Mapping[str, Any]) -> Any:
                return inner_plan(run, source, info, args) if run.context.protected == "granted" else nothing

        return plan

    def _bare_plan(self, parent: str, name: str, kind: str) -> Plan:
        schema = self.schema.graphql
        if parent == "Mutation":
            return self._extra_plan(self.mutations, "the mutation", name)
        if schema.query_type is not None and parent == schema.query_type.name:
            return self._root_plan(name)
        special = FIELDS.get((parent, name))
        if special is None:
            return _value_plan(parent, name, kind)

        def plan(run: Run, source: Any, info: Info, args: Mapping[str, Any]) -> Any:
            value = special(Ask(run, source, info.path, args))
            return _bag(source, value, name) if kind == "MoneyBag" else value

        return plan

    def _root_plan(self, name: str) -> Plan:
        root = ROOTS.get(name)
        if root is None:
            return self._extra_plan(self.roots, "the query", name)

        def plan(run: Run, source: Any, info: Info, args: Mapping[str, Any]) -> Any:
            found = root(Ask(run, source, info.path, args))
            return _checked(run, found) if name in ("node", "nodes") else found

        return plan

    def _extra_plan(self, extras: dict[str, Extra], what: str, name: str) -> Plan:
        def plan(run: Run, _source: Any, info: Info, args: Mapping[str, Any]) -> Any:
            if extras is self.mutations and name in self.keyed:
                return self.keyed[name](run.context, args, key_of(self.schema.graphql, info))
            if name not in extras:
                raise not_implemented(f"{what} {name}")
            return extras[name](run.context, args)

        return plan


def _value_plan(parent: str, name: str, kind: str) -> Plan:
    """The value of this name in the document, written as the field's type is."""

    def plan(run: Run, source: Any, _info: Info, args: Mapping[str, Any]) -> Any:
        if isinstance(source, Page):
            return _of_page(source, parent, name)
        value = source.get(name, _GONE)
        if value is _GONE:
            raise not_implemented(f"{parent}.{name}")
        if type(value) is int:
            if kind == "MoneyBag":
                return _bag(source, value, name)
            if kind == "ID":
                return gid(parent, value)
            if kind == "Money":
                return fixed(value, run.graph.store.site.currency)
        elif callable(value):
            return value(**args)
        return value

    return plan


def _bag(source: Any, minor: int | None, name: str) -> Doc | None:
    """`_shown` of a document has presentment amounts that do not follow from the rate."""
    if minor is None:
        return None
    order = getattr(source, "owner", source)
    shown = source.get("_shown")
    other = shown.get(name) if shown else None
    return bag(minor, order["currencyCode"], order["presentmentCurrencyCode"], order["_rate"], other)


def _of_page(page: Page, parent: str, name: str) -> Any:
    if name == "nodes":
        return page.nodes()
    if name == "edges":
        return page.edges()
    if name == "pageInfo":
        return page.info()
    raise not_implemented(f"{parent}.{name}")


def _checked(run: Run, found: Any) -> Any:
    if isinstance(found, list):
        return [access.check_node(run.context, node) for node in found]
    return access.check_node(run.context, found)


def _type_of(value: Any, _info: Info, _kind: Any) -> str:
    return str(value["__typename"])


def shown(error: GraphQLError) -> Doc:
    """An error as it is answered. A fault of the sandbox's own is raised, not shown."""
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    return dict(error.formatted)
