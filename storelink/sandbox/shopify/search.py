"""Shopify's search syntax (facts §4): terms, comparators, AND, OR, `-`, quotes and brackets."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NOT, _OPEN = "NOT", "("
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<bracket>[()])
    | (?P<not>-(?=\S)|NOT\b(?=\s))
    | (?P<joint>AND\b|OR\b)
    | (?P<field>[A-Za-z_][\w.$-]*):\s*(?P<op><=|>=|<|>|)\s*
      (?:'(?P<single>(?:\\.|[^'\\])*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<bare>[^\s()]*))
    | '(?P<text1>(?:\\.|[^'\\])*)' | "(?P<text2>(?:\\.|[^"\\])*)" | (?P<word>[^\s()]+)
    )""",
    re.X,
)


@dataclass(frozen=True, slots=True)
class Term:
    """`field` None: free text. `op` is "", <, <=, > or >=."""

    field: str | None
    op: str
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple["Node", ...]


Node = Term | Not | All | Either


def parse(text: str) -> Node:
    """The tree of a query; empty text matches everything. AND binds tighter than OR."""
    tokens = list(_tokens(text))
    node, rest = _either(tokens, 0)
    while rest < len(tokens):  # a bracket too many is passed over
        more, rest = _either(tokens, rest + 1)
        node = All((node, more))
    return node


def _tokens(text: str) -> Iterator[Term | str]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.end() == at:
            return
        at = found.end()
        if found["bracket"]:
            yield found["bracket"]
        elif found["not"]:
            yield _NOT
        elif found["joint"]:
            yield found["joint"]
        elif found["field"]:
            quoted = found["single"] if found["single"] is not None else found["double"]
            value = found["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            yield Term(found["field"], found["op"], value, quoted is not None)
        else:
            quoted = found["text1"] if found["text1"] is not None else found["text2"]
            yield Term(None, "", found["word"] if quoted is None else quoted, quoted is not None)


def _either(tokens: list[Term | str], at: int) -> tuple[Node, int]:
    parts = []
    part, at = _together(tokens, at)
    parts.append(part)
    while at < len(tokens) and tokens[at] == "OR":
        part, at = _together(tokens, at + 1)
        parts.append(part)
    return (parts[0] if len(parts) == 1 else Either(tuple(parts))), at


def _together(tokens: list[Term | str], at: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(tokens) and tokens[at] not in ("OR", ")"):
        if tokens[at] == "AND":
            at += 1
            continue
        part, at = _one(tokens, at)
        parts.append(part)
    return (parts[0] if len(parts) == 1 else All(tuple(parts))), at


def _one(tokens: list[Term | str], at: int) -> tuple[Node, int]:
    token = tokens[at]
    if token == _NOT and at + 1 < len(tokens):
        part, at = _one(tokens, at + 1)
        return Not(part), at
    if token == _OPEN:
        part, at = _either(tokens, at + 1)
        return part, at + 1
    if isinstance(token, Term):
        return token, at + 1
    return All(()), at + 1


Match = Callable[[object], bool]


def combine(node: Node, make: Callable[[Term], Match | None]) -> Match | None:
    """One test of a row from the tests of its terms; a term without one is as if it were not there."""
    if isinstance(node, Term):
        return make(node)
    if isinstance(node, Not):
        part = combine(node.part, make)
        return None if part is None else (lambda row: not part(row))
    tests = [test for test in (combine(part, make) for part in node.parts) if test is not None]
    if len(tests) < 2 and (isinstance(node, All) or not tests):
        return tests[0] if tests else None
    if isinstance(node, All):
        return lambda row: all(test(row) for test in tests)
    whole = len(tests) == len(node.parts)  # else one side matches everything
    return (lambda row: any(test(row) for test in tests)) if whole else None
