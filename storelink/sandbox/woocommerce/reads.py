"""The lists of each resource: which filters and orders they know (facts §2–§5)."""

from collections.abc import Callable, Sequence
from typing import Any

from storelink.sandbox.drawer import Row
from storelink.sandbox.money import cents
from storelink.sandbox.woocommerce import products, refunds
from storelink.sandbox.woocommerce.answers import Answer
from storelink.sandbox.woocommerce.lists import (
    Key,
    Listing,
    Test,
    answer,
    by_dates,
    by_ids,
    order_by,
    paging,
)
from storelink.sandbox.woocommerce.orders import with_decimals
from storelink.sandbox.woocommerce.params import Checks, known
from storelink.sandbox.woocommerce.php import Query, decode, encode, texts
from storelink.sandbox.woocommerce.site import STATUS_NAMES, UNLISTED
from storelink.sandbox.woocommerce.store import Doc, Store

_POST_KEYS: dict[str, Key] = {
    "date": lambda row: (row.created, row.id),
    "id": lambda row: row.id,
    "include": lambda row: row.id,
    "title": lambda row: (row.name.lower(), row.id),
    "slug": lambda row: (row.name.lower(), row.id),
    "modified": lambda row: (row.modified or 0, row.id),
}
_USER_KEYS: dict[str, Key] = {
    "id": lambda row: row.id,
    "include": lambda row: row.id,
    "name": lambda row: (row.name.lower(), row.id),
    "registered_date": lambda row: (row.created, row.id),
}
_ORDER_STATUSES = ("any", "trash", "auto-draft", *STATUS_NAMES)
_PRODUCT_STATUSES = ("any", "future", "trash", "draft", "pending", "private", "publish")
_TYPES = ("simple", "grouped", "external", "variable")
_ROLES = (
    "all", "administrator", "editor", "author", "contributor", "subscriber", "customer",
    "shop_manager",
)  # fmt: skip
_DATES = (
    "after", "before", "modified_after", "modified_before", "dates_are_gmt", "orderby", "order",
    "include", "exclude", "status",
)  # fmt: skip


def _remember(query: Query, *more: str) -> Any:
    return repr(sorted(known(query, (*_DATES, *more)).items()))


def _dated(
    store: Store, checks: Checks, query: Query, *, local: bool, extra: dict[str, Key] | None = None
) -> tuple[list[Test], Key, bool]:
    """What orders, products, variations and refunds have in common."""
    tests, included = by_ids(checks, query)
    tests += by_dates(store, checks, query, local=local)
    keys = {**_POST_KEYS, **(extra or {})}
    key, backwards = order_by(checks, query, keys, "date", "desc", included)
    return tests, key, backwards


def orders(store: Store, query: Query) -> Answer:
    """`GET /orders`."""
    checks = Checks()
    paged = paging(checks, query)
    tests, key, backwards = _dated(store, checks, query, local=not store.site.hpos)
    statuses = checks.some_of(query, "status", _ORDER_STATUSES)
    if not statuses or "any" in statuses:
        tests.append(lambda row: row.status not in UNLISTED)
    else:
        named = frozenset(statuses)
        tests.append(lambda row: row.status in named)
    for name, column in (("customer", "customer_id"), ("parent", "parent_id")):
        wanted = checks.numbers(query, name)
        if wanted and column == "customer_id":
            tests.append(lambda row, ids=frozenset(wanted): row.parent in ids)  # type: ignore[misc]
        elif wanted and 0 not in wanted:
            tests.append(_never)
    product = checks.whole(query, "product", 0)
    places = checks.whole(query, "dp", 2, least=0, most=12)
    if product:
        tests.append(lambda row: b'"product_id":%d,' % product in store.drawers["orders"].body(row.id))
    if query.get("search"):
        tests.append(_search_order(store, str(query["search"])))
    checks.done()
    listing = Listing(
        "orders",
        "orders",
        tests,
        key,
        backwards,
        _remember(query, "customer", "parent", "product", "search"),
        forgets="always" if store.site.hpos else "offset",
        shown={} if statuses else {"status": {"0": "any"}},
        shown_if_any={"dp": str(query.get("dp", 2)), "context": str(query.get("context", "view"))},
    )
    if places != 2:
        listing.rewrite = lambda _, body: encode(with_decimals(decode(body), places))
        listing.form = f"dp={places}"
    return answer(store, listing, paged, query)


