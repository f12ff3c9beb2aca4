"""`storelink status` and `storelink runs`: what on-call reads at three in the morning."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show, standing
from storelink.cli.context import Context, JsonFlag, print_json, run
from storelink.cli.naming import find_store, pick_resources
from storelink.cli.words import ago, clock, count, number, sentence, size, span

if TYPE_CHECKING:
    from storelink.models import SyncRun
    from storelink.scheduler.queue import Standing
    from storelink.sync.status import ResourceStatus, StoreStatus

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

MaybeName = Annotated[str | None, typer.Argument(metavar="NAME", help="Only this store.", show_default=False)]

STATUS_HELP = """\
How every store stands: the answer first, then what needs a person, then the figures.

No store is asked, so this answers when nothing else does. The exit code is 0 whatever it says;
scripts read --json.

\b
States, worst first:
  key refused         the store refuses our keys; nothing newer arrives
  failing             the last pass failed; the next one tries again
  3 differ            verify found records that differ
  first read stopped  the next sync carries on from there
  late                no pass has run though one was due
  not read yet        registered, and never read
  first read, 62 %    at work
  paused              by somebody, with `connectors pause`
  in step             all is as it should be

\b
Columns:
  next         when a worker reads it next, or tries again after a failure
  last change  by which road it came: webhook, poll, verify, full read, or a
               customer whom an order named; and how long ago
"""


@app.command(help=STATUS_HELP, short_help="How every store stands, and what needs a person.")
def status(name: MaybeName = None, as_json: JsonFlag = False) -> None:
    with run(as_json) as context:
        from storelink.sync.status import read_status

        with context.database.session() as session:
            names = None if name is None else [find_store(session, name).name]
            now, stores = read_status(session, names)
        queue = _queue(context)
    stores = sorted(stores, key=lambda store: (standing.rank(store), store.name))
    if as_json:
        print_json(_document(now, stores, queue))
        return
    summary, tone = standing.summary(stores)
    show.headline(summary, tone)
    if alerts := standing.alerts(stores, now):
        show.say(show.Toned(alerts, show.WARN))
    late = any(one.state == "late" for store in stores for one in store.resources)
    if stores:
        show.say(show.Toned(standing.queue(queue), show.WARN if late and not queue.workers else show.FAINT))
    for lines in standing.to_do(stores, now):
        show.say()
        first, *rest = lines
        show.say(first)
        for line in rest:
            show.say(line, indent=2)
    if stores:
        show.say()
        _tell_table(stores, now)
        for store in stores:
            if store.bound:
                show.say(show.Toned(f"{store.name}: {store.bound}.", show.FAINT))


def _queue(context: Context) -> "Standing":
    from storelink.scheduler.ask import queue_standing

    with context.database.session() as session:
        return queue_standing(session, context.settings)


def _tell_table(stores: "Sequence[StoreStatus]", now: datetime) -> None:
    """In a pipe every line names its store; on a terminal a store's lines stand under its name."""
    titles = ["state", "read", "next", "every", "last change", "held", "quarantine", "verified"]
    if not show.on_terminal():
        rows = [[store.name, one.resource, *_cells(one, now)] for store in stores for one in store.resources]
        show.table(["store", "resource", *titles], rows, right=["held", "quarantine"])
        return
    grouped: list[list[show.Cell]] = []
    for store in stores:
        grouped.append([show.Toned(store.name, "bold"), *[""] * len(titles)])
        grouped += [[f"  {one.resource}", *_cells(one, now)] for one in store.resources]
    show.table(["", *titles], grouped, right=["held", "quarantine"])


def _cells(one: "ResourceStatus", now: datetime) -> list[show.Cell]:
    return [
        standing.state(one),
        ago(one.last_success_at, now),
        standing.next_try(one, now),
        span(one.interval),
        standing.last_change(one, now),
        number(one.held),
        show.Toned(number(one.quarantined), show.WARN) if one.quarantined else "",
        ago(one.last_verified_at, now),
    ]


