"""Scripted faults: rules that say which request goes wrong, and how.

A rule is `{"match": {...}, "do": {...}}`, plain JSON so that it can come over HTTP.

match (all given must hold; nothing given matches every request):
    method      "GET"
    path        a regular expression, searched in the path
    query       text that the decoded query string contains
    operation   the name of the GraphQL operation (Shopify), as a regular expression, whole
    body        text that the request's body contains
    nth         only the n-th matching request, from 1
    every       each n-th matching request
    times       stop after so many

do (any of):
    slow        seconds to wait in front of the store; then it is worked, whether anybody still listens
    slow_after  seconds to wait between the work and the answer
    status      answer this status instead of working it; with `html` true a page, else a JSON error
    status_after  work it, and answer this status with a page, as a web server whose worker died
    retry_after value of a Retry-After header beside `status`: seconds or an HTTP date
    html        200 with a page of HTML
    truncate    cut the body after this share (0…1) and drop the connection
    drop        "before" the work or "after" it: the connection is cut without an answer
    bom, notice put a byte order mark, or a PHP warning, in front of the body
    maintenance the 503 page of a store that updates itself; `fatal`, `database_down`: their pages
    redirect    301 to this address
    strip_auth  the Authorization header never reaches the store
    strip_query the query string never reaches the store (a cache in front of it)
    big         so many spaces after the body, streamed
    clock       the Date header and the store's clock are off by so many seconds for this request
    edits       a list of admin edits to run just before the answer is made
    stale       answer as this request was answered when last seen with this rule's `match`
    poison      [kind, id]: any answer that contains this record is a fatal error
    ignore_offset  answer every page as if it were the first: a list that never ends
    duplicate   repeat the first record of a list at its end
    replace     [[old, new], …]: change text in the body
    throttled   Shopify: 200 with the error THROTTLED, as if the bucket were empty
    error       Shopify: 200 with a GraphQL error and no data; a code (with the words of an internal
                error where it is one of those), or {"code", "message"}
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

Do = dict[str, Any]
_DO = frozenset((
    "slow", "slow_after", "status", "status_after", "retry_after", "html", "truncate", "drop", "bom",
    "notice", "maintenance", "fatal", "database_down", "redirect", "strip_auth", "strip_query", "big",
    "clock", "edits", "stale", "poison", "ignore_offset", "duplicate", "replace", "throttled", "error",
))  # fmt: skip
_MATCH = frozenset(("method", "path", "query", "operation", "body", "nth", "every", "times"))


@dataclass(slots=True)
class Rule:
    """One rule and how often it matched and fired."""

    match: dict[str, Any]
    do: Do
    seen: int = 0
    fired: int = 0
    memory: dict[str, Any] = field(default_factory=dict)

    def fits(self, method: str, path: str, query: str, operation: str = "", body: bytes = b"") -> bool:
        """Whether this request fits; counts it."""
        wanted = self.match
        if (
            wanted.get("method", method) != method
            or not re.search(wanted.get("path", ""), path)
            or wanted.get("query", "") not in unquote_plus(query)
            or not re.fullmatch(wanted.get("operation", ".*"), operation)
            or wanted.get("body", "").encode() not in body
        ):
            return False
        self.seen += 1
        fires = (
            self.seen == wanted.get("nth", self.seen)
            and self.seen % wanted.get("every", 1) == 0
            and self.fired < wanted.get("times", self.fired + 1)
        )
        self.fired += fires
        return bool(fires)


def read_rules(rules: list[dict[str, Any]]) -> list[Rule]:
    """Rules from JSON. Raises ValueError for a word it does not know."""
    found = []
    for rule in rules:
        unknown = [*(set(rule) - {"match", "do"})]
        unknown += set(rule.get("match", {})) - _MATCH
        unknown += set(rule.get("do", {})) - _DO
        if unknown:
            raise ValueError(f"a fault rule knows no {', '.join(sorted(unknown))}")
        found.append(Rule(rule.get("match", {}), rule.get("do", {})))
    return found


class Script:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def pick(self, method: str, path: str, query: str, operation: str = "", body: bytes = b"") -> list[Rule]:
        return [rule for rule in self.rules if rule.fits(method, path, query, operation, body)]
