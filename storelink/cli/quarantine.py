"""`storelink quarantine`: records that were set aside, and the way back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import Context, ExitCode, JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, find_store, pick_resources
from storelink.cli.problems import about
from storelink.cli.stopping import closing_when_stopped
from storelink.cli.words import ago, clock, count, nearest, one, sentence
from storelink.errors import Misconfigured
from storelink.sync.masking import masked

if TYPE_CHECKING:
    from storelink.models import QuarantinedRecord
    from storelink.sync.quarantine import Retried

app = typer.Typer(
    name="quarantine",
    help="Records that could not be understood: see them, try them again.\n\nThey are kept whole, and"
    " stop nothing: everything else is stored. Most are mended in the store.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

OneResource = Annotated[
    str | None, typer.Option("--resource", "-r", help="Only records of this.", show_default=False)
]


@app.command("list", short_help="Every record that is set aside, and why.")
def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this store's.", show_default=False)
    ] = None,
    resource: OneResource = None,
    as_json: JsonFlag = False,
) -> None:
    """List every record that is set aside, the latest first, and why."""
    with run(as_json) as context:
        from storelink.sync import account
        from storelink.sync.opening import measure_clock
        from storelink.sync.quarantine import list_quarantined

        with context.database.session() as session:
            store = None if name is None else find_store(session, name)
            names = {each.id: each.name for each in account.registered(session, removed=True)}
            found = list_quarantined(session, None if store is None else store.id)
        now = measure_clock(context.database)()
    found = [record for record in found if resource in (None, record.resource)]
    if as_json:
        print_json({"records": [_document(names[record.connector_id], record) for record in found]})
    elif not found:
        show.say("Nothing is in quarantine.")
    else:
        rows = [
            [names[record.connector_id], f"{one(record.resource)} {record.external_id}", record.error,
             f"{count(record.seen, 'times')}, {ago(record.last_seen_at, now)}"]
            for record in found
        ]  # fmt: skip
        show.table(["store", "record", "why", "seen"], rows)


@app.command("show", short_help="One record: why it is set aside, and its payload.")
def show_record(
    name: NameArgument,
    record_id: Annotated[str, typer.Argument(metavar="ID", help="As `quarantine list` has it.")],
    resource: OneResource = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show personal data (names, addresses, e-mails) too.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show one record: why it is set aside, and its payload as the store gave it.

    Personal fields are hidden unless --reveal is given.
    """
    with run(as_json) as context:
        with context.database.session() as session:
            store = find_store(session, name)
            record = _pick(session, store.id, name, record_id, resource)
        payload = record.payload if reveal else masked(record.payload)
    if as_json:
        print_json(_document(name, record) | {"payload": payload})
        return
    show.headline(f"{one(record.resource).capitalize()} {record.external_id} of {name}")
    show.facts(
        [
            ("why", sentence(record.error)),
            ("seen", count(record.seen, "times")),
            ("first", clock(record.first_seen_at)),
            ("last", clock(record.last_seen_at)),
        ]
    )
    show.say()
    if record.payload is None:
        show.say("The store could not deliver it in a readable form, so there is no payload.")
    else:
        print_json(payload)
        if not reveal:
            show.say(show.Toned("Personal fields are hidden; --reveal shows them.", show.FAINT))


def _pick(
    session: Any, connector_id: Any, name: str, wanted: str, resource: str | None
) -> "QuarantinedRecord":
    from storelink.sync.quarantine import list_quarantined

    records = [each for each in list_quarantined(session, connector_id) if resource in (None, each.resource)]
    found = [each for each in records if each.external_id == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        both = ", ".join(each.resource for each in found)
        raise Misconfigured(f"{wanted!r} is the id of several records ({both}): add --resource.")
    near = nearest(wanted, [each.external_id for each in records])
    raise Misconfigured(f"{name} has no record {wanted!r} in quarantine.{near}")


@app.command(short_help="Read records again and send them down the road once more.")
def retry(
    name: NameArgument,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Only these.", show_default=False)
    ] = None,
    resource: OneResource = None,
    as_json: JsonFlag = False,
) -> None:
    """Read records that are set aside again from the store, and store those that are well now.

    Exit code 1 if some had to stay.
    """
    with run(as_json) as context, about(name, "What was released is stored; the rest stays in quarantine."):
        done = _retry(context, name, ids, resource)
    tried, released = sum(each.tried for each in done), sum(each.released for each in done)
    left = tried - released
    if as_json:
        print_json({"name": name, "tried": tried, "released": released, "left": left, "resources": done})
    elif not tried:
        show.say(f"{name} has nothing in quarantine." if not ids else "None of these is in quarantine.")
    else:
        tone = show.WARN if left else show.GOOD
        show.headline(f"{released} of {count(tried, 'records')} released.", tone)
        if left:
            show.say(f"{count(left, 'records')} stay. `storelink quarantine list {name}` shows why.")
    raise typer.Exit(ExitCode.FAILED if left else ExitCode.DONE)


def _retry(context: Context, name: str, ids: Sequence[str] | None, resource: str | None) -> "list[Retried]":
    from storelink.sync.lane import hold
    from storelink.sync.opening import open_subject
    from storelink.sync.quarantine import list_quarantined
    from storelink.sync.quarantine import retry as send_again

    with context.database.session() as session:
        store = find_store(session, name)
        waiting = {each.resource for each in list_quarantined(session, store.id)}
    done = []
    with (
        open_subject(context.database, context.keyring, name, context.settings) as subject,
        closing_when_stopped(subject.store.close),
    ):
        wanted = None if resource is None else [resource]
        for each in pick_resources(subject.connector.resources, wanted):
            if each in waiting:
                with hold(context.database, subject.id, each, None) as lane:
                    done.append(send_again(lane, subject, list(ids) if ids else None))
    return done


def _document(name: str, record: "QuarantinedRecord") -> dict[str, Any]:
    return {
        "store": name,
        "resource": record.resource,
        "id": record.external_id,
        "error": record.error,
        "seen": record.seen,
        "first_seen_at": record.first_seen_at,
        "last_seen_at": record.last_seen_at,
    }
