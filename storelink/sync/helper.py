"""The process beside a first read that parses records and makes lines of them; see `helped`.

What it does is pure: it gets records as bytes and gives back what is written of them. It imports as
little as it can, because its memory counts.
"""

import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from storelink.connectors.protocol import Ignored, Normalize, Raw, Rows
from storelink.sync.prepared import Prepared, prepare

PROGRAM = "from storelink.sync.helper import serve; serve()"
NICE = 5
"""Whoever takes what it makes comes first, and so does Postgres: while those wait, nothing gets on."""
_YOUNG = 200_000
"""See `interpreter.YOUNG`."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all records of a read."""

    resource: str
    settings: Mapping[str, Any]
    normalizer: int
    unpack: Callable[[bytes], Raw]
    normalize: Normalize


def serve() -> None:
    """Answer whoever began this process, until its input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the one that began it, which ends it
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    gc.freeze()
    gc.set_threshold(_YOUNG)
    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    job = asked.get()
    while True:
        pickle.dump(_prepared(job, asked.get()), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.flush()


def _listen(asked: "SimpleQueue[Any]") -> None:
    """Take whatever comes at once: whoever sends must not wait while it is not listening itself."""
    try:
        while True:
            asked.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - from the process that began this one
    finally:
        os._exit(0)


def _prepared(job: Job, parts: Sequence[bytes]) -> list[Prepared] | None:
    """What is written of these records; None if one of them is out of the ordinary."""
    found = []
    for part in parts:
        try:
            result = job.normalize(job.resource, job.unpack(part), job.settings)
            if isinstance(result, Rows):
                found.append(prepare(result, job.normalizer))
            elif not isinstance(result, Ignored):
                return None
        except Exception:
            return None
    return found
