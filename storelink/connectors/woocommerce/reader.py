"""Reading a WooCommerce store: lists of versions, records by id, and everything.

Lists are walked by id (see `walk`). Trashed records are in no list but the one of `status=trash`.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#orders, #products and #customers
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from storelink.connectors.bound import Extent
from storelink.connectors.http import Params
from storelink.connectors.protocol import Cursor, FetchPage, Limits, Listed, ListPage, Raw, RawPage
from storelink.connectors.woocommerce.ahead import in_order
from storelink.connectors.woocommerce.details import Complete, Details, part_ids
from storelink.connectors.woocommerce.endpoint import Endpoint, Getter, Got, a_page, content_failed, id_of
from storelink.connectors.woocommerce.moment import gmt
from storelink.connectors.woocommerce.order import IGNORED
from storelink.connectors.woocommerce.pagesize import PageSize, fitting
from storelink.connectors.woocommerce.profile import statuses_of
from storelink.connectors.woocommerce.walk import Position, Slice, Step, walk
from storelink.connectors.woocommerce.width import Width
from storelink.errors import Misconfigured, NotFound, Rejected, Retryable, StorelinkError

T = TypeVar("T")

OVERLAP = timedelta(hours=2)
"""Clocks that jump by an hour, and requests that commit late."""
_DONE = "done"
_OLDEST: Params = {"orderby": "date", "order": "asc", "per_page": 1}
_PARTS = {"orders": "refunds", "products": "variations"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the lists that make up a resource."""

    name: str
    endpoint: Endpoint
    of_parents: bool = False
    """Whether its rows are variations, which speak for their products."""


