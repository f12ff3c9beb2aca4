"""Bulk operations: started, found again, waited for, downloaded; taken only when they are whole.

Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from storelink.connectors.protocol import Read
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.asking import Answer, Asker
from storelink.connectors.shopify.jsonl import Assembly
from storelink.connectors.shopify.moment import needed
from storelink.connectors.shopify.told import as_documented
from storelink.errors import AuthFailed, Misconfigured, Rejected, Retryable

FIRST_WAIT, LONGEST_WAIT, GROWTH = 0.2, 10.0, 1.5
"""Seconds between two looks at an operation."""
PATIENCE = 900.0
"""Seconds to wait for other operations to make room."""
FAILURES = 4
"""Starts that failed before their error is raised: that is no lack of room."""
BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
UNDER_WAY = frozenset({"CREATED", "RUNNING"})
_RECENT = 50
_SECOND = timedelta(seconds=1)


class Unavailable(Exception):
    """This token cannot run bulk operations, or Shopify does not take this one."""


class Lost(Exception):
    """The operation ended without a result that can be used: begin another. The text says why."""


@dataclass(frozen=True, slots=True)
class Started:
    """An operation of ours. `started` is by the database's clock, `created` by the store's."""

    id: str
    started: datetime
    created: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What a completed operation says of what it wrote. `url` is None where that is nothing."""

    operation: Started
    finished: datetime
    objects: int
    roots: int
    size: int
    url: str | None

    @property
    def read(self) -> Read:
        """When its records were read: at any time from its start to its end."""
        return Read(self.operation.started, self.finished, self.operation.created)


class Bulk:
    """The bulk operations of one store."""

    def __init__(self, client: Asker, sleep: Callable[[float], object]) -> None:
        self._client, self._sleep = client, sleep

    def start(self, query: str) -> Started:
        """An operation that runs this query: one of ours that runs already, else a new one.

        Waits while other operations leave no room. Raises `Unavailable`; `Retryable` after `PATIENCE`.
        """
        waited, wait = 0.0, 1.0
        while True:
            started = self.begin(query)
            if started is not None:
                return started
            if waited >= PATIENCE:
                raise Retryable(
                    "other bulk operations of this app leave no room", after=60.0, code="bulk_busy"
                )
            self._sleep(wait)
            waited, wait = waited + wait, min(30.0, wait * GROWTH)

    def begin(self, query: str) -> Started | None:
        """The same without waiting: None where there is no room."""
        failures, wait = 0, 1.0
        while True:
            ours = self.running().get(query)
            if ours is not None:
                return ours
            try:
                return self._run(query)
            except Retryable:  # it may have started: then it is found by its text
                failures += 1
                if failures == FAILURES:
                    raise
            self._sleep(wait)
            wait *= GROWTH

    def running(self) -> dict[str, Started]:
        """What is under way, by its text: a process that is no more may have started it."""
        answer = self._client.ask(queries.load("bulk_recent"), {"first": _RECENT})
        found: dict[str, Started] = {}
        with as_documented("bulkOperations"):
            for node in answer.data["bulkOperations"]["nodes"]:
                if node["status"] in UNDER_WAY:
                    found.setdefault(queries.squeezed(node["query"]), _started(node, answer))
        return found

    def _run(self, query: str) -> Started | None:
        """A new operation; None where there is no room for one."""
        try:
            # not sent again blindly: what a lost answer started is found by its text
            answer = self._client.ask(queries.load("bulk_start"), {"query": query}, repeat=False)
        except Rejected as error:
            if error.code not in ("ACCESS_DENIED", "NOT_APPROVED"):
                raise
            raise Unavailable(str(error)) from None
        with as_documented("bulkOperationRunQuery"):
            outcome = answer.data["bulkOperationRunQuery"]
            if outcome["bulkOperation"] is not None:
                return _started(outcome["bulkOperation"], answer)
            errors = outcome["userErrors"]
            if any(error.get("code") in BUSY for error in errors):
                return None
            words = "; ".join(str(error["message"]) for error in errors)
        raise Unavailable(words or "no operation was started")

    def result(self, operation: Started) -> Result:
        """Wait until it is completed. Raises as `looks`."""
        return next(found for found in self.looks(operation) if found is not None)

    def looks(self, operation: Started) -> Iterator[Result | None]:
        """None for every look at an operation that is under way, at the end its result.

        Raises `Lost`, and `Unavailable` where it was denied access.
        """
        wait = FIRST_WAIT
        while True:
            answer = self._client.ask(queries.load("bulk_status"), {"id": operation.id})
            node = answer.data.get("bulkOperation")
            if node is None:
                raise Lost("Shopify does not know the operation any more")
            with as_documented("bulkOperation"):
                status, reason = str(node["status"]), node["errorCode"]
                result = None if status != "COMPLETED" else _result(operation, node, answer.read.finished)
            if result is not None:
                yield result
                return
            if reason == "ACCESS_DENIED":
                raise Unavailable("it was denied access")
            if status not in UNDER_WAY and status != "CANCELING":
                raise Lost(f"it is {status} ({reason or 'no reason given'})")
            yield None
            self._sleep(wait)
            wait = min(LONGEST_WAIT, wait * GROWTH)

    def take(self, result: Result, assembly: Assembly) -> None:
        """Download a result. Raises `Lost` unless all that was counted is there, and `Damaged`."""
        for chunk in self.chunks(result):
            assembly.feed(chunk)
        assembly.finish()
        if (assembly.lines, assembly.roots) != (result.objects, result.roots):
            raise Lost(
                f"its result has {assembly.lines} objects, {assembly.roots} of them records,"
                f" where {result.objects} and {result.roots} were counted"
            )

    def chunks(self, result: Result) -> Iterator[bytes]:
        """The bytes of a result; the client goes on where the download breaks off.

        An address that is refused has expired: a new one is asked for, once. Raises `Lost`.
        """
        url, offset, again = result.url, 0, False
        while url is not None:
            try:
                with self._client.download(url, offset) as parts:
                    for part in parts:
                        offset += len(part)
                        yield part
            except (Rejected, AuthFailed, Misconfigured) as error:
                if again or getattr(error, "code", None) == "download_changed":
                    raise Lost(f"its result cannot be downloaded: {error}") from error
            else:
                if again or offset >= result.size:
                    return
            # expired, or ended early without a word
            url, again = self.result(result.operation).url, True


def _started(node: dict[str, Any], answer: Answer) -> Started:
    """An operation as it was made: not after we asked for it, not after its creation."""
    created = needed(node["createdAt"], "createdAt")
    read = answer.read
    started = read.started
    if read.store_time is not None:  # a Date header has whole seconds
        started = min(started, created + (read.started - read.store_time) - _SECOND)
    return Started(str(node["id"]), started, created)


def _result(operation: Started, node: dict[str, Any], finished: datetime) -> Result:
    objects, roots = int(node["objectCount"]), int(node["rootObjectCount"])
    if node["url"] is None and objects:
        raise Lost("its result is kept no longer")
    url = None if node["url"] is None else str(node["url"])
    return Result(operation, finished, objects, roots, int(node["fileSize"] or 0), url)
