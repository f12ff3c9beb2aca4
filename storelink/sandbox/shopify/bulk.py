"""Bulk operations: started, run beside the requests, looked at, cancelled, their results signed for.

https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphql import DocumentNode

from storelink.sandbox.shopify import bulk_file
from storelink.sandbox.shopify.bulk_file import BulkFile
from storelink.sandbox.shopify.bulk_operation import Busy, Operation, Result
from storelink.sandbox.shopify.bulk_query import NotBulk, Shape, read_query
from storelink.sandbox.shopify.bulk_shelf import Shelf
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.site import stamp_text
from storelink.sandbox.shopify.store import Store
from storelink.sandbox.shopify.switches import Switches

FIRST = 7_900_000_000_001
#: how many records of the root connection are made at a time, the lock held
SLICE = 50
#: how many finished results are kept for operations that ask for the same again
KEPT = 6
UNFINISHED = ("CREATED", "RUNNING", "CANCELING")
_CODES = {"access_denied": "ACCESS_DENIED", "timeout": "TIMEOUT"}


class Bulk:
    """The bulk operations of one shop."""

    def __init__(
        self, store: Store, switches: Switches, url: str, folder: Path, shelf: Shelf | None = None
    ) -> None:
        self._shelf = shelf
        self._fresh = sum(drawer.revision for drawer in store.drawers.values())
        self.operations: dict[int, Operation] = {}
        self._store = store
        self._switches = switches
        self._url = url
        self._folder = folder
        self._results: dict[tuple[Any, ...], Result] = {}
        self._files = 0
        self._trouble = ""
        self._making = threading.Lock()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """End what still runs."""
        self._stopped = True
        for thread in self._threads:
            thread.join(30)

    # starting

    def start(self, graph: Graph, context: Context, text: str, grouped: bool) -> Operation:
        """Check a query and begin with it. Raises `NotBulk`, or `Busy`."""
        document, shape = read_query(graph.schema.graphql, text)
        running = [op.gid for op in self.unfinished(context.app)]
        if len(running) >= self._switches.bulk_limit:
            raise Busy(running)
        number = FIRST + len(self.operations)
        secret = hashlib.sha256(f"{self._url} bulk {number}".encode()).hexdigest()[:28]
        now = self._store.clock.seconds()
        operation = Operation(
            number, context.app, text, now, self._switches.bulk_seconds, self._faults(), secret
        )
        self.operations[number] = operation
        args = (operation, graph, replace(context, unlimited=True), document, shape, grouped)
        thread = threading.Thread(target=self._run, args=args, name="sandbox bulk", daemon=True)
        self._begin(thread)
        return operation

    def _faults(self) -> frozenset[str]:
        switches = self._switches
        found = frozenset(switches.bulk_fault.split())
        if found and switches.bulk_fault_times > 0:
            switches.bulk_fault_times -= 1
            if switches.bulk_fault_times == 0:
                switches.bulk_fault = ""
        return found

    def prepare(self, graph: Graph, context: Context, text: str, grouped: bool = False) -> None:
        """Begin to make the result of a query ahead of the operation that will ask for it."""
        document, shape = read_query(graph.schema.graphql, text)
        args = (None, graph, replace(context, unlimited=True), document, shape, text, grouped)

        def work() -> None:
            try:
                self._made(*args)
            except Exception as error:
                self._trouble = f"{type(error).__name__}: {error}"

        self._begin(threading.Thread(target=work, name="sandbox bulk ahead", daemon=True))

    def prepared(self) -> bool:
        """Whether nothing is being made any more. Raises ValueError when that failed."""
        if self._trouble:
            trouble, self._trouble = self._trouble, ""
            raise ValueError(trouble)
        return not any(thread.is_alive() for thread in self._threads)

    def _begin(self, thread: threading.Thread) -> None:
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()

    def _run(
        self,
        operation: Operation,
        graph: Graph,
        context: Context,
        document: DocumentNode,
        shape: Shape,
        grouped: bool,
    ) -> None:
        try:
            made = self._made(operation, graph, context, document, shape, operation.query, grouped)
            operation.result = None if made is None else self._spoiled(operation, made)
        except Exception as error:
            operation.problem = f"{type(error).__name__}: {error}"
        finally:
            operation.finished = self._store.clock.seconds()
            operation.done.set()

    def _made(
        self,
        operation: Operation | None,
        graph: Graph,
        context: Context,
        document: DocumentNode,
        shape: Shape,
        text: str,
        grouped: bool,
    ) -> Result | None:
        """The result of a query; one that was made since the last edit is taken again."""
        children_first = operation is not None and "children_first" in operation.faults
        key = (graph.version, context, text, grouped, children_first)
        with self._making:
            held = self._results.get(key)
            if held is not None and held.revision == self._revision():
                return held
        kept = self._shelved(key)
        if kept is not None:
            return kept
        with self._store.lock:
            revision, (_, ids) = self._revision(), graph.root_ids(document, context)
            self._files += 1
            name = f"{self._files}.jsonl"
        file = BulkFile(self._folder / name, shape, grouped=grouped, children_first=children_first)
        if operation is not None:
            operation.file = file
        if not self._fill(operation, file, graph, context, document, shape, ids):
            file.discard()
            return None
        made = Result(file.path, file.close(), file.objects, file.roots, revision)
        if self._shelf is not None and revision == self._fresh == self._revision():
            self._shelf.put(key, made.path, [made.objects, made.roots])
        with self._making:
            self._results[key] = made
            while len(self._results) > KEPT:
                self._results.pop(next(iter(self._results)))
        return made

    def _shelved(self, key: tuple[Any, ...]) -> Result | None:
        """A result that an earlier run of the same shop left, while nothing was edited here."""
        revision = self._revision()
        found = self._shelf.get(key) if self._shelf is not None and revision == self._fresh else None
        if found is None:
            return None
        path, (objects, roots) = found
        return Result(path, path.stat().st_size, objects, roots, revision)

    def _fill(
        self,
        operation: Operation | None,
        file: BulkFile,
        graph: Graph,
        context: Context,
        document: DocumentNode,
        shape: Shape,
        ids: list[int],
    ) -> bool:
        for at in range(0, len(ids), SLICE):
            if self._stopped or (operation is not None and operation.canceled):
                return False
            part = replace(context, only=tuple(ids[at : at + SLICE]))
            with self._store.lock:
                answer = graph.execute(document, None, {}, part)
            if answer.get("errors"):
                raise RuntimeError(str(answer["errors"][0].get("message")))
            file.add(answer["data"][shape.key]["edges"])
        return True

    def _revision(self) -> int:
        return sum(drawer.revision for drawer in self._store.drawers.values())

    def _spoiled(self, operation: Operation, made: Result) -> Result:
        """The result as its faults leave it: in a file of its own."""
        if not operation.faults & {"no_newline", "broken_line"}:
            return made
        path = self._folder / f"{operation.number}-spoiled.jsonl"
        path.write_bytes(made.path.read_bytes())
        if "no_newline" in operation.faults:
            bulk_file.without_last_newline(path)
        if "broken_line" in operation.faults and made.size:
            bulk_file.break_a_line(path)
        return replace(made, path=path, size=path.stat().st_size)

    # looking

    def unfinished(self, app: str) -> list[Operation]:
        """This app's operations that are not over, oldest first."""
        self._occupy(app)
        return [op for op in self.operations.values() if op.app == app and self.status(op) in UNFINISHED]

    def of(self, app: str) -> list[Operation]:
        self._occupy(app)
        return [op for op in self.operations.values() if op.app == app]

    def _occupy(self, app: str) -> None:
        """Have as many operations running that nobody here started as the switch says."""
        running = [op for op in self.operations.values() if op.foreign and not op.done.is_set()]
        for operation in running[self._switches.bulk_occupied :]:
            operation.finished = self._store.clock.seconds()
            operation.done.set()
        for _ in range(len(running), self._switches.bulk_occupied):
            number = FIRST + len(self.operations)
            now, query = self._store.clock.seconds(), "{ draftOrders { edges { node { id } } } }"
            self.operations[number] = Operation(number, app, query, now, 0, frozenset(), "", foreign=True)

    def wait(self, seconds: float) -> None:
        """Wait, not longer than that, for operations that are to be done at the first look."""
        deadline = time.monotonic() + seconds
        for operation in list(self.operations.values()):
            if operation.seconds <= 0 and not operation.foreign:
                operation.done.wait(max(0.0, deadline - time.monotonic()))

    def busy(self) -> bool:
        return any(not op.done.is_set() and not op.foreign for op in self.operations.values())

    def over(self, operation: Operation) -> bool:
        """Whether the work is done and its time has passed; what was over stays so if the clock goes back."""
        now = self._store.clock.seconds()
        if operation.done.is_set() and now >= operation.created + operation.seconds:
            operation.past = True
        return operation.past

    def status(self, operation: Operation) -> str:
        """What `BulkOperation.status` says."""
        faults = operation.faults
        if operation.canceled:
            return "CANCELED" if operation.done.is_set() and operation.looked else "CANCELING"
        if not self.over(operation) or "stuck" in faults:
            return "RUNNING" if operation.looked else "CREATED"
        if "canceled" in faults:
            return "CANCELED"
        if operation.problem or faults & {"failed", "failed_empty", "access_denied", "timeout"}:
            return "FAILED"
        if "expired" in faults or self._too_late(operation):
            return "EXPIRED"
        return "COMPLETED"

    def _ended(self, operation: Operation) -> float:
        finished = operation.finished if operation.finished is not None else operation.created
        return max(finished, operation.created + operation.seconds)

    def _too_late(self, operation: Operation) -> bool:
        return self._store.clock.seconds() >= self._ended(operation) + self._switches.bulk_url_seconds

    def cancel(self, operation: Operation) -> str | None:
        """Stop it; or why that cannot be."""
        status = self.status(operation)
        if status not in UNFINISHED:
            return f"A bulk operation cannot be canceled when it is {status.lower()}"
        if not operation.canceled:
            operation.canceled, operation.looked = True, False
        return None

    def look(self, operation: Operation) -> dict[str, Any]:
        """The fields of a BulkOperation, for an app that asks for them."""
        found = self.doc(operation, self.status(operation))
        operation.looked = True
        return found

    def doc(self, operation: Operation, status: str) -> dict[str, Any]:
        """The fields of a BulkOperation in this state."""
        made, faults = operation.result, operation.faults
        over = status in ("COMPLETED", "FAILED", "EXPIRED")
        objects, roots, size = 0, 0, None
        if over and made is not None:
            objects, roots, size = made.objects, made.roots, made.size
            if status == "FAILED":
                size = self._partial_size(operation)
                objects = bulk_file.count_lines(made.path, size or 0)
        elif operation.file is not None and status != "CREATED":
            objects, roots = operation.file.objects, operation.file.roots
        url = self._link(operation, "whole") if status == "COMPLETED" and objects else None
        partial = self._link(operation, "part") if status == "FAILED" and objects else None
        return {
            "__typename": "BulkOperation",
            "id": operation.gid,
            "status": status,
            "type": "QUERY",
            "query": operation.query,
            "createdAt": stamp_text(int(operation.created)),
            "completedAt": stamp_text(int(self._ended(operation))) if over else None,
            "errorCode": self._code(operation) if status == "FAILED" else None,
            "objectCount": str(objects + 7 * (over and "wrong_count" in faults)),
            "rootObjectCount": str(roots + 3 * (over and "wrong_root_count" in faults)),
            "fileSize": str(size) if size and over else None,
            "url": url,
            "partialDataUrl": partial,
        }

    def _code(self, operation: Operation) -> str:
        named = [code for word, code in _CODES.items() if word in operation.faults]
        if "Access denied" in operation.problem:
            return "ACCESS_DENIED"
        return named[0] if named else "INTERNAL_SERVER_ERROR"

    def _partial_size(self, operation: Operation) -> int:
        made = operation.result
        if made is None or not operation.faults & {"failed", "timeout"}:
            return 0
        return bulk_file.first_lines(made.path)

    # downloading

    def _link(self, operation: Operation, part: str) -> str:
        until = int(self._ended(operation) + self._switches.bulk_url_seconds)
        signature = self._signature(operation, part, until)
        query = f"Expires={until}&Signature={signature}"
        return f"{self._url}/_bulk/{part}-{operation.number}.jsonl?{query}"

    def _signature(self, operation: Operation, part: str, until: int) -> str:
        text = f"{part} {operation.number} {until}"
        return hmac.new(operation.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def download(self, name: str, asked: Mapping[str, str]) -> tuple[int, Path | None, int]:
        """What a link leads to: status, file and how many bytes of it."""
        part, _, number = name.removesuffix(".jsonl").partition("-")
        operation = self.operations.get(int(number)) if number.isdigit() else None
        if operation is None or operation.result is None or not asked.get("Expires", "").isdigit():
            return 403, None, 0
        until = int(asked["Expires"])
        if not hmac.compare_digest(asked.get("Signature", ""), self._signature(operation, part, until)):
            return 403, None, 0
        if self._store.clock.seconds() >= until or "url_expired" in operation.faults:
            return 400, None, 0
        size = self._partial_size(operation) if part == "part" else operation.result.size
        if "cut" in operation.faults:
            size = int(size * 0.6)
        return 200, operation.result.path, size


__all__ = ["Bulk", "Busy", "NotBulk", "Operation"]
