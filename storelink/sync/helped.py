"""First reads of large stores with a helper: a process that parses records and makes lines of them.

Python uses one core at a time. In a first read by one process, parsing and normalizing keep from the
core what hands lines to Postgres, and each of the two waits for the other half of its time.

Whatever is out of the ordinary, in a record or in the helper itself, is done again here, in the usual
way. It is a program of its own and no fork, because threads run here; it has no secrets, prints nothing,
and ends when its input does, so also with the process that began it, whatever became of that.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from storelink.connectors.protocol import Connector, Packed, RawPage
from storelink.sync.helper import PROGRAM, Job
from storelink.sync.prepared import Prepared

LARGE = 2_000
"""Records from which on a read is given one: it takes a fifth of a second to begin."""
AHEAD = 4
"""Pages that it may be given before the first of them is taken back."""
PIPE = 1024 * 1024
"""Bytes that may be on their way in each direction: a whole page, so that nobody is woken for parts."""
_one_at_a_time = threading.Lock()

_log = structlog.get_logger(__name__)


class Ended(Exception):
    """The helper is no more, or answers what it should not."""


class Helper:
    """The process. A context; use it from one thread."""

    def __init__(self, job: Job) -> None:
        """Raises `Ended` if it cannot be begun."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("STORELINK_")}
        env["MALLOC_ARENA_MAX"] = "1"  # see `interpreter`
        env["PYTHONPATH"] = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [sys.executable, "-P", "-c", PROGRAM], env=env,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pipesize=PIPE,
            )  # fmt: skip
        except OSError as error:
            raise Ended(str(error)) from error
        try:
            self._put(job)
        except Ended:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()  # first: it has nothing to lose, and whatever is buffered for it may not fit
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        self._process.wait()

    def send(self, parts: Sequence[bytes]) -> None:
        """Have these records prepared. Raises `Ended`."""
        self._put(parts)

    def take(self) -> list[Prepared] | None:
        """What became of the earliest that were sent; None if they must be done here. Raises `Ended`."""
        assert self._process.stdout is not None
        try:
            found: list[Prepared] | None = pickle.load(self._process.stdout)  # noqa: S301 - our own process
        except Exception as error:  # nonsense may be unpickled to anything
            raise Ended(f"{type(error).__name__}: {error}") from error
        return found

    def _put(self, message: object) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except (OSError, pickle.PicklingError, AttributeError, TypeError) as error:
            raise Ended(f"{type(error).__name__}: {error}") from error


def prepare_ahead(
    connector: Connector, resource: str, settings: Mapping[str, Any], reading: Iterator[RawPage]
) -> Iterator[tuple[RawPage, list[Prepared] | None]]:
    """The pages of a read, each with what a helper made of it: None where it is to be done here.

    Pages that nobody can help with wait for nothing but those before them; so does an error.
    """
    with _Help(connector, resource, settings) as helping:
        waiting: deque[RawPage] = deque()
        failure = None
        while failure is None:
            try:
                raw = next(reading, None)
            except Exception as error:
                raw, failure = None, error
            sent = raw is not None and helping.send(raw)
            while len(waiting) >= (AHEAD if sent else 1):
                yield waiting.popleft(), helping.take()
            if raw is None:
                break
            if sent:
                waiting.append(raw)
            else:
                yield raw, None
        if failure is not None:
            raise failure


class _Help:
    """The helper of one read, if it has one. A context."""

    def __init__(self, connector: Connector, resource: str, settings: Mapping[str, Any]) -> None:
        self._connector, self._resource, self._settings = connector, resource, settings
        self._stack = ExitStack()
        self._helper: Helper | None = None
        self._alone = False
        """Whether it has none, and gets none any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def send(self, raw: RawPage) -> bool:
        """Whether the page was given to a helper. One without records may say that there will be many."""
        records = raw.records
        if self._alone or not isinstance(records, Packed) or raw.broken:
            return False
        try:
            if self._helper is None and not self._begin(records, raw.total):
                return False
            if not records:
                return False
            assert self._helper is not None
            self._helper.send(records.parts)
        except Ended as error:
            self._lose(error)
            return False
        return True

    def take(self) -> list[Prepared] | None:
        """What became of the earliest page; None if that must be done here."""
        if self._alone or self._helper is None:
            return None
        try:
            return self._helper.take()
        except Ended as error:
            self._lose(error)
            return None

    def _begin(self, records: Packed, total: int | None) -> bool:
        if total is None and not records:
            return False  # nobody knows yet
        if (total or 0) < LARGE or _cores() < 2 or not _one_at_a_time.acquire(blocking=False):
            self._alone = True
            return False
        self._stack.callback(_one_at_a_time.release)
        job = Job(
            self._resource, self._settings, self._connector.normalizer_version,
            records.unpack, records.normalize,
        )  # fmt: skip
        self._helper = self._stack.enter_context(Helper(job))
        return True

    def _lose(self, error: Ended) -> None:
        self._alone = True
        _log.warning("helper.ended", resource=self._resource, error=str(error))


def _cores() -> int:
    """How many this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1