def _document(now: datetime, stores: "Sequence[StoreStatus]", queue: "Standing") -> dict[str, Any]:
    return {
        "at": now,
        "summary": standing.summary(stores)[0],
        "needs_person": [store.name for store in stores if store.needs_person],
        "queue": {
            "workers": queue.workers,
            "running": queue.running,
            "waiting": sum(queue.waiting.values()),
            "put_off": queue.put_off,
        },
        "stores": [
            {
                **{key: value for key, value in asdict(store).items() if key not in ("id", "resources")},
                "state": store.worst,
                "resources": [_resource_document(one, now) for one in store.resources],
            }
            for store in stores
        ],
    }


def _resource_document(one: "ResourceStatus", now: datetime) -> dict[str, Any]:
    age = None if one.last_success_at is None else round((now - one.last_success_at).total_seconds(), 1)
    roads = [{"kind": road.kind, "changes": road.changes, "last": road.last} for road in one.roads]
    backoff = {"failures": one.failures, "next_try_at": one.next_at, "reason": one.last_error}
    return {
        **asdict(one), "roads": roads, "share": one.share, "age_seconds": age,
        "backoff": backoff if one.failures else None,
    }  # fmt: skip


RUNS_HELP = """\
What the last passes did, latest first. A pass that changed nothing leaves no trace here.

\b
Examples:
  storelink runs
  storelink runs shop --resource orders --limit 50
  storelink runs --failed
"""


@app.command(help=RUNS_HELP, short_help="What the last passes did.")
def runs(
    name: MaybeName = None,
    resource: Annotated[
        str | None, typer.Option("--resource", "-r", help="Only passes of this.", show_default=False)
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only passes that did not end well.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context:
        from storelink.sync.status import read_runs

        with context.database.session() as session:
            store = None if name is None else find_store(session, name)
            if resource is not None and store is not None:
                pick_resources(_resources(store.platform), [resource])
            found = read_runs(
                session, None if store is None else store.id, resource=resource, failed=failed, limit=limit
            )
    if as_json:
        print_json({"runs": [_run_document(store_name, one) for store_name, one in found]})
    elif not found:
        show.say("No pass yet." if not (failed or resource) else "No such pass.")
    else:
        _tell_runs(found)


def _resources(platform: str) -> Sequence[str]:
    from storelink.connectors import registry

    return registry.get(platform).resources


def _tell_runs(found: "Sequence[tuple[str, SyncRun]]") -> None:
    titles = ["when", "store", "pass", "ended", "what", "took"]
    today = datetime.now(UTC).date()
    rows: list[list[show.Cell]] = [
        [
            f"{one.started_at:%H:%M:%S}"
            if one.started_at.date() == today
            else f"{one.started_at:%m-%d %H:%M}",
            name,
            f"{one.kind} {one.resource}",
            show.Toned(one.status, _TONES.get(one.status, show.WARN)),
            _what(one),
            span(one.finished_at - one.started_at) if one.finished_at else "",
        ]
        for name, one in found
    ]
    show.table(titles, rows, right=["took"])
    for name, one in found:
        if one.error:
            show.say(f"{clock(one.started_at)}, {name}, {one.resource}: {sentence(one.error)}", hang=2)
    asked = sum(one.requests for _, one in found)
    arrived = size(sum(one.bytes for _, one in found))
    show.say(show.Toned(f"Times are UTC. {count(asked, 'requests')}, {arrived} in all of these.", show.FAINT))


def _what(one: "SyncRun") -> str:
    counts = ((one.inserted, "new"), (one.updated, "changed"), (one.deleted, "deleted"),
              (one.quarantined, "quarantined"))  # fmt: skip
    return ", ".join(f"{number(value)} {word}" for value, word in counts if value)


_TONES = {"done": show.GOOD, "running": show.INFO, "failed": show.BAD}


_RUN = (
    "resource", "kind", "status", "started_at", "finished_at", "fetched", "inserted", "updated", "unchanged",
    "deleted", "quarantined", "requests", "bytes", "throttled_seconds", "error",
)  # fmt: skip


def _run_document(name: str, one: "SyncRun") -> dict[str, Any]:
    row = {key: getattr(one, key) for key in _RUN}
    return {"store": name, **row, "throttled_seconds": float(one.throttled_seconds)}
