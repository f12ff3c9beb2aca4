"""What the search fields of each root mean on the shop's records.

Which fields a root knows is read from the official schema. One that it does not know is ignored and
warned about, as Shopify does; one that it knows and the sandbox does not is refused.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from graphql.pyutils import Path

from storelink.sandbox.drawer import Row
from storelink.sandbox.shopify.context import Run
from storelink.sandbox.shopify.refusal import bad_request, not_implemented
from storelink.sandbox.shopify.search import Match, Term, combine, parse
from storelink.sandbox.shopify.site import read_stamp

Doc = dict[str, Any]
Getter = Callable[["Found"], Any]
#: roots whose kind of record is not their own name
KINDS = {"productVariants": "variants"}
#: fields that are known though no table of the schema names them
_ALWAYS = frozenset(("id", "created_at", "updated_at"))
_CUSTOMER_FIELDS = frozenset(("customers", "customersCount"))


class Found:
    """A row and, when somebody asks, its document."""

    __slots__ = ("_doc", "_run", "kind", "row")

    def __init__(self, run: Run, kind: str, row: Row) -> None:
        self._run, self.kind, self.row = run, kind, row
        self._doc: Doc | None = None

    def get(self, name: str) -> Any:
        if self._doc is None:
            self._doc = self._run.graph.store.doc(self.kind, self.row.id) or {}
        return self._doc.get(name)

    def variants(self) -> list[Doc]:
        store = self._run.graph.store
        return list(store.docs("variants", store.variants_of(self.row.id)))


def _stamp(name: str) -> Getter:
    def get(found: Found) -> int | None:
        text = found.get(name)
        return None if text is None else read_stamp(text)

    return get


def _field(name: str) -> Getter:
    return lambda found: found.get(name)


def _order_states(found: Found) -> list[str]:
    if found.get("cancelledAt"):
        return ["cancelled"]
    return ["closed"] if found.get("closedAt") else ["open", "not_closed"]


_TIMES: dict[str, Getter] = {
    "created_at": lambda found: found.row.created,
    "updated_at": lambda found: found.row.modified,
    "customer_date": lambda found: found.row.created,
    "processed_at": _stamp("processedAt"),
    "published_at": _stamp("publishedAt"),
}
_NUMBERS: dict[str, dict[str, Getter]] = {
    "": {"id": lambda found: found.row.id},
    "products": {
        "inventory_total": _field("totalInventory"),
        "variant_id": lambda found: [part["id"] for part in found.variants()],
        "price": lambda found: [part["price"] / 100 for part in found.variants()],
    },
    "variants": {
        "product_id": lambda found: found.row.parent,
        "inventory_quantity": _field("inventoryQuantity"),
    },
    "customers": {
        "orders_count": _field("_orders"),
        "total_spent": lambda found: found.get("_spent") / 100,
    },
    "orders": {
        "customer_id": lambda found: found.row.parent,
        "current_total_price": lambda found: found.get("currentTotalPriceSet") / 100,
    },
}
_WORDS: dict[str, dict[str, Getter]] = {
    "": {"tag": _field("tags")},
    "products": {
        "title": lambda found: found.row.name,
        "status": lambda found: found.row.status,
        "vendor": _field("vendor"),
        "product_type": _field("productType"),
        "handle": _field("handle"),
        "gift_card": _field("isGiftCard"),
        "tracks_inventory": _field("tracksInventory"),
        "has_only_default_variant": _field("hasOnlyDefaultVariant"),
        "sku": lambda found: [part["sku"] for part in found.variants()],
        "barcode": lambda found: [part["barcode"] for part in found.variants()],
        "variant_title": lambda found: [part["title"] for part in found.variants()],
    },
    "variants": {
        "sku": lambda found: found.row.sku,
        "title": lambda found: found.row.name,
        "barcode": _field("barcode"),
    },
    "customers": {
        "email": lambda found: found.row.email,
        "first_name": _field("firstName"),
        "last_name": _field("lastName"),
        "phone": _field("_phone"),
        "state": _field("state"),
    },
    "orders": {
        "name": lambda found: [found.row.name, found.row.name.lstrip("#")],
        "email": lambda found: found.row.email,
        "financial_status": lambda found: found.row.status,
        "fulfillment_status": _field("displayFulfillmentStatus"),
        "return_status": _field("returnStatus"),
        "source_name": _field("sourceName"),
        "po_number": _field("poNumber"),
        "confirmation_number": _field("confirmationNumber"),
        "discount_code": _field("discountCode"),
        "gateway": _field("paymentGatewayNames"),
        "test": _field("test"),
        "sku": lambda found: [line["sku"] for line in found.get("_lines") or ()],
        "status": _order_states,
    },
    "events": {
        "action": lambda found: found.row.status,
        "subject_type": lambda found: found.row.kind,
    },
}


def matcher(run: Run, root: str, path: Path, query: str) -> Match | None:
    """The test of rows that a query stands for; None when it lets everything through."""
    kind = KINDS.get(root.removesuffix("Count"), root.removesuffix("Count"))
    if root == "productVariantsCount":
        kind = "variants"
    known = run.graph.schema.fields.get(root, {})
    warnings: list[dict[str, str]] = []

    def make(term: Term) -> Match | None:
        if term.field is None:
            return _free_text(term)
        name = term.field.removesuffix("_not") if term.field.endswith("_not") else term.field
        if term.field not in known and not (
            name in _ALWAYS and root != "customersCount" and kind != "events"
        ):
            warnings.append(
                {
                    "field": term.field,
                    "message": "Invalid search field for this query.",
                    "code": "invalid_field",
                }
            )
            return None
        test = _test(run, kind, name, term)
        if name == term.field:
            return test
        return lambda row: not test(row)

    test = combine(parse(query), make)
    if warnings:
        run.searches.append({"path": path.as_list(), "query": query, "warnings": warnings})
    if test is None:
        return None
    matches = test
    return lambda row: matches(Found(run, kind, row))  # type: ignore[arg-type]


def _free_text(term: Term) -> Match | None:
    wanted = term.value.casefold().rstrip("*")
    if not wanted:
        return None

    def test(found: Any) -> bool:
        row = found.row
        return any(wanted in text.casefold() for text in (row.name, row.email, row.sku) if text)

    return test


def _test(run: Run, kind: str, name: str, term: Term) -> Match:
    if name in _TIMES:
        return _time_test(run, kind, name, term)
    number = _NUMBERS[""].get(name) or _NUMBERS.get(kind, {}).get(name)
    if number is not None:
        return _number_test(number, term)
    word = _WORDS.get(kind, {}).get(name) or (_WORDS[""].get(name) if kind != "events" else None)
    if word is None:
        raise not_implemented(f"the search field {name} of {kind}")
    return _word_test(word, term)


def _compare(get: Getter, op: str, low: float, high: float) -> Match:
    """`low` and `high` are the first value that is meant and the first after it."""

    def test(found: Any) -> bool:
        values = get(found)
        for value in values if isinstance(values, list) else [values]:
            if value is None:
                continue
            if op == "" and low <= value < high:
                return True
            if (op == ">" and value >= high) or (op == ">=" and value >= low):
                return True
            if (op == "<" and value < low) or (op == "<=" and value < high):
                return True
        return False

    return test


def _number_test(get: Getter, term: Term) -> Match:
    try:
        value = float(term.value.rpartition("/")[2] if term.value.startswith("gid:") else term.value)
    except ValueError:
        raise bad_request(f"Invalid number for query filter `{term.field}`.") from None
    step = 1e-9 if value != int(value) else (1 if term.field in ("id", "customer_id") else 1e-9)
    return _compare(get, term.op, value, value + step)


def _word_test(get: Getter, term: Term) -> Match:
    if term.op:
        raise not_implemented(f"what {term.op} means for the search field {term.field}")
    wanted = [part.strip().casefold() for part in term.value.split(",")]
    if term.quoted:
        wanted = [term.value.casefold()]
    prefix = wanted[0][:-1] if len(wanted) == 1 and wanted[0].endswith("*") and not term.quoted else None

    def test(found: Any) -> bool:
        values = get(found)
        for value in values if isinstance(values, list) else [values]:
            if value is None or value == "":
                continue
            text = str(value).casefold()
            if (prefix is not None and text.startswith(prefix)) or text in wanted:
                return True
        return False

    return test


def _time_test(run: Run, kind: str, name: str, term: Term) -> Match:
    if ":" in term.value and not term.quoted:
        raise not_implemented("what Shopify makes of a time without quotes")
    low, high = _span(run, name, term.value)
    get = _TIMES[name]
    if kind != "customers" or name != "updated_at":
        return _compare(get, term.op, low, high)
    # "the date and time, matching a whole day": both ends widen to their days, in the shop's time zone
    zone = run.graph.store.site.zone
    day = datetime.fromtimestamp(low, zone).replace(hour=0, minute=0, second=0)
    low, high = int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
    return _compare(get, {">": ">=", "<": "<="}.get(term.op, term.op), low, high)


def _span(run: Run, name: str, text: str) -> tuple[int, int]:
    """The second that a text means, or the first of a day and the first after it, at the shop."""
    store = run.graph.store
    if text == "now":
        return store.clock.stamp(), store.clock.stamp() + 1
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f"Invalid timestamp for query filter `{name}`.") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=store.site.zone)
    low = int(at.timestamp())
    if len(text) <= 10:
        return low, int((at + timedelta(days=1)).timestamp())
    return low, low + 1
