"""`storelink sync`, `verify` and `renormalize`: the commands that run passes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import ledger, show
from storelink.cli.context import Context, ExitCode, JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, ResourceOption, find_store, pick_resources
from storelink.cli.problems import about, advice, complain, error_document, exit_code
from storelink.cli.progress import Screen
from storelink.cli.stopping import closing_when_stopped
from storelink.cli.words import count, span
from storelink.errors import (
    LaneHeld,
    Misconfigured,
    NeedsDecision,
    Rejected,
    Retryable,
    StorelinkError,
    TooLarge,
)

if TYPE_CHECKING:
    from storelink.sync.run import Counts
    from storelink.sync.subject import Subject
    from storelink.sync.synchronize import PassResult
    from storelink.sync.verify import Ledger

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

SYNC_HELP = """\
Read a store: everything the first time, then what changed.

The first read can be stopped at any moment; the next one carries on from there. A record that
cannot be understood goes to the quarantine and stops nothing.

\b
Examples:
  storelink sync shop
  storelink sync shop --resource orders
  storelink sync shop --full             read everything once more
  storelink sync shop --queue            have `storelink serve` do it
"""


@app.command(help=SYNC_HELP, short_help="Read a store: everything the first time, then what changed.")
def sync(
    name: NameArgument,
    resource: ResourceOption = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, from the start.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Have `serve` do it now; do not wait.")] = False,
    as_json: JsonFlag = False,
) -> None:
    if queue:
        return _enqueue(name, resource, full, as_json)
    with run(as_json) as context, about(name):
        screen = Screen(live=not as_json)
        with _subject(context, name, screen) as subject:
            from storelink.sync.synchronize import synchronize

            done: list[PassResult] = []

            def bring_up(one: str) -> None:
                with screen.watch(one):
                    results = synchronize(context.database, subject, [one], full=full)
                done.extend(results)
                if not as_json:
                    for result in results:
                        _tell_pass(result)

            errors = _each(subject, resource, bring_up, as_json)
        _welcome_back(context, name, errors)
    if as_json:
        print_json(
            {"name": name, "passes": [_pass_document(one) for one in done], "errors": errors.documents}
        )
    elif not errors.codes:
        _tell_end(name, done)
    raise typer.Exit(errors.code)


def _enqueue(name: str, resource: list[str] | None, full: bool, as_json: bool) -> None:
    with run(as_json) as context:
        from storelink.connectors import registry
        from storelink.scheduler.ask import queue_standing, read_now

        with context.database.session() as session:
            store = find_store(session, name)
            workers = queue_standing(session, context.settings).workers
        wanted = pick_resources(registry.get(store.platform).resources, resource)
        read_now(context.database, name, wanted, full=full)
    if as_json:
        print_json({"name": name, "queued": wanted, "workers": workers})
        return
    show.say(f"{name} is read now by `storelink serve`; `storelink runs {name}` shows what came of it.")
    if not workers:
        show.say(show.Toned("No worker runs at present: it is read once one does.", show.WARN))


def _tell_pass(result: "PassResult") -> None:
    took = f"{count(result.requests, 'requests')}, {span(result.seconds)}"
    words = _counts_in_words(result.counts)
    if result.kind == "targeted":
        words += " (named in orders)"
    show.say(f"{result.resource:<10} {words} · {took}", indent=2, hang=11)


def _counts_in_words(counts: "Counts") -> str:
    told = [
        f"{value:,} {word}"
        for value, word in (
            (counts.inserted, "new"),
            (counts.updated, "changed"),
            (counts.deleted, "deleted"),
            (counts.unchanged, "the same"),
            (counts.quarantined, "quarantined"),
        )
        if value
    ]
    if not told:
        return "nothing new"
    return f"{counts.fetched:,} read: {', '.join(told)}" if counts.fetched else ", ".join(told)


def _tell_end(name: str, done: "Sequence[PassResult]") -> None:
    bad = sum(one.counts.quarantined for one in done)
    show.headline(f"{name} is read up to now.", show.GOOD)
    if bad:
        show.say(
            f"{count(bad, 'records')} could not be understood and {'is' if bad == 1 else 'are'} set aside;"
            f" everything else is stored. `storelink quarantine list {name}` shows why."
        )


def _pass_document(result: "PassResult") -> dict[str, Any]:
    counts = {key: getattr(result.counts, key) for key in result.counts.__dataclass_fields__}
    seconds = round(result.seconds, 3)
    return {"resource": result.resource, "kind": result.kind, **counts,
            "requests": result.requests, "seconds": seconds}  # fmt: skip


VERIFY_STOPPED = "Nothing is lost. Only a verify that runs to its end says how things stand."
RENORMALIZE_STOPPED = "What was rebuilt is stored; running it again does the rest."

VERIFY_HELP = """\
Compare the tables with the store, record by record.

The store's list of ids and times is compared with what is held; what differs is fetched again
before it counts, so that a store that is being worked on can come out even. Exit code 4 if
something still differs at the end.

\b
Examples:
  storelink verify shop                  look only
  storelink verify shop --fix            look, and fetch what differs
  storelink verify shop --deep           compare whole records, not only times

\b
The columns:
  missing  in the store, not here
  stale    here, but not as it is in the store
  gone     here, but deleted in the store
