"""The fields of the graph that start, show and cancel bulk operations."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from storelink.sandbox.shopify.bulk import Bulk, Busy, NotBulk, Operation
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.parts import Page, page_of
from storelink.sandbox.shopify.refusal import bad_request, not_implemented
from storelink.sandbox.shopify.roots import number_of
from storelink.sandbox.shopify.search import Match, Term, combine, parse
from storelink.sandbox.shopify.site import read_stamp, stamp_text

Args = Mapping[str, Any]
Doc = dict[str, Any]
#: what `bulkOperations(query: "status:…")` knows; EXPIRED is none of them
_STATUSES = frozenset(("created", "running", "canceling", "canceled", "completed", "failed"))


def register(graph: Graph, bulk: Bulk) -> None:
    """Give a graph its bulk operations."""
    graph.mutations["bulkOperationRunQuery"] = lambda context, args: _run(graph, bulk, context, args)
    graph.mutations["bulkOperationCancel"] = lambda context, args: _cancel(bulk, context, args)
    graph.roots["bulkOperation"] = lambda context, args: _one(bulk, context, args["id"])
    graph.roots["bulkOperations"] = lambda context, args: _many(bulk, context, args)
    graph.roots["currentBulkOperation"] = lambda context, args: _current(bulk, context, args)
    graph.finders["BulkOperation"] = lambda context, text: _one(bulk, context, text)


def _refused(messages: list[str], code: str | None = None, at: list[str] | None = None) -> Doc:
    errors = [{"field": at, "message": message} for message in messages]
    if code is not None:
        errors = [{**error, "code": code} for error in errors]
    return {"bulkOperation": None, "userErrors": errors}


def _run(graph: Graph, bulk: Bulk, context: Context, args: Args) -> Doc:
    try:
        operation = bulk.start(graph, context, args["query"], bool(args.get("groupObjects")))
    except NotBulk as error:
        return _refused(error.messages, "INVALID", ["query"])
    except Busy as error:
        running = ", ".join(error.running)
        words = f"A bulk query operation for this app and shop is already in progress: {running}."
        return _refused([words], "OPERATION_IN_PROGRESS")
    return {"bulkOperation": bulk.doc(operation, "CREATED"), "userErrors": []}


def _find(bulk: Bulk, context: Context, text: str) -> Operation | None:
    found = bulk.operations.get(number_of(text, "BulkOperation"))
    return found if found is not None and found.app == context.app else None


def _one(bulk: Bulk, context: Context, text: str) -> Doc | None:
    found = _find(bulk, context, text)
    return None if found is None else bulk.look(found)


def _cancel(bulk: Bulk, context: Context, args: Args) -> Doc:
    found = _find(bulk, context, args["id"])
    if found is None:
        error = {"field": ["id"], "message": "Bulk operation does not exist"}
        return {"bulkOperation": None, "userErrors": [error]}
    problem = bulk.cancel(found)
    errors = [] if problem is None else [{"field": None, "message": problem}]
    return {"bulkOperation": bulk.doc(found, bulk.status(found)), "userErrors": errors}


def _current(bulk: Bulk, context: Context, args: Args) -> Doc | None:
    if args.get("type", "QUERY") != "QUERY":
        return None
    found = bulk.of(context.app)
    return bulk.look(found[-1]) if found else None


def _many(bulk: Bulk, context: Context, args: Args) -> Page:
    """Newest first, as a live store lists them; `reverse` is oldest first."""
    docs = {op.number: bulk.look(op) for op in bulk.of(context.app)}
    text = args.get("query") or ""
    test = combine(parse(text), _test) if text.strip() else None
    name = "completedAt" if args.get("sortKey") == "COMPLETED_AT" else "createdAt"

    def key(number: int) -> tuple[str, int]:
        return docs[number][name] or "", number

    numbers = sorted((number for number in docs if test is None or test(docs[number])), key=key)
    run: Any = SimpleNamespace(context=context)
    turned = {**args, "reverse": not args.get("reverse")}
    return page_of(run, turned, numbers, key, lambda number: docs[number])


def _test(term: Term) -> Match:
    if term.field == "status":
        if term.value.casefold() not in _STATUSES:
            return lambda _: False
        return lambda doc: bool(doc["status"].casefold() == term.value.casefold())  # type: ignore[index]
    if term.field == "operation_type":
        return lambda doc: bool(doc["type"].casefold() == term.value.casefold())  # type: ignore[index]
    if term.field == "id":
        return lambda doc: bool(doc["id"].rpartition("/")[2] == term.value.rpartition("/")[2])  # type: ignore[index]
    if term.field == "created_at":
        return _created(term)
    raise not_implemented(f"the search field {term.field} of bulkOperations")


def _created(term: Term) -> Match:
    try:
        wanted = stamp_text(read_stamp(term.value))
    except ValueError:
        raise bad_request("Invalid timestamp for query filter `created_at`.") from None
    compare: dict[str, Callable[[str], bool]] = {
        "": lambda at: at == wanted,
        ">": lambda at: at > wanted,
        ">=": lambda at: at >= wanted,
        "<": lambda at: at < wanted,
        "<=": lambda at: at <= wanted,
    }
    test = compare[term.op]
    return lambda doc: test(doc["createdAt"])  # type: ignore[index]