def _never(_: Row) -> bool:
    return False


def _search_order(store: Store, text: str) -> Test:
    """Finds billing e-mail and names."""
    needle = text.lower()

    def found(row: Row) -> bool:
        doc = store.doc("orders", row.id)
        billing = doc["billing"] if doc else {}
        words = (billing.get(key, "") for key in ("first_name", "last_name", "email", "company"))
        return needle in " ".join(words).lower()

    return found


def _product_statuses(checks: Checks, query: Query) -> Test:
    status = checks.one_of(query, "status", _PRODUCT_STATUSES, "any")
    several = checks.some_of(query, "include_status", _PRODUCT_STATUSES)
    unwanted = frozenset(checks.some_of(query, "exclude_status", _PRODUCT_STATUSES))
    named = frozenset(several or [status])
    if "any" in named:
        return lambda row: row.status not in UNLISTED and row.status not in unwanted
    return lambda row: row.status in named and row.status not in unwanted


def products_list(store: Store, query: Query) -> Answer:
    """`GET /products`: parents only, but `sku` finds variations, too."""
    checks = Checks()
    paged = paging(checks, query)
    extra: dict[str, Key] = {
        name: _by_number(store, column)
        for name, column in (
            ("price", "price"),
            ("popularity", "total_sales"),
            ("rating", "average_rating"),
            ("menu_order", "menu_order"),
        )
    }
    tests, key, backwards = _dated(store, checks, query, local=True, extra=extra)
    tests.append(_product_statuses(checks, query))
    kind = checks.one_of(query, "type", _TYPES, "simple") if query.get("type") else ""
    if kind:
        tests.append(lambda row: row.kind == kind)
    if query.get("search"):
        needle = str(query["search"]).lower()
        tests.append(lambda row: needle in row.name.lower())
    tests += _product_values(store, checks, query)
    skus = frozenset(part.strip() for part in str(query.get("sku", "")).split(",") if part.strip())
    if skus:
        tests.append(lambda row: row.sku in skus)
    checks.done()
    listing = Listing("products", "products", tests, key, backwards)
    listing.kept = _remember(
        query, "type", "sku", "search", "include_status", "exclude_status", *_VALUES, "category",
        "min_price", "max_price", "parent",
    )  # fmt: skip
    if skus:
        return _with_variations(store, listing, skus, query)
    return answer(store, listing, paged, query)


_VALUES = ("slug", "featured", "on_sale", "stock_status")


def _product_values(store: Store, checks: Checks, query: Query) -> list[Test]:
    """Filters that look into the record itself."""
    tests: list[Test] = []
    for name in _VALUES:
        if name in query:
            text = str(query[name])
            tests.append(lambda row, n=name, t=text: _shown(_doc(store, row)[n]) == t)  # type: ignore[misc]
    for name, low in (("min_price", True), ("max_price", False)):
        if query.get(name):
            limit = cents(query[name])
            tests.append(
                lambda row, lo=low, li=limit: (  # type: ignore[misc]
                    (cents(_doc(store, row)["price"]) >= li) == lo or cents(_doc(store, row)["price"]) == li
                )
            )
    categories = frozenset(checks.numbers(query, "category"))
    if categories:
        tests.append(lambda row: any(part["id"] in categories for part in _doc(store, row)["categories"]))
    return tests


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(store: Store, row: Row) -> Doc:
    kind = "variations" if row.kind == "variation" else "products"
    return store.doc(kind, row.id) or {}


def _by_number(store: Store, column: str) -> Key:
    return lambda row: (float(_doc(store, row)[column] or 0), row.id)