"""


@app.command(help=VERIFY_HELP, short_help="Compare the tables with the store, record by record.")
def verify(
    name: NameArgument,
    resource: ResourceOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every record whole, compare contents.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Write what was found to differ.")] = False,
    accept_deletes: Annotated[
        bool,
        typer.Option("--accept-deletes", help="With --fix: more than a fifth of the store may be gone."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context, about(name, VERIFY_STOPPED):
        if accept_deletes and not fix:
            raise Misconfigured("--accept-deletes only means something together with --fix.")
        screen = Screen(live=not as_json)
        with _subject(context, name, screen, accept_deletes=accept_deletes) as subject:
            from storelink.sync.synchronize import check_drift

            _refuse_unread(context, name, pick_resources(subject.connector.resources, resource))
            found: list[Ledger] = []

            def compare(one: str) -> None:
                with screen.watch(one):
                    found.extend(check_drift(context.database, subject, [one], fix=fix, deep=deep))

            errors = _each(subject, resource, compare, as_json)
        _welcome_back(context, name, errors)
    if as_json:
        print_json(ledger.document(name, found, errors.documents))
    elif found:
        ledger.tell(name, found, fix=fix)
    raise typer.Exit(errors.code or (ExitCode.DRIFT if ledger.drift(found) else ExitCode.DONE))


def _refuse_unread(context: Context, name: str, resources: Sequence[str]) -> None:
    """Comparing with nothing would fetch the whole store and throw it away."""
    from storelink.sync.status import read_status

    with context.database.session() as session:
        _, (store,) = read_status(session, [name])
    unread = [one.resource for one in store.resources if one.phase == "new" and one.resource in resources]
    if unread:
        raise Misconfigured(
            f"The {unread[0]} of {name} were never read, so there is nothing to compare."
            f" `storelink sync {name}` reads them."
        )


@app.command(short_help="Rebuild the rows from the raw records held, without the store.")
def renormalize(name: NameArgument, resource: ResourceOption = None, as_json: JsonFlag = False) -> None:
    """Rebuild the rows from the raw records that are held, without asking the store.

    For after an update of storelink that understands records better than the one that read them.
    Rows that come out the same are left alone.
    """
    with run(as_json) as context, about(name, RENORMALIZE_STOPPED):
        screen = Screen(live=not as_json)
        with _subject(context, name, screen, offline=True) as subject:
            from storelink.sync.lane import FULL, hold
            from storelink.sync.renormalize import renormalize as rebuild

            done: dict[str, Counts] = {}

            def again(one: str) -> None:
                with screen.watch(one), hold(context.database, subject.id, one, FULL) as lane:
                    done[one] = rebuild(lane, subject).counts
                if not as_json:
                    show.say(f"{one:<10} {_counts_in_words(done[one])}", indent=2, hang=11)

            errors = _each(subject, resource, again, as_json)
    if as_json:
        rebuilt = [{"resource": one, **{key: getattr(counts, key) for key in counts.__dataclass_fields__}}
                   for one, counts in done.items()]  # fmt: skip
        print_json({"name": name, "rebuilt": rebuilt, "errors": errors.documents})
    elif not errors.codes:
        changed = sum(counts.updated for counts in done.values())
        show.headline(
            f"{count(changed, 'records')} came out different." if changed else "Nothing came out different."
        )
    raise typer.Exit(errors.code)


# -- what they have in common ------------------------------------------------------------------------


class _Errors:
    """What went wrong, resource by resource."""

    def __init__(self) -> None:
        self.documents: list[dict[str, str]] = []
        self.codes: list[ExitCode] = []

    @property
    def code(self) -> ExitCode:
        """The worst of them."""
        worst_first = (ExitCode.REFUSED, ExitCode.USAGE, ExitCode.FAILED, ExitCode.DRIFT)
        return next((code for code in worst_first if code in self.codes), ExitCode.DONE)


@contextmanager
def _subject(
    context: Context, name: str, screen: Screen, *, accept_deletes: bool = False, offline: bool = False
) -> "Iterator[Subject]":
    from storelink.sync.opening import open_subject

    with context.database.session() as session:
        store = find_store(session, name)
    if store.status == "paused" and not offline:
        raise Misconfigured(f"The store {name!r} is paused. `storelink connectors resume {name}` ends that.")
    opening = open_subject(
        context.database, context.keyring, name, context.settings,
        report=screen.report, accept_deletes=accept_deletes, refresh=not offline,
    )  # fmt: skip
    with ExitStack() as stack:
        with show.waiting(f"Looking at {name}"):
            subject = stack.enter_context(opening)
        stack.enter_context(closing_when_stopped(subject.store.close))
        yield subject


def _each(
    subject: "Subject", wanted: Sequence[str] | None, work: Callable[[str], None], as_json: bool
) -> _Errors:
    """Run `work` for each resource. One that fails for itself alone does not keep the others back."""
    errors = _Errors()
    told: list[str] = []
    for resource in pick_resources(subject.connector.resources, wanted):
        try:
            work(resource)
        except StorelinkError as error:
            errors.codes.append(exit_code(error))
            errors.documents.append({"resource": resource, **error_document(error)})
            told += [line for line in advice(error, subject.name) if line not in told]
            if not as_json:
                show.say(show.Toned(f"{resource:<10} not done", show.BAD), indent=2)
                complain(error)
            if not _alone(error):
                break
    for line in told if not as_json else ():
        show.say(line, err=True)
    return errors


def _alone(error: StorelinkError) -> bool:
    """Whether it is about one resource rather than about the store, the keys or the database."""
    if isinstance(error, Retryable) and not isinstance(error, TooLarge):
        return error.status == 500
    return isinstance(error, LaneHeld | NeedsDecision | Rejected | TooLarge)


def _welcome_back(context: Context, name: str, errors: _Errors) -> None:
    """A store whose keys were refused, and which answered now, is read by schedule again."""
    from storelink.sync import account

    if errors.codes:
        return
    with context.database.session() as session:
        if account.find(session, name).status == "auth_failed":
            account.resume(session, name)
            session.commit()