class Reader:
    """One store, read. Safe for several threads; every iterator belongs to the thread that runs it."""

    def __init__(self, client: Getter, settings: Mapping[str, Any], limits: Limits) -> None:
        """`settings` are what the check learnt: `statuses`, `has_variations`, `has_refunds`."""
        self._client = client
        self._most = limits.width
        self._each: dict[str, float] = {}
        """Bytes of a record of each resource, as last seen."""
        self._statuses = _live(settings.get("statuses"))
        self._has_variations = settings.get("has_variations") is True
        self._details = Details(
            client, refunds=settings.get("has_refunds") is True, variations=self._has_variations
        )

    def list_all(self, resource: str, since: datetime | None = None) -> Iterator[ListPage]:
        """See `bound.BoundedStore`. Products' variations are listed too, by the ids of their products."""
        self._learn_statuses(resource)
        part = _PARTS.get(resource)
        fields = (
            "id,date_modified_gmt" + (f",{part}" if part else "") + (",date_created_gmt" if since else "")
        )
        for stage in self._lists(resource, {"_fields": fields, **_made(since)}):
            yield from self._versions(stage, part, since)

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:
        """See `protocol.Store`. Customers cannot be listed by change: they are listed whole."""
        if resource == "customers":
            yield from self.list_all(resource)
            return
        changed: Params = {"modified_after": _before(watermark), "dates_are_gmt": "true"}
        for stage in self._lists(resource, {"_fields": "id,date_modified_gmt", **changed}):
            yield from self._versions(stage, None)

    def backfill(
        self, resource: str, cursor: Cursor | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        """See `bound.BoundedStore`. The cursor is `{stage, last_id, offset}`."""
        self._learn_statuses(resource)
        stages = self._stages(resource, _made(since))
        names = [stage.name for stage in stages]
        stage_name, position = _resumed(cursor, names)
        if stage_name == _DONE:
            return
        before: int | None = 0 if stage_name == names[0] else None
        for place in range(names.index(stage_name), len(stages)):
            following = names[place + 1] if place + 1 < len(names) else _DONE
            total = None
            for page in self._records(resource, stages[place], position, following):
                total = page.total if page.total is not None else total
                kept = [raw for raw in page.records if not _older(raw, since)]
                yield _counted(replace(page, records=kept), before)
            position = Position()
            before = before + (total or 0) if before is not None else None

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        """See `protocol.Store`. At most 100 ids a page; pages are asked for ahead."""
        ask = partial(self._fetch, resource)
        if 0 < len(ids) <= fitting(self._each.get(resource, 1)):
            yield ask(ids)
            return
        yield from in_order(ask, self._chunks(resource, ids), Width(self._most))

    def _chunks(self, resource: str, ids: Sequence[str]) -> Iterator[Sequence[str]]:
        """The ids in pages of a weight that memory bears; what records weigh is learnt on the way."""
        first = 0
        while first < len(ids):
            size = fitting(self._each.get(resource, 1))
            yield ids[first : first + size]
            first += size

    def extent(self, resource: str, since: datetime | None = None) -> Extent:
        """See `bound.BoundedStore`. The oldest record of a list that counts its rows."""
        (live, *_) = self._stages(resource, {**_made(since), "_fields": "id,date_created_gmt", **_OLDEST})
        parsed = self._asked(live, lambda endpoint: self._client.get(endpoint.path, endpoint.params))
        rows = a_page(parsed)
        made = gmt(rows[0].get("date_created_gmt")) if rows and isinstance(rows[0], dict) else None
        return Extent(parsed.total if rows else 0, made)

    # -- lists -------------------------------------------------------------------------------------

    def _learn_statuses(self, resource: str) -> None:
        """Plugins come and go: before a whole read, ask which statuses orders can have."""
        if resource != "orders":
            return
        try:
            data = self._client.get("reports/orders/totals", attempts=2).data
        except StorelinkError:
            return  # no such report, or not for these keys: what the check learnt must do
        self._statuses = _live(list(statuses_of(data))) or self._statuses

    def _stages(self, resource: str, extra: Params | None = None) -> list[Stage]:
        """The lists that hold all records of a resource, and their trash."""
        if resource == "customers":
            params: Params = {"role": "all", **(extra or {})}
            return [Stage("all", Endpoint(self._client, resource, params))]
        live = self._live_status() if resource == "orders" else "any"
        return [
            Stage(name, Endpoint(self._client, resource, {"status": status, **(extra or {})}))
            for name, status in (("live", live), ("trash", "trash"))
        ]

    def _lists(self, resource: str, params: Params) -> Iterator[Stage]:
        yield from self._stages(resource, params)
        if resource == "products" and self._has_variations:
            fields: Params = {**params, "_fields": "id,date_modified_gmt,parent_id"}
            for name, status in (("variations", "any"), ("variations trash", "trash")):
                endpoint = Endpoint(self._client, "variations", {**fields, "status": status})
                yield Stage(name, endpoint, of_parents=True)

    def _versions(self, stage: Stage, part: str | None, since: datetime | None = None) -> Iterator[ListPage]:
        """One list as versions."""

        def ask(offset: int) -> Slice[Got]:
            return self._asked(stage, lambda endpoint: endpoint.window(offset))

        try:
            for step in walk(ask, Position(), Width(self._most)):
                got = step.content
                rows = [
                    (key, raw)
                    for key, raw in got.found.items()
                    if key > step.after and not _older(raw, since)
                ]
                rows += [(key, {}) for key in got.failed if key > step.after]
                lines = [_version(key, raw, stage, part) for key, raw in rows]
                yield ListPage([line for line in lines if line], got.read, step.total)
        except Misconfigured as error:
            if error.code != "rest_no_route" or not stage.of_parents:
                raise
            self._has_variations = False  # WooCommerce was put back to an older version

    def _asked(self, stage: Stage, request: Callable[[Endpoint], T]) -> T:
        """Ask a list; with any status where the store refuses the ones that we named."""
        try:
            return request(self._current(stage))
        except Rejected as error:
            if error.code != "rest_invalid_param" or not self._names_statuses(stage):
                raise
        self._statuses = []
        return request(self._current(stage))

    def _names_statuses(self, stage: Stage) -> bool:
        return stage.endpoint.path == "orders" and stage.name == "live" and bool(self._statuses)

    def _current(self, stage: Stage) -> Endpoint:
        """The stage's list with the statuses that are known now."""
        endpoint = stage.endpoint
        if endpoint.path != "orders" or stage.name != "live":
            return endpoint
        return Endpoint(endpoint.client, endpoint.path, {**endpoint.params, "status": self._live_status()})

    def _live_status(self) -> str:
        return ",".join(self._statuses) or "any"

    # -- whole records -----------------------------------------------------------------------------

    def _records(self, resource: str, stage: Stage, position: Position, following: str) -> Iterator[RawPage]:
        """One list as whole records; a walk ends early to go on with pages of a better size."""
        size, width = PageSize(), Width(self._most)

        def ask(offset: int) -> Slice[Complete]:
            page = self._asked(stage, lambda endpoint: endpoint.window(offset, size.value))
            size.weigh(page.weight, page.rows)
            self._weigh(resource, page.weight, page.rows)
            return Slice(page.ids, page.rows, self._details.complete(resource, page.content), page.total)

        going = True
        while going:
            going = False
            for step in walk(ask, position, width, size=size.value):
                position = step.position
                yield _raw_page(step, stage.name, following)
                if not step.last and size.change():
                    going = True
                    break

    def _weigh(self, resource: str, weight: int, rows: int) -> None:
        if rows and weight:
            self._each[resource] = weight / rows

    def _fetch(self, resource: str, ids: Sequence[str]) -> FetchPage:
        """One page of records by id, trashed ones included."""
        unanswered = {key: "WooCommerce has no ids like this" for key in ids if id_of({"id": key}) is None}
        wanted = list(dict.fromkeys(int(key) for key in ids if key not in unanswered))
        got, missing = self._listed(resource, wanted)
        self._weigh(resource, got.weight, len(got.found))
        gone: list[int] = []
        for key, answer in zip(missing, self._singly(resource, missing), strict=True):
            if isinstance(answer, Got):
                got.add(answer)
            elif answer is None:
                gone.append(key)
            else:
                unanswered[str(key)] = str(answer)
        done = self._details.complete(resource, got)
        unanswered.update({str(key): why for key, why in done.transient.items()})
        return FetchPage(
            found={str(key): raw for key, raw in done.records.items()},
            read=done.read,
            gone=[str(key) for key in (*gone, *done.gone)],
            unanswered=unanswered,
            broken=[item for key, item in done.broken.items() if key not in done.transient],
        )

    def _listed(self, resource: str, wanted: Sequence[int]) -> tuple[Got, list[int]]:
        """What the lists show of these ids, and those that they do not show."""
        got: Got | None = None
        missing = list(wanted)
        for stage in self._stages(resource):
            if not missing:
                break
            more = self._asked(stage, lambda endpoint: endpoint.by_ids(missing))  # noqa: B023
            if got is None:
                got = more
            else:
                got.add(more)
            missing = [key for key in missing if key not in got.found and key not in got.failed]
        if got is None:  # nothing to ask for; the answer needs the time of a read all the same
            got = Got(self._client.get(resource, {"_fields": "id", "per_page": 1}).answer.read)
        return got, missing

    def _singly(self, resource: str, ids: Sequence[int]) -> Iterator[Got | StorelinkError | None]:
        """Each record by itself: what came, None if the store says that there is none, or why not."""
        return in_order(partial(self._single, resource), ids, Width(min(2, self._most)))

    def _single(self, resource: str, key: int) -> Got | StorelinkError | None:
        try:
            parsed = self._client.get(f"{resource}/{key}")
        except NotFound:
            return None
        except Rejected as error:
            return error
        except StorelinkError as error:
            if not content_failed(error):
                raise
            return error
        if id_of(parsed.data) != key:
            return Retryable(f"asked for {key}, the store answered with something else", code="shape")
        if resource == "products" and parsed.data.get("type") == "variation":
            return None  # no product has this id; its own product brings it
        return Got(parsed.answer.read, {key: parsed.data})


def _raw_page(step: Step[Complete], stage: str, following: str) -> RawPage:
    """A page of whole records; after the last, the cursor points at the list that follows."""
    done = step.content
    at, name = (Position(), following) if step.last else (step.position, stage)
    return RawPage(
        records=[*(raw for key, raw in done.records.items() if key > step.after), *done.nameless],
        read=done.read,
        cursor={"stage": name, "last_id": at.last_id, "offset": at.offset},
        broken=[item for key, item in done.broken.items() if key > step.after],
        total=step.total,
    )


def _live(statuses: Any) -> list[str]:
    """The statuses of placed orders; empty where they are not known."""
    names = statuses if isinstance(statuses, list | tuple) else ()
    slugs = (name.removeprefix("wc-") for name in names if isinstance(name, str))
    return [slug for slug in slugs if slug and slug not in IGNORED and slug not in ("trash", "any")]


def _before(moment: datetime) -> str:
    """`OVERLAP` before a moment, in the form that stores east and west of Greenwich read alike."""
    return (moment.astimezone(UTC) - OVERLAP).strftime("%Y-%m-%dT%H:%M:%S")


def _made(since: datetime | None) -> Params:
    """The parameters of lists of what was made since then, and shortly before: see `_older`."""
    return {} if since is None else {"after": _before(since), "dates_are_gmt": "true"}


def _older(raw: Raw, since: datetime | None) -> bool:
    """Whether a record was made before; one that does not say when is not."""
    made = gmt(raw.get("date_created_gmt")) if since is not None else None
    return made is not None and since is not None and made < since


def _version(key: int, raw: Raw, stage: Stage, part: str | None) -> Listed | None:
    """One row of a list. A variation speaks for its product; one in the trash sets a lower bound."""
    version = gmt(raw.get("date_modified_gmt"))
    if stage.of_parents:
        parent = id_of({"id": raw.get("parent_id")})
        exact = stage.endpoint.params["status"] != "trash"
        return Listed(str(parent), version, exact=exact) if parent else None
    parts = tuple(sorted(map(str, part_ids(raw, part)))) if part and part in raw else None
    return Listed(str(key), version, parts)


def _resumed(cursor: Cursor | None, names: Sequence[str]) -> tuple[str, Position]:
    """Where a backfill goes on: at the start if the cursor is none of ours."""
    if cursor:
        stage, last_id, offset = (cursor.get(name) for name in ("stage", "last_id", "offset"))
        if stage == _DONE:
            return _DONE, Position()
        if stage in names and isinstance(last_id, int) and isinstance(offset, int) and last_id >= 0:
            return str(stage), Position(last_id, max(0, offset))
    return names[0], Position()


def _counted(page: RawPage, before: int | None) -> RawPage:
    """The page with the total of the lists before added; no total if those are not known."""
    if before is None or page.total is None:
        return replace(page, total=None)
    return replace(page, total=before + page.total) if before else page