def _with_variations(store: Store, listing: Listing, skus: frozenset[str], query: Query) -> Answer:
    """Products and variations of these SKUs, newest first; few, so made on the spot."""
    from storelink.sandbox.woocommerce.lists import rows_of
    from storelink.sandbox.woocommerce.singles import paged_docs, product

    rows: list[Row] = list(rows_of(store, listing))
    children = store.drawers["variations"].rows.values()
    rows += [row for row in children if row.sku in skus and row.status != "trash"]
    rows.sort(key=listing.key, reverse=listing.backwards)
    docs = [product(store, row.id) for row in rows]
    return paged_docs(store, "products", docs, query)


def variations(store: Store, query: Query, parent: int | None) -> Answer:
    """`GET /products/<parent>/variations`, or the store-wide `GET /variations` (parent None).

    A parent that does not exist has an empty list.
    """
    checks = Checks()
    paged = paging(checks, query)
    tests, key, backwards = _dated(store, checks, query, local=True)
    tests.append(_product_statuses(checks, query))
    skus = frozenset(texts(query.get("sku", "")))
    if skus:
        tests.append(lambda row: row.sku in skus)
    checks.done()
    path, allow, rewrite = "variations", "GET", None
    if parent is not None:
        tests.append(lambda row: row.parent == parent)
        path, allow = f"products/{parent}/variations", "GET, POST"
    else:
        rewrite = _for_all(store)
    kept = (parent, _remember(query, "sku", "include_status", "exclude_status"))
    listing = Listing("variations", path, tests, key, backwards, kept, rewrite, allow=allow)
    return answer(store, listing, paged, query)


def _for_all(store: Store) -> Callable[[Row, bytes], bytes]:
    return lambda row, body: products.globally(store.site, row.id, body)


def customers(store: Store, query: Query) -> Answer:
    """`GET /customers`: role `customer` unless another is asked for; nothing about dates of change."""
    checks = Checks()
    paged = paging(checks, query)
    tests, included = by_ids(checks, query)
    key, backwards = order_by(checks, query, _USER_KEYS, "name", "asc", included)
    role = checks.one_of(query, "role", _ROLES, "customer")
    if role != "all":
        tests.append(lambda row: row.kind == role)
    if query.get("email"):
        email = str(query["email"]).lower()
        tests.append(lambda row: row.email.lower() == email)
    if query.get("search"):
        needle = str(query["search"]).lower()
        tests.append(lambda row: needle in f"{row.name} {row.email}".lower())
    checks.done()
    names = ("include", "exclude", "orderby", "order", "role", "email", "search")
    kept = repr(sorted(known(query, names).items()))
    listing = Listing("customers", "customers", tests, key, backwards, kept, forgets="never")
    return answer(store, listing, paged, query)


def refunds_list(store: Store, query: Query, order: int | None) -> Answer:
    """`GET /orders/<order>/refunds`, or the store-wide `GET /refunds` (order None)."""
    checks = Checks()
    paged = paging(checks, query)
    tests, key, backwards = _dated(store, checks, query, local=False)
    checks.done()
    if order is None:
        shown = {"dp": str(query.get("dp", 2))}
        listing = Listing(
            "refunds", "refunds", tests, key, backwards, _remember(query), shown_if_any=shown,
            allow="GET",
            forgets="always" if store.site.hpos else "offset",
        )  # fmt: skip
        return answer(store, listing, paged, query)
    tests.append(lambda row: row.parent == order)
    listing = Listing(
        "refunds",
        f"orders/{order}/refunds",
        tests,
        key,
        backwards,
        (order, _remember(query)),
        lambda row, body: refunds.of_order(row.parent, body),
        forgets="always" if store.site.hpos else "offset",
    )
    return answer(store, listing, paged, query)


def rows(store: Store, kind: str) -> Sequence[Row]:
    """All rows of a kind by id, trash and all."""
    return sorted(store.drawers[kind].rows.values(), key=lambda row: row.id)
