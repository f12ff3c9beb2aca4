"""A Shopify graph without a wire: a store, and questions to it."""

from dataclasses import dataclass, field
from typing import Any

from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, print_ast

from storelink.sandbox.clock import Clock
from storelink.sandbox.shop import Plan, make_shop
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.edits import Edits
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.site import Site
from storelink.sandbox.shopify.store import Store

Doc = dict[str, Any]


@dataclass
class Asker:
    """A shop of its own: `ask` raises on errors, `answer` shows them."""

    store: Store
    graph: Graph
    edits: Edits
    context: Context = field(default_factory=Context)

    def answer(self, text: str, context: Context | None = None, **variables: Any) -> Doc:
        document = self.graph.validate(text)
        assert not isinstance(document, list), document
        return self.graph.execute(document, None, variables, context or self.context)

    def ask(self, text: str, context: Context | None = None, **variables: Any) -> Any:
        answer = self.answer(text, context, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def refused(self, text: str, context: Context | None = None, **variables: Any) -> Doc:
        """The one error of an answer."""
        (error,) = self.answer(text, context, **variables)["errors"]
        found: Doc = error
        return found

    def ids(self, kind: str) -> list[int]:
        return sorted(self.store.drawers[kind].rows)


def make_asker(version: str = "2026-10", **plan: Any) -> Asker:
    store = Store(Site(), Clock())
    store.fill(make_shop(Plan(**plan)))
    return Asker(store, Graph(store, version), Edits(store))


def operations(text: str) -> dict[str, str]:
    """The operations of a file, each with the fragments it uses, by name."""
    document = parse(text)
    fragments = {
        part.name.value: print_ast(part)
        for part in document.definitions
        if isinstance(part, FragmentDefinitionNode)
    }
    found = {}
    for part in document.definitions:
        if isinstance(part, OperationDefinitionNode) and part.name:
            body, used = print_ast(part), set()
            while missing := {name for name in fragments if f"...{name}\n" in body} - used:
                used |= missing
                body += "\n" + "\n".join(fragments[name] for name in sorted(missing))
            found[part.name.value] = body
    return found
