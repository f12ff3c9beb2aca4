"""How many whole records to ask for at once, by what they weigh.

A page is held in memory several times over (its bytes, what they parse to, its rows) and several
pages are under way at once. Records of a few kilobytes come a hundred at a time; of a hundred
kilobytes each, four.
"""

from storelink.connectors.woocommerce.walk import SIZE

AIM = 400_000
"""Bytes of a page; a hundred orders of a usual shop weigh about as much."""
FIRST = 10
"""Records of the first page, before any weight is known."""
LEAST = 4
"""A page overlaps the one before by a record, so that fewer would hardly get on."""


def fitting(each: float) -> int:
    """How many records of `each` bytes make a page."""
    return max(LEAST, min(SIZE, int(AIM / each)))


class PageSize:
    """`value` is for the next walk; feed it with `weigh`, from any thread."""

    def __init__(self) -> None:
        self.value = FIRST
        self._mean = 0.0

    def weigh(self, size: int, rows: int) -> None:
        """A page of `rows` records had `size` bytes."""
        if rows:
            self._mean = size / rows

    def change(self) -> bool:
        """Adopt a size that fits the last page's weight; whether it is a different one."""
        if not self._mean:
            return False
        size = fitting(self._mean)
        if size * 2 <= self.value or size >= self.value * 2 or (size == SIZE and self.value == FIRST):
            self.value = size
            return True
        return False
