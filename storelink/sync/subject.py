"""The store that a pass is about."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from storelink.connectors.protocol import Connector, Store
from storelink.sync.erased import Memory


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is. `total` is the store's own count, None where it gave none."""

    resource: str
    kind: str
    done: int
    total: int | None = None


def silent(_: Progress) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One registered store, connected."""

    id: uuid.UUID
    name: str
    connector: Connector
    store: Store
    settings: Mapping[str, Any]
    interval: int = 300
    report: Callable[[Progress], None] = silent
    accept_deletes: bool = False
    memory: Memory | None = None
    """Who was erased; None refuses to write for a store that has such people."""
