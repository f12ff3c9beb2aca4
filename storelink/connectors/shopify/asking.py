"""What the reader needs of the client."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from storelink.connectors.protocol import Read


class Cost(Protocol):
    """What Shopify reports of a query's price, and of the bucket it is paid from, in points."""

    @property
    def requested(self) -> float: ...

    @property
    def available(self) -> float: ...

    @property
    def maximum(self) -> float: ...


class Answer(Protocol):
    """What came for one document."""

    @property
    def data(self) -> dict[str, Any]: ...

    @property
    def read(self) -> Read: ...

    @property
    def cost(self) -> Cost | None: ...


class Asker(Protocol):
    """See `client.Client`."""

    def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, *, repeat: bool = True
    ) -> Answer:
        """Raises our errors; `Rejected` with code MAX_COST_EXCEEDED for what is too dear.

        With `repeat` false only what was certainly not done is sent again.
        """

    def download(self, url: str, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a bulk result from `offset` on. Raises our errors, while read too."""
