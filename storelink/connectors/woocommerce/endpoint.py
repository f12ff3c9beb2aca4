"""One list of a store, read by window or by ids, even where a record in it cannot be delivered.

A page fails as a whole if one of its records crashes PHP, breaks the JSON or is too large. Then the
ids of the page are asked for alone, and the records by halves, until only those fail that really do.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#pagination
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from storelink.connectors.http import Params
from storelink.connectors.protocol import Raw, Read
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.client import Parsed
from storelink.connectors.woocommerce.shape import a_list, record_id
from storelink.connectors.woocommerce.walk import SIZE, Slice
from storelink.errors import Rejected, Retryable, StorelinkError, TooLarge

ORDER: Params = {"orderby": "id", "order": "asc"}
_ABOUT_CONTENT = frozenset(("cut", "junk", "html", "deep", "empty", "timeout", "size"))
"""Codes of failures that may come from what a record holds."""
_OF_PHP = frozenset((200, 500, 502, 504))
_FEW = 3
"""So many records may fail alone without a single one that does not."""


class Getter(Protocol):
    """The client, as far as reading needs it."""

    def get(self, path: str, params: Params | None = None, *, attempts: int | None = None) -> Parsed:
        """See `Client.get`."""


@dataclass(slots=True)
class Got:
    """What came, by id. `read` spans all requests that brought it."""

    read: Read
    found: dict[int, Raw] = field(default_factory=dict)
    nameless: list[Raw] = field(default_factory=list)
    """Records without a usable id, as they came."""
    failed: dict[int, StorelinkError] = field(default_factory=dict)
    """Records that alone fail although the store lives."""
    weight: int = 0
    """Bytes of the answers."""

    def add(self, other: "Got") -> None:
        """Take in what another request brought."""
        self.read = spanning(self.read, other.read)
        self.found.update(other.found)
        self.nameless.extend(other.nameless)
        self.failed.update(other.failed)
        self.weight += other.weight


def spanning(one: Read, two: Read) -> Read:
    """From the beginning of the earlier to the end of the later."""
    first = one if one.started <= two.started else two
    return Read(first.started, max(one.finished, two.finished), first.store_time)


def content_failed(error: StorelinkError) -> bool:
    """Whether a failure may come from one record rather than from the store."""
    if isinstance(error, TooLarge):
        return True
    if isinstance(error, Retryable):
        if error.status is None:
            return error.code in _ABOUT_CONTENT
        return error.status in _OF_PHP
    return isinstance(error, Rejected) and (error.status or 0) >= 500


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A list and the parameters that go with every request for it. Safe for several threads."""

    client: Getter
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    def window(self, offset: int, size: int = SIZE) -> Slice[Got]:
        """At most `size` rows (100 at the most) from `offset` on. Raises what the client raises."""
        page: dict[str, str | int] = {**self.params, **ORDER, "per_page": size}
        if offset:
            page["offset"] = offset
        try:
            parsed = self.client.get(self.path, page)
        except StorelinkError as error:
            if not content_failed(error):
                raise
            return self._window_by_ids(page, error)
        rows = a_page(parsed)
        return Slice(
            ids_of(rows), len(rows), _got(rows, parsed.answer.read), parsed.total, len(parsed.answer.body)
        )

    def by_ids(self, ids: Sequence[int], *, attempts: int | None = None) -> Got:
        """These records, where the list shows them; at most 100. Raises what the client raises."""
        try:
            return self._once(ids, attempts)
        except StorelinkError as error:
            if not content_failed(error):
                raise
            alone: Params = {**self.params, "_fields": "id", "per_page": 1}
            return self._apart(ids, error, alone)

    def _window_by_ids(self, page: Params, error: StorelinkError) -> Slice[Got]:
        """The same window, where asking for it whole has failed with `error`."""
        listing: Params = {**page, "_fields": "id"}
        parsed = self._alive(listing, error)
        rows = a_page(parsed)
        ids = ids_of(rows)
        got = Got(parsed.answer.read)
        if ids:
            got.add(self._apart(ids, error, listing))
        return Slice(ids, len(rows), got, parsed.total)

    def _alive(self, params: Params, error: StorelinkError) -> Parsed:
        """Ask for ids only, which needs no content; if that fails too, it is the store that fails."""
        try:
            return self.client.get(self.path, params, attempts=2)
        except Retryable:
            raise error from None

    def _apart(self, ids: Sequence[int], error: StorelinkError, ids_only: Params) -> Got:
        """Find the records that fail alone. Raises `error` if it looks as if the store did."""
        got = Got(self._alive(ids_only, error).answer.read)
        self._halves(ids, got)
        if len(got.failed) == len(ids):
            if len(ids) > _FEW:
                raise error
            self._alive(ids_only, error)
        return got

    def _halves(self, ids: Sequence[int], got: Got) -> None:
        """Read `ids` in two halves, after asking for all of them at once has failed."""
        middle = len(ids) // 2
        for part in (ids[:middle], ids[middle:]):
            if not part:
                continue
            try:
                # little patience: a crash is a crash, and there may be many such requests
                got.add(self._once(part, 2 if len(part) == 1 else 1))
            except StorelinkError as again:
                if not content_failed(again):
                    raise
                if len(part) == 1:
                    got.failed[part[0]] = again
                else:
                    self._halves(part, got)

    def _once(self, ids: Sequence[int], attempts: int | None) -> Got:
        asked: Params = {**self.params, "include": ",".join(map(str, ids)), "per_page": len(ids)}
        parsed = self.client.get(self.path, asked, attempts=attempts)
        got = _got(a_page(parsed), parsed.answer.read)
        got.weight = len(parsed.answer.body)
        # a cache or a translation plugin may answer with records that nobody asked for
        wanted = frozenset(ids)
        got.found = {key: raw for key, raw in got.found.items() if key in wanted}
        got.nameless.clear()
        return got


def a_page(parsed: Parsed) -> Sequence[Any]:
    """The rows of a list. Raises `Retryable` if the answer is something else."""
    try:
        return a_list(parsed.data, "the answer")
    except Unfit:
        raise Retryable(
            f"{parsed.answer.url} answered with an object where a list belongs", code="shape"
        ) from None


def id_of(row: Any) -> int | None:
    """The id of a row, None if it has none that could be one."""
    try:
        return int(record_id(row["id"], "id"))
    except (Unfit, TypeError, KeyError, IndexError):
        return None


def ids_of(rows: Iterable[Any]) -> list[int]:
    """The usable ids, in the order of the rows."""
    return [key for key in map(id_of, rows) if key is not None]


def _got(rows: Sequence[Any], read: Read) -> Got:
    got = Got(read)
    for row in rows:
        key = id_of(row)
        if key is None:
            got.nameless.append(row)
        else:
            got.found.setdefault(key, row)
    return got
