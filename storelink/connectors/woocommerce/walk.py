"""Reading a whole list that may be paged by offset only, while its rows move. Knows no HTTP.

The list is asked for by ascending id. Each page begins with the last row of the one before: as long
as a page begins at or before the last id seen, nothing between can have been missed. If it begins
after, rows went away further up, and the walk steps back until pages overlap again. Plain paging
loses such rows, which never changed themselves, so that nothing later asks for them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from storelink.connectors.woocommerce.ahead import Ahead
from storelink.connectors.woocommerce.width import Width
from storelink.errors import Misconfigured

T = TypeVar("T")
SIZE = 100
"""Rows a page; WooCommerce gives no more."""
_FIRST_BACK = 8
_PATIENCE = 32
"""Answers in a row that bring the walk no further. Stepping back and doubling need far fewer."""
_SAME = 4
"""Full pages in a row that are the same, though asked for from rows far apart."""
_LOOKS = 3
"""Empty pages in a row that end a list, although the store counts more rows."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a walk is: all rows up to `last_id` are read, and that row stood at `offset`."""

    last_id: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The rows from some offset on, at most as many as were asked for."""

    ids: Sequence[int]
    """As they came."""
    rows: int
    """How many rows came, those without a usable id included."""
    content: T
    total: int | None = None
    """How long the store says that the whole list is."""
    weight: int = 0
    """Bytes of the answer."""


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """One page that joins on to what was read before."""

    content: T
    after: int
    """Ids greater than this are new; the others were in an earlier page."""
    position: Position
    """Where a walk goes on after this page."""
    last: bool
    """Whether this is known to be the end."""
    total: int | None


Ask = Callable[[int], Slice[T]]
"""Offset → at most `size` rows by ascending id."""


def walk(ask: Ask[T], start: Position, width: Width | None = None, *, size: int = SIZE) -> Iterator[Step[T]]:
    """Every row after `start`, page by page; at least one page, even if it is empty.

    With a width some pages are asked for ahead, by several threads. Raises what `ask` raises, and
    `Misconfigured` if the store's pages do not make a list.
    """
    with Ahead(ask, width) as ahead:
        walking = _Walk(ahead, start, size)
        while not walking.ended:
            step = walking.step()
            if step is not None:
                walking.look_ahead(step)
                yield step


class _Walk(Generic[T]):
    """The state of one walk; each `step` is one page."""

    def __init__(self, ahead: Ahead[int, Slice[T]], start: Position, size: int) -> None:
        self._ahead, self._size = ahead, size
        self._last_id, self._offset = start.last_id, start.offset
        self._back, self._forward, self._stride = _FIRST_BACK, size - 1, size - 1
        self._before: int | None = None
        """An offset whose page held read rows only: the place is further down."""
        self._behind: int | None = None
        """An offset whose page began after the last id: the place is further up."""
        self._beyond = 0
        """Looks past a page that was short although the store says that there is more."""
        self._claimed = 0
        self._idle, self._same, self._seen = 0, 0, Position()
        self._first = True
        self.ended = False

    def step(self) -> Step[T] | None:
        """Ask for the next page; None if it brings nothing."""
        if self._idle > _PATIENCE or self._same >= _SAME:
            raise Misconfigured(
                "the store answers every page of its list with the same records: it, or something "
                "in front of it, ignores the parameters offset and orderby",
                code="paging",
            )
        page = self._ahead.take(self._offset)
        ids = _ascending(page.ids)
        if page.rows:
            self._claimed = page.total or 0
        if self._offset and not self._beyond and not (ids and ids[0] <= self._last_id):
            self._step_back()
            return None
        return self._advance(page, ids)

    def look_ahead(self, step: Step[T]) -> None:
        """Ask for further pages while this one is worked on, if the list seems to go on."""
        while not step.last and self._ahead.room > 0:
            offset = self._ahead.last
            offset = self._offset if offset is None else offset + self._stride
            known = step.total is not None and offset + 1 < step.total
            if not known and offset != self._offset:
                return
            self._ahead.want(offset)

    def _advance(self, page: Slice[T], ids: Sequence[int]) -> Step[T] | None:
        after, fresh = self._last_id, bool(ids) and ids[-1] > self._last_id
        more = page.rows >= self._size or self._claimed > self._offset + page.rows
        told = fresh or self._first
        self._first = False
        if fresh:
            self._last_id = ids[-1]
            self._offset += len(ids) - 1
            self._stride = max(1, len(ids) - 1)
            self._back, self._forward, self._before, self._behind = _FIRST_BACK, self._size - 1, None, None
            self._idle, self._same, self._beyond = 0, 0, 0
        elif page.rows >= self._size:
            self._look_further_down(ids)
        elif more:
            more = self._look_beyond(page)
        self.ended = not more
        if not told:
            return None
        return Step(page.content, after, Position(self._last_id, self._offset), not more, page.total)

    def _step_back(self) -> None:
        """Rows went away further up, and those after them stand at smaller offsets now."""
        self._idle += 1
        self._behind = self._offset
        if not self._between():
            self._offset = max(0, self._offset - self._back)
            self._back *= 4

    def _look_further_down(self, ids: Sequence[int]) -> None:
        """Rows came back further up: nothing new in a full page."""
        self._idle += 1
        page = Position(ids[-1] if ids else 0, len(ids))
        self._same = self._same + 1 if page == self._seen else 0
        self._seen = page
        self._before = self._offset
        if not self._between():
            self._offset += self._forward
            self._forward *= 2

    def _between(self) -> bool:
        """Go half way between a page that lies before the place and one behind it, if both are known."""
        if self._before is None or self._behind is None:
            return False
        if self._behind - self._before > 1:
            self._offset = (self._before + self._behind) // 2
            return True
        self._before = self._behind = None  # rows have moved since
        return False

    def _look_beyond(self, page: Slice[T]) -> bool:
        """Nothing new in a short page, but the store counts more rows: some it does not show."""
        self._beyond = self._beyond + 1 if not page.rows else 1
        self._idle += 1
        self._offset += page.rows or self._size
        return self._beyond <= _LOOKS


def _ascending(ids: Sequence[int]) -> Sequence[int]:
    """The ids without repeats. Raises `Misconfigured` if they do not ascend."""
    found = list(dict.fromkeys(ids))
    if any(one > two for one, two in pairwise(found)):
        raise Misconfigured(
            "the store's list is not sorted by id: it, or something in front of it, ignores the "
            "parameters orderby and order",
            code="sorting",
        )
    return found
