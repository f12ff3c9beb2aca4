"""One bulk operation and its result."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from storelink.sandbox.shopify.bulk_file import BulkFile


@dataclass(frozen=True, slots=True)
class Result:
    """A finished file and its counts. `revision` is the store's at the time."""

    path: Path
    size: int
    objects: int
    roots: int
    revision: int


@dataclass(slots=True)
class Operation:
    """One bulk operation. `faults` are words of `switches.BULK_FAULTS`."""

    number: int
    app: str
    query: str
    created: float
    seconds: float
    faults: frozenset[str]
    secret: str = field(repr=False)
    foreign: bool = False
    canceled: bool = False
    looked: bool = False
    past: bool = False
    problem: str = ""
    result: Result | None = None
    file: BulkFile | None = None
    finished: float | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def gid(self) -> str:
        return f"gid://shopify/BulkOperation/{self.number}"


class Busy(Exception):
    """As many operations run as may: their ids."""

    def __init__(self, running: list[str]) -> None:
        super().__init__("a bulk operation is in progress")
        self.running = running
