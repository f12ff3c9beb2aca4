"""Lines that are too many for memory, kept by the numbers they belong to: each part a range of numbers.

The file has no name, so that it is gone whatever becomes of this process. Where a range ends is found as
the lines come: once the part with the highest numbers is full, what goes beyond begins another one, and
the same below. Results come by rising or falling number, more or less, and are shared out evenly; one
part may grow too large where they do not, and is for the reader to share out once more.
"""

import os
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from math import inf

from storelink.errors import Misconfigured

MOST = 256
"""Most parts."""
BUFFER = 4 * 1024 * 1024
"""Bytes of lines that wait to be written."""
_AT_ONCE = 1000
"""Texts that the system takes in one call."""


@dataclass(slots=True)
class Part:
    """The lines of a range of numbers: some that wait, and where in the file those before them are."""

    size: int = 0
    waiting: list[bytes] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)
    first: int = 0
    """The number of the first lines that wait."""
    firsts: list[int] = field(default_factory=list)
    """The same of all that were written: a sample of the numbers."""


class Partition:
    """The parts. A context: what it wrote is gone at its end."""

    def __init__(self, share: int, bounds: Sequence[int] = ()) -> None:
        """`share` is the bytes that a part should have; `bounds` the highest numbers of all but the last."""
        self._share = share
        self._bounds = list(bounds)
        self._parts = [Part() for _ in range(len(bounds) + 1)]
        self._least, self._most = inf, -inf
        self._buffered = self._end = 0
        self._file: FileIO | None = None

    def close(self) -> None:
        """Let go of everything."""
        self._parts.clear()
        if self._file is not None:
            self._file.close()

    @property
    def parts(self) -> Sequence[Part]:
        """All of them, by rising number."""
        return self._parts

    # -- taking ------------------------------------------------------------------------------------

    def place(self, number: int) -> tuple[Part, float, float]:
        """The part for a number, and the lowest and highest number that may be put there for now."""
        at = bisect_left(self._bounds, number)
        part, last = self._parts[at], len(self._bounds)
        full = part.size > self._share and last + 1 < MOST
        if full and at == last and number > self._most:
            self._bounds.append(int(self._most))
            self._parts.append(part := Part())
            return part, self._most + 1, inf
        if full and at == 0 and number < self._least:
            self._bounds.insert(0, int(self._least) - 1)
            self._parts.insert(0, part := Part())
            return part, -inf, self._least - 1
        low = self._bounds[at - 1] + 1 if at else self._least if full else -inf
        high = self._bounds[at] if at < last else self._most if full else inf
        return part, low, high

    def put(self, part: Part, first: int, lines: bytes, least: int, most: int) -> None:
        """Keep lines, each with its newline; their first number, the lowest, and the highest.

        Raises `Misconfigured` if the disk is full.
        """
        if not part.waiting:
            part.first = first
        part.waiting.append(lines)
        part.size += len(lines)
        self._least, self._most = min(self._least, least), max(self._most, most)
        self._buffered += len(lines)
        if self._buffered > BUFFER:
            self._write()

    def _write(self) -> None:
        """Write out what waits, part by part."""
        try:
            if self._file is None:
                # closed by `close`
                self._file = tempfile.TemporaryFile(prefix="storelink-", buffering=0)  # noqa: SIM115
            for part in self._parts:
                if part.waiting:
                    length = _append(self._file, part.waiting)
                    part.extents.append((self._end, length))
                    part.firsts.append(part.first)
                    part.waiting = []
                    self._end += length
        except OSError as error:
            raise Misconfigured(
                f"the result of a bulk operation cannot be kept in {tempfile.gettempdir()}:"
                f" {error.strerror}; make room there or set TMPDIR",
                code="temp",
            ) from error
        self._buffered = 0

    # -- giving ------------------------------------------------------------------------------------

    def blocks(self, part: Part) -> Iterator[bytes]:
        """The lines of a part, many at a time."""
        for extent in part.extents:
            yield self._block(extent)
        yield from part.waiting

    def _block(self, extent: tuple[int, int]) -> bytes:
        assert self._file is not None
        return os.pread(self._file.fileno(), extent[1], extent[0])

    def finer(self, part: Part) -> list[int]:
        """Bounds by which a part that is too large may be shared out once more; none if there are none."""
        numbers = sorted({*part.firsts, part.first})[:-1]
        step = max(len(numbers) * self._share // part.size, len(numbers) // (MOST - 1) + 1)
        return numbers[step - 1 :: step]


def _append(file: FileIO, lines: Sequence[bytes]) -> int:
    """Write all of them, without making one large text of them first; how many bytes that were."""
    for at in range(0, len(lines), _AT_ONCE):
        some = lines[at : at + _AT_ONCE]
        done, length = os.writev(file.fileno(), some), sum(map(len, some))
        while done < length:  # a disk that is nearly full takes less
            done += os.write(file.fileno(), b"".join(some)[done:])
    return sum(map(len, lines))
