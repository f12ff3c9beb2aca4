"""A platform on which nothing ever happens and every answer comes at once: what is left is our own work.

It is found like any other, by entry point: `installed` writes what pip would.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from storelink.connectors.protocol import Checkup, FetchPage, ListPage, RawPage, Read, Traffic
from storelink.connectors.registry import GROUP


class StandinStore:
    """Has no records."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.traffic = Traffic()

    def check(self) -> Checkup:
        """All is well."""
        return Checkup(())

    def close(self) -> None:
        """Nothing is open."""

    def list_all(self, resource: str) -> Iterator[ListPage]:  # noqa: ARG002 - the seam
        """One empty page."""
        self.traffic.requests += 1
        now = self._clock()
        yield ListPage([], Read(now, now, now), 0)

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:  # noqa: ARG002
        """One empty page."""
        return self.list_all(resource)

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:  # noqa: ARG002
        """Nothing."""
        return iter(())

    def backfill(self, resource: str, cursor: Mapping[str, Any] | None) -> Iterator[RawPage]:  # noqa: ARG002
        """Nothing."""
        return iter(())


class Standin:
    """The connector."""

    platform = "standin"
    title = "Stand-in"
    auth_modes: Mapping[str, Any] = {"none": ()}
    authorization = None
    resources = ("products", "customers", "orders")
    listed_whole: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    normalizer_version = 1

    def open(self, account: Any, limits: Any, clock: Callable[[], datetime]) -> StandinStore:  # noqa: ARG002
        """A store without records."""
        return StandinStore(clock)

    def normalize_url(self, url: str) -> str:
        """As it is."""
        return url

    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        """Never called."""
        raise NotImplementedError

    def rebuild(self, resource: str, rows: Any) -> Any:
        """Never called."""
        raise NotImplementedError


CONNECTOR = Standin()


def installed(folder: Path) -> str:
    """Write the entry point to `folder`; returns the PYTHONPATH with which it is found."""
    info = folder / "standin-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: standin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nstandin = bench.standin:CONNECTOR\n")
    return f"{folder}:{Path(__file__).resolve().parent.parent}"
