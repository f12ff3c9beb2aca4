"""What belongs to a record but is another request: an order's refunds, a product's variations.

The store's own lists over all orders or products are asked first, for up to 100 ids at once; what
they do not bring, and stores too old to have them, are asked record by record.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-refunds and #product-variations
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from storelink.connectors.protocol import Broken, Raw, Read
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.endpoint import (
    Endpoint,
    Getter,
    Got,
    content_failed,
    id_of,
    spanning,
)
from storelink.connectors.woocommerce.product import is_variable
from storelink.connectors.woocommerce.shape import a_list
from storelink.connectors.woocommerce.walk import SIZE, Position, walk
from storelink.errors import Misconfigured, NotFound, StorelinkError, TooLarge

Parts = Mapping[int, Sequence[int]]
"""Record id → the ids of its parts."""


@dataclass(slots=True)
class Complete:
    """Records with all that belongs to them. `read` spans every request that was needed."""

    read: Read
    records: dict[int, Raw] = field(default_factory=dict)
    nameless: list[Raw] = field(default_factory=list)
    """Records without a usable id, as they came."""
    broken: dict[int, Broken] = field(default_factory=dict)
    transient: dict[int, str] = field(default_factory=dict)
    """Those of the broken ones that may be readable later, and why they are not now."""
    gone: list[int] = field(default_factory=list)
    """Records that went away while their parts were read."""

    def give_up(self, key: int, error: StorelinkError, why: str = "") -> None:
        """This record cannot be delivered."""
        words = f"{why}{error}"
        self.broken[key] = Broken(str(key), words, self.records.pop(key, None))
        if not isinstance(error, TooLarge):
            self.transient[key] = words


class Details:
    """Completes the records of one store. Safe for several threads."""

    def __init__(self, client: Getter, *, refunds: bool, variations: bool) -> None:
        """`refunds` and `variations`: whether the store has these lists over all records."""
        self._client = client
        self._has = {"refunds": refunds, "variations": variations}

    def complete(self, resource: str, got: Got) -> Complete:
        """The records of `got` with their details. Raises what the client raises."""
        done = Complete(got.read, got.found, got.nameless)
        for key, error in got.failed.items():
            done.give_up(key, error)
        if resource == "orders":
            self._add_refunds(done)
        elif resource == "products":
            self._add_variations(done)
        return done

    def _add_refunds(self, done: Complete) -> None:
        """A refund that is named and nowhere to be found stays without details."""
        wanted = {key: ids for key, raw in done.records.items() if (ids := part_ids(raw, "refunds"))}
        parts = self._parts(wanted, "refunds", "orders/{}/refunds", done.read)
        for key, ids in wanted.items():
            if _has_failed(done, key, ids, parts, "refund"):
                continue
            found = [parts.found[part] for part in ids if part in parts.found]
            done.records[key] = {**done.records[key], "refund_details": found}
        done.read = parts.read

    def _add_variations(self, done: Complete) -> None:
        """A product is complete or not delivered."""
        wanted = {
            key: ids
            for key, raw in done.records.items()
            if is_variable(raw) and (ids := part_ids(raw, "variations"))
        }
        parts = self._parts(wanted, "variations", "products/{}/variations", done.read)
        for key, ids in wanted.items():
            if all(part in parts.found or part in parts.failed for part in ids):
                listed: Sequence[int] = ids
            else:
                listed = self._read_again(key, parts, done)
            if key in done.records and not _has_failed(done, key, listed, parts, "variation"):
                found = [parts.found[part] for part in listed if part in parts.found]
                done.records[key] = {**done.records[key], "variation_details": found}
        done.read = spanning(done.read, parts.read)

    def _parts(self, wanted: Parts, at_once: str, path: str, read: Read) -> Got:
        """The parts of all records that can be found. `path` is the list of one record's parts."""
        got = Got(read)
        owner = {part: key for key, ids in wanted.items() for part in ids}
        if self._has[at_once]:
            self._ask_at_once(at_once, owner, got)
        for key, ids in wanted.items():
            if all(part in got.found or part in got.failed for part in ids):
                continue
            for more in self._of_one(path.format(key)):
                got.add(more)
        # a part that names another record as its own is not what was asked for
        for part in [part for part, raw in got.found.items() if _stray(raw, owner.get(part))]:
            del got.found[part]
        return got

    def _ask_at_once(self, at_once: str, owner: Mapping[int, int], got: Got) -> None:
        ids = list(owner)
        for first in range(0, len(ids), SIZE):
            try:
                got.add(Endpoint(self._client, at_once).by_ids(ids[first : first + SIZE]))
            except Misconfigured as error:
                if error.code != "rest_no_route":
                    raise
                self._has[at_once] = False  # WooCommerce was put back to an older version
                return

    def _of_one(self, path: str) -> Iterator[Got]:
        try:
            for step in walk(Endpoint(self._client, path).window, Position()):
                yield step.content
        except NotFound:
            return  # the record went away; whoever asks for it next will learn that

    def _read_again(self, key: int, parts: Got, done: Complete) -> Sequence[int]:
        """Read a product once more whose variations do not all exist; the ids that it has now."""
        try:
            parsed = self._client.get(f"products/{key}")
        except NotFound:
            del done.records[key]
            done.gone.append(key)
            return ()
        parts.read = spanning(parts.read, parsed.answer.read)
        if id_of(parsed.data) != key:
            return part_ids(done.records[key], "variations")
        done.records[key] = parsed.data
        listed = part_ids(parsed.data, "variations")
        for part in listed:
            if part not in parts.found and part not in parts.failed:
                self._single(key, part, parts)
        return listed

    def _single(self, key: int, part: int, parts: Got) -> None:
        """One variation. If the store says that it does not exist, the product's list is a stale cache."""
        try:
            parsed = self._client.get(f"products/{key}/variations/{part}")
        except NotFound:
            return
        except StorelinkError as error:
            if not content_failed(error):
                raise
            parts.failed[part] = error
            return
        parts.read = spanning(parts.read, parsed.answer.read)
        if id_of(parsed.data) == part and parsed.data.get("status") != "trash":
            parts.found[part] = parsed.data


def part_ids(raw: Raw, name: str) -> list[int]:
    """The ids that a record names as its parts, given as ids or as objects; junk is left out."""
    try:
        named = a_list(raw.get(name), name)
    except Unfit:
        return []
    ids = (id_of(item if isinstance(item, dict) else {"id": item}) for item in named)
    return list(dict.fromkeys(key for key in ids if key is not None))


def _has_failed(done: Complete, key: int, ids: Sequence[int], parts: Got, what: str) -> bool:
    for part in ids:
        if part in parts.failed:
            done.give_up(key, parts.failed[part], f"its {what} {part} could not be read: ")
            return True
    return False


def _stray(raw: Raw, owner: int | None) -> bool:
    parent = id_of({"id": raw.get("parent_id")})
    return owner is not None and parent is not None and parent != owner
