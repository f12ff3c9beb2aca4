"""An application that follows the change feed, is killed, and goes on from the last number it saw."""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

ROWS = {
    "product": "SELECT to_jsonb(t)::text FROM platform_product t WHERE {key}",
    "customer": "SELECT to_jsonb(t)::text FROM platform_customer t WHERE {key}",
    "order": "SELECT to_jsonb(t)::text"
    " || (SELECT coalesce(string_agg(to_jsonb(i)::text, ' ' ORDER BY i.item_id), '') FROM order_item i"
    " WHERE i.connector_id = t.connector_id AND i.order_id = t.order_id)"
    " || (SELECT coalesce(string_agg(to_jsonb(r)::text, ' ' ORDER BY r.refund_id), '') FROM order_refund r"
    " WHERE r.connector_id = t.connector_id AND r.order_id = t.order_id) FROM platform_order t WHERE {key}",
}
KEYS = {"product": "variant_id", "customer": "customer_id", "order": "order_id"}

Key = tuple[str, str, str]
"""Connector, entity, key."""


class Follower:
    """Runs `storelink changes --follow` and keeps a copy of every row that the feed names."""

    def __init__(self, command: Path, environment: Mapping[str, str], url: Callable[[], str]) -> None:
        self._command, self._environment, self._url = str(command), dict(environment), url
        self.events: list[dict[str, Any]] = []
        self.copies: dict[Key, str | None] = {}
        self.exits: list[tuple[int, str]] = []
        """How it ended, each time that nobody killed it: exit code and last words."""
        self._stopping = threading.Event()
        self._child: subprocess.Popen[str] | None = None
        self._killed = False
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    @property
    def last(self) -> int:
        """The last number it saw."""
        return int(self.events[-1]["seq"]) if self.events else 0

    def start(self) -> None:
        self._thread.start()

    def kill(self) -> None:
        """As kill -9; it begins again by itself."""
        child = self._child
        if child is not None:
            self._killed = True
            child.kill()

    def stop(self) -> None:
        self._stopping.set()
        self.kill()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stopping.is_set():
            words = [self._command, "changes", "--follow", "--json", "--after", str(self.last)]
            if self.events:
                words += ["--epoch", self.events[-1]["epoch"]]
            self._killed = False
            with subprocess.Popen(
                words, env=self._environment, text=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            ) as child:  # fmt: skip
                self._child = child
                if self._stopping.is_set():
                    child.kill()
                assert child.stdout is not None and child.stderr is not None
                for line in child.stdout:
                    if line.endswith("\n"):  # not one that a kill cut off
                        self._take(json.loads(line))
                code, words_ = child.wait(), child.stderr.read()
            if not self._killed:
                self.exits.append((code, words_[-500:]))
            self._stopping.wait(0.3)

    def _take(self, event: dict[str, Any]) -> None:
        """Copy the row as it is now, then count the event as seen."""
        where = (event["connector_id"], event["entity"], event["key"])
        while not self._stopping.is_set():
            with suppress(psycopg.OperationalError), psycopg.connect(self._url(), autocommit=True) as one:
                self.copies[where] = copy(one, where)
                self.events.append(event)
                return
            self._stopping.wait(0.1)


def copy(connection: psycopg.Connection[Any], where: Key) -> str | None:
    """One row as text, an order with its lines and refunds."""
    connector, entity, key = where
    condition = f"t.connector_id = %s AND t.{KEYS[entity]} = %s"
    row = connection.execute(ROWS[entity].format(key=condition), (connector, key)).fetchone()
    return None if row is None else str(row[0])


def copies(connection: psycopg.Connection[Any]) -> dict[Key, str | None]:
    """All rows as they are."""
    found: dict[Key, str | None] = {}
    for entity, name in KEYS.items():
        keys = f"SELECT connector_id::text, {name} FROM platform_{entity}"
        for connector, key in connection.execute(keys).fetchall():
            found[connector, entity, key] = copy(connection, (connector, entity, key))
    return found
