"""How many records are asked for at once, by what Shopify says that they cost.

A query may cost 1,000 points at most, on every plan. What a connection costs grows with the logarithm
of its size, so large pages are the cheap ones.
Docs: https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits
"""

from typing import Any

from storelink.connectors.shopify.asking import Answer, Asker, Cost
from storelink.errors import Rejected, StorelinkError, TooLarge

AIM = 850.0
"""Points that a page may cost without being the last to grow. One that is refused costs nothing."""
MOST = 250
TOO_DEAR = "MAX_COST_EXCEEDED"


class PageSize:
    """Records a page and nested rows a record. Several threads may share one; a race does no harm."""

    def __init__(self, lines: int, rows: int = 50, most: int = MOST) -> None:
        self.rows, self.lines, self._most = min(rows, most), lines, most

    def learn(self, asked: int, cost: Cost | None) -> None:
        """A page of `asked` records was said to cost so much: ask for more while that is well in reach."""
        if cost is not None and asked >= self.rows and cost.requested <= AIM:
            self.rows = min(self._most, 2 * self.rows)

    def shrink(self, asked: int, error: StorelinkError) -> None:
        """A page of `asked` records was too dear or too long. Raises `error` if none can be smaller."""
        if asked > 1:
            self.rows = self._most = min(self.rows, asked // 2)
        elif self.lines > 1:
            self.lines //= 2
        else:
            raise error


def too_much(error: StorelinkError) -> bool:
    """Whether less should be asked for."""
    return isinstance(error, TooLarge) or (isinstance(error, Rejected) and error.code == TOO_DEAR)


def ask_sized(
    client: Asker, document: str, size: PageSize, variables: dict[str, Any], most: int | None = None
) -> Answer:
    """Ask for a page of `size` or of `most` records, a smaller one where that is too much."""
    while True:
        asked = min(size.rows, most or size.rows)
        lines = {"lines": size.lines} if "$lines" in document else {}
        try:
            answer = client.ask(document, {**variables, "first": asked, **lines})
        except StorelinkError as error:
            if not too_much(error):
                raise
            size.shrink(asked, error)
        else:
            size.learn(asked, answer.cost)
            return answer
