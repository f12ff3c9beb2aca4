"""Lists: filters, order, paging and the headers that go with them (facts §2, §3)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from storelink.sandbox.drawer import Row
from storelink.sandbox.woocommerce import dates, fields
from storelink.sandbox.woocommerce.answers import Answer, Refused
from storelink.sandbox.woocommerce.params import Checks
from storelink.sandbox.woocommerce.php import Query, build_query, decode, encode, texts
from storelink.sandbox.woocommerce.store import Store

Test = Callable[[Row], bool]
Key = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Paging:
    """One page of a list: `offset` wins over `page`."""

    page: int
    per_page: int
    offset: int | None

    @property
    def start(self) -> int:
        return (self.page - 1) * self.per_page if self.offset is None else max(self.offset, 0)


@dataclass(slots=True)
class Listing:
    """What a list request comes down to.

    `kept` says by what the result may be remembered; `rewrite` turns a record's stored bytes into
    those of this list, where they differ, `form` tells such lists apart. `forgets` says when an
    empty page comes with a total of 0: never (users), behind an `offset` (posts, which count again
    only for a `page`), or always (orders in HPOS).
    """

    kind: str
    path: str
    tests: list[Test] = field(default_factory=list)
    key: Key = lambda row: (row.created, row.id)
    backwards: bool = True
    kept: Any = None
    rewrite: Callable[[Row, bytes], bytes] | None = None
    form: str = ""
    forgets: str = "offset"
    shown: Query = field(default_factory=dict)
    shown_if_any: Query = field(default_factory=dict)
    allow: str = "GET, POST"


def paging(checks: Checks, query: Query) -> Paging:
    page = checks.whole(query, "page", 1, least=1)
    per_page = checks.whole(query, "per_page", 10, least=1, most=100)
    offset = checks.whole(query, "offset", 0) if "offset" in query else None
    return Paging(page, per_page, offset)


def by_dates(store: Store, checks: Checks, query: Query, *, local: bool) -> list[Test]:
    """Tests for the four date bounds; `local` as in `dates.bound`."""
    tests: list[Test] = []
    for name, (column, _) in dates.BOUNDS.items():
        if not query.get(name):
            continue
        try:
            within = dates.bound(name, query, store.site.zone, local=local)
        except Refused as refused:
            checks.add(refused)
            continue
        tests.append(_created(within) if column == "created" else _modified(within))
    return tests


def _created(within: Callable[[int], bool]) -> Test:
    return lambda row: within(row.created)


def _modified(within: Callable[[int], bool]) -> Test:
    return lambda row: row.modified is not None and within(row.modified)


def by_ids(checks: Checks, query: Query) -> tuple[list[Test], list[int]]:
    """Tests for `include` and `exclude`, and the ids included, in the order they were asked for."""
    tests: list[Test] = []
    included = checks.numbers(query, "include")
    excluded = frozenset(checks.numbers(query, "exclude"))
    if included:
        ids = frozenset(included)
        tests.append(lambda row: row.id in ids)
    if excluded:
        tests.append(lambda row: row.id not in excluded)
    return tests, included


def order_by(
    checks: Checks, query: Query, keys: dict[str, Key], default: str, order: str, included: list[int]
) -> tuple[Key, bool]:
    """The sort key and whether it runs backwards."""
    name = checks.one_of(query, "orderby", tuple(keys), default)
    backwards = checks.one_of(query, "order", ("asc", "desc"), order) == "desc"
    if name == "include":
        places = {record: at for at, record in enumerate(included)}
        return lambda row: places.get(row.id, row.id), False
    return keys.get(name, keys[default]), backwards


def rows_of(store: Store, listing: Listing) -> Sequence[Row]:
    """All rows that pass, in order."""

    def make(rows: Iterable[Row]) -> Sequence[Row]:
        passed = [row for row in rows if all(test(row) for test in listing.tests)]
        passed.sort(key=listing.key, reverse=listing.backwards)
        return passed

    return store.drawers[listing.kind].listed(listing.kept, make)


def answer(store: Store, listing: Listing, paged: Paging, query: Query) -> Answer:
    """The page asked for, with its headers."""
    rows = rows_of(store, listing)
    return page_answer(store, listing, paged, query, rows)


def page_answer(store: Store, listing: Listing, paged: Paging, query: Query, rows: Sequence[Row]) -> Answer:
    """One page of these rows."""
    page = rows[paged.start : paged.start + paged.per_page]
    forgotten = listing.forgets == "always" or (listing.forgets == "offset" and paged.page == 1)
    total = 0 if forgotten and not page else len(rows)
    pages = -(-total // paged.per_page)
    found = Answer(200, body_of(store, listing, page, query), allow=listing.allow)
    found.headers = [("X-WP-Total", str(total)), ("X-WP-TotalPages", str(pages))]
    shown = {**query, **listing.shown, **(listing.shown_if_any if page else {})}
    found.link = links(store, listing.path, paged, pages, shown)
    return found


def body_of(store: Store, listing: Listing, page: Sequence[Row], query: Query) -> bytes:
    """The page's JSON: whole stored records where that will do, else made and remembered."""
    drawer = store.drawers[listing.kind]
    names = fields.wanted(query)
    rewrite = listing.rewrite
    if not names and rewrite is None:
        return drawer.page(page)
    if names and fields.quick(names):
        parts = [fields.quick_bytes(row, names) for row in page]
        return b"[" + b",".join(parts) + b"]"
    picked = fields.tree(names)

    def make(row: Row) -> bytes:
        body = drawer.body(row.id)
        if rewrite is not None:
            body = rewrite(row, body)
        return encode(fields.pick(decode(body), picked)) if names else body

    if not names:
        return b"[" + b",".join([make(row) for row in page]) + b"]"
    return drawer.picked((listing.path, listing.form, names), page, make)


def links(store: Store, path: str, paged: Paging, pages: int, query: Query) -> str | None:
    """`rel="prev"` and `rel="next"`; None where the page stands alone."""
    found = []
    if paged.page > 1:
        before = min(paged.page - 1, pages)
        found.append(f'<{_address(store, path, query, before)}>; rel="prev"')
    if pages > paged.page:
        found.append(f'<{_address(store, path, query, paged.page + 1)}>; rel="next"')
    return ", ".join(found) or None


def _address(store: Store, path: str, query: Query, page: int) -> str:
    shown = {name: _table(name, value) for name, value in query.items()}
    shown["page"] = str(page)
    return f"{store.site.api}/{path}?{build_query(shown)}"


#: parameters that the store turns into lists, which shows in its links
_TABLES = frozenset(("status", "include", "exclude", "include_status", "parent", "parent_exclude"))


def _table(name: str, value: Any) -> Any:
    if name not in _TABLES or isinstance(value, dict):
        return value
    return {str(at): part for at, part in enumerate(texts(value))}
