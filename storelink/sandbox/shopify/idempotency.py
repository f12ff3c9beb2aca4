"""`@idempotent(key:)`: what was asked with a key, and what that came to (facts §7).

A key is good for 24 hours; after that the same request is another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    DirectiveNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    StringValueNode,
    VariableNode,
    Visitor,
    parse,
    visit,
)
from graphql.execution import get_directive_values

from storelink.sandbox.clock import Clock
from storelink.sandbox.shopify.refusal import bad_request

LIFE = 24 * 3_600
MISSING = "The @idempotent directive is required for this mutation but was not provided."
BLANK = "The idempotency key cannot be an empty string or whitespace only."
MISMATCH = "The same idempotency key cannot be used with different operation parameters."
CONCURRENT = "This request is currently in progress, please try again."

Name = tuple[str, str, str]
"""App, mutation and key."""


class KeyRefused(Exception):
    """The key cannot be used now; `code` and the words are Shopify's."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(slots=True)
class Kept:
    """What was asked, when, and what came of it."""

    asked: bytes
    at: float
    result: Any


class Keys:
    """The keys of one shop. A key that is held is at work; only its holder may go on with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Name, Kept] = {}
        self._at_work: set[Name] = set()
        self.holder: Name | None = None
        """Whose turn it is: set around the execution of a request that holds its key."""

    def hold(self, name: Name) -> bool:
        """Begin to work with a key; False where another request does."""
        if name in self._at_work:
            return False
        self._at_work.add(name)
        return True

    def let_go(self, name: Name) -> None:
        """The request is over."""
        self._at_work.discard(name)

    def find(self, name: Name, asked: Mapping[str, Any]) -> Kept | None:
        """What an earlier request with this key came to. Raises `KeyRefused`."""
        if name in self._at_work and self.holder != name:
            raise KeyRefused("IDEMPOTENCY_CONCURRENT_REQUEST", CONCURRENT)
        kept = self._kept.get(name)
        if kept is None or self._clock.seconds() - kept.at >= LIFE:
            return None
        if kept.asked != _print(asked):
            raise KeyRefused("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", MISMATCH)
        return kept

    def keep(self, name: Name, asked: Mapping[str, Any], result: Any) -> None:
        """Remember what a request came to."""
        self._kept[name] = Kept(_print(asked), self._clock.seconds(), result)


def _print(asked: Mapping[str, Any]) -> bytes:
    return orjson.dumps(asked, default=str)


def key_of(schema: GraphQLSchema, info: Any) -> str:
    """The key of a field that must have one. Raises what Shopify answers without."""
    directive = schema.get_directive("idempotent")
    assert directive is not None
    found = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    if found is None:
        raise bad_request(MISSING)
    if not str(found["key"]).strip():
        raise bad_request(BLANK)
    return str(found["key"])


def asked_key(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """The mutation and the key of a request that has one, before anything of it is worked."""
    finder = _Finder(body.get("variables") or {})
    try:
        visit(parse(str(body["query"])), finder)
    except GraphQLError:
        return None
    return finder.found


class _Finder(Visitor):
    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__()
        self.found: tuple[str, str] | None = None
        self._variables = variables

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        for directive in node.directives or ():
            if directive.name.value == "idempotent" and (key := self._key(directive)) is not None:
                self.found = node.name.value, key

    def _key(self, directive: DirectiveNode) -> str | None:
        for argument in directive.arguments or ():
            if isinstance(argument.value, StringValueNode):
                return argument.value.value
            if isinstance(argument.value, VariableNode):
                value = self._variables.get(argument.value.name.value)
                return value if isinstance(value, str) else None
        return None
