"""`storelink address`: change the address of an order, once, and put it back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.address_wish import read_wish
from storelink.cli.context import Context, JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.refund import OrderArgument, Wait, Yes
from storelink.cli.request_list import Most, OfOrder, OfStore, Stages, read_list
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.models import AddressUpdateRequest, ConnectorConfig
    from storelink.sync.address import Created, Particulars, Preview
    from storelink.sync.subject import Subject

app = typer.Typer(
    name="address",
    help="Change the address of an order, exactly once.\n\nA change is checked and previewed, requested, sent"
    " by a worker, and compared field by field with what the store has then. What was there before is kept:"
    " `address restore` puts it back.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Billing = Annotated[bool, typer.Option("--billing", help="The billing address, not the shipping address.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=TEXT", show_default=False,
        help="A field, as in city=Wien; `company=` empties it. May be repeated.",
    ),
]  # fmt: skip
File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="A.json", help="Fields as a JSON object; --set goes before it.", exists=True,
        dir_okay=False, show_default=False,
    ),
]  # fmt: skip
Force = Annotated[
    bool, typer.Option("--force", help="Do it although the order is shipped, cancelled, refunded or on hold.")
]
Again = Annotated[bool, typer.Option("--again", help="The same was requested within a day; it is meant.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key", metavar="K", help="The same key never makes a second request.",
        show_default=False,
    ),
]  # fmt: skip
Note = Annotated[
    str | None, typer.Option("--note", metavar="T", help="For colleagues only.", show_default=False)
]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The request: its id, or the first digits of it.")
]

FIELDS_HELP = """
\b
Fields: first_name, last_name, company, address1, address2, city, province,
postcode, country, phone; of a billing address email too. Countries and
provinces may be named or coded: Austria or AT, California or CA.
"""
PREVIEW_HELP = f"""\
Show the address now beside the new one, what is wrong with it, and what forbids it. Changes nothing.
{FIELDS_HELP}
\b
Examples:
  storelink address preview shop 1042 --set address1="Rosengasse 12"
  storelink address preview shop 1042 --set country=Austria --set zip=1060
"""


@app.command(help=PREVIEW_HELP, short_help="Old beside new, and what stands against it.")
def preview(
    name: NameArgument,
    order: OrderArgument,
    billing: Billing = False,
    sets: Set = None,
    file: File = None,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context:
        store, order_id = _placed(context, name, order)
        made = _preview(context, store, order_id, billing, read_wish(sets, file))
    if as_json:
        print_json({"preview": made.id, "store": store.name, **made.document})
    else:
        from storelink.cli.address_words import show_plan

        show_plan(made.document, store.name)
    if made.document["problems"] or made.document["refusals"]:
        raise typer.Exit(1)


UPDATE_HELP = f"""\
Preview a change of address, ask, and request it. With --wait this command sees it through.

The order is read once more just before it is sent: if it changed since the preview, nothing is sent.
{FIELDS_HELP}
\b
Examples:
  storelink address update shop 1042 --set address1="Rosengasse 12" --wait
  storelink address update shop 1042 --file new.json --yes --wait
"""


@app.command(help=UPDATE_HELP, short_help="Change an address, after a preview.")
def update(
    name: NameArgument,
    order: OrderArgument,
    billing: Billing = False,
    sets: Set = None,
    file: File = None,
    force: Force = False,
    again: Again = False,
    note: Note = None,
    yes: Yes = False,
    wait: Wait = False,
    idempotency_key: Key = None,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context:
        from storelink.sync.address import Particulars

        wish = read_wish(sets, file)
        said = Particulars(force, again, note, idempotency_key)
        store, order_id = _placed(context, name, order)
        kind = "billing" if billing else "shipping"
        created = _earlier(context, store, order_id, kind, wish, said)
        if created is None:
            made = _preview(context, store, order_id, billing, wish)
            created = _create(context, store, made, said, yes=yes, as_json=as_json)
        _follow_up(context, store, created.request, wait=wait, as_json=as_json, new=created.new)


@app.command(short_help="Put the old address back.")
def restore(
    request: IdArgument,
    force: Force = False,
    again: Again = False,
    yes: Yes = False,
    wait: Wait = False,
    idempotency_key: Key = None,
    as_json: JsonFlag = False,
) -> None:
    """Put back the address that was there before a change. That is a change of its own, previewed too.

    Nothing of the old address is checked: the store had it.
    """
    with run(as_json) as context:
        from storelink.sync import address
        from storelink.sync.address import Particulars, restore_wish

        row, store = _found(context, request)
        said = Particulars(force, again, f"puts back what {str(row.id)[:8]} changed", idempotency_key)
        created = _earlier(context, store, row.order_id, row.kind, restore_wish(row), said)
        if created is None:
            made = _asked(
                context, store.name,
                lambda subject, asker: address.preview_restore(context.database, subject, row, asker),
            )  # fmt: skip
            created = _create(context, store, made, said, yes=yes, as_json=as_json)
        _follow_up(context, store, created.request, wait=wait, as_json=as_json, new=created.new)


@app.command("list", short_help="Requests, the newest first.")
def list_(
    name: OfStore = None,
    order: OfOrder = None,
    stage: Stages = None,
    limit: Most = 50,
    as_json: JsonFlag = False,
) -> None:
    """Show requests for changes of address, the newest first."""
    with run(as_json) as context:
        from storelink.models import AddressUpdateRequest

        found = read_list(context, AddressUpdateRequest, name, order, stage, limit)
    from storelink.cli.address_words import request_document, show_requests

    if as_json:
        print_json({"addresses": [request_document(row, store) for row, store in found]})
    else:
        show_requests(found)


@app.command("show", short_help="One request, and the proof.")
def show_(request: IdArgument, as_json: JsonFlag = False) -> None:
    """Show one request: what was asked for, what was there before, and what the store has now."""
    with run(as_json) as context:
        row, store = _found(context, request)
        _tell(row, store, as_json)


@app.command(short_help="Say what became of one that needs a person.")
def resolve(
    request: IdArgument,
    why: Annotated[str, typer.Option("--why", metavar="T", help="What you saw, and where.")],
    updated: Annotated[
        bool, typer.Option("--updated/--not-updated", help="Whether the address is as it should be.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Settle a request that needs a person, by what that person has seen; or withdraw one not sent."""
    with run(as_json) as context:
        from storelink.cli.carrying import asker_here, enqueue
        from storelink.sync import address

        row, store = _found(context, request)
        with context.database.session() as session:
            row = address.resolve(
                session, row.id, updated=updated, why=why, asker=asker_here(context), enqueue=enqueue
            )
            session.commit()
        _tell(row, store, as_json)


# -- from what was typed to a preview ----------------------------------------------------------------


def _placed(context: Context, name: str, order: str) -> "tuple[ConnectorConfig, str]":
    from storelink.sync.order_search import order_id_of

    with context.database.session() as session:
        store = find_store(session, name)
        return store, order_id_of(session, store, order)


def _preview(
    context: Context, store: "ConnectorConfig", order_id: str, billing: bool, wish: Mapping[str, object]
) -> "Preview":
    from storelink.sync import address

    kind = "billing" if billing else "shipping"
    return _asked(
        context, store.name,
        lambda subject, asker: address.preview(context.database, subject, order_id, kind, wish, asker),
    )  # fmt: skip


def _asked(context: Context, name: str, ask: "Callable[[Subject, Any], Preview]") -> "Preview":
    from storelink.cli.carrying import asker_here
    from storelink.sync.opening import open_subject

    with (
        show.waiting("Asking the store"),
        open_subject(context.database, context.keyring, name, context.settings, refresh=False) as subject,
    ):
        return ask(subject, asker_here(context))


# -- from a preview to a request, and on -------------------------------------------------------------


def _earlier(
    context: Context,
    store: "ConnectorConfig",
    order_id: str,
    kind: str,
    wish: Mapping[str, Any],
    said: "Particulars",
) -> "Created | None":
    """What the caller's key has made before. The store need not be asked."""
    from storelink.sync import address

    if said.idempotency_key is None:
        return None
    with context.database.session() as session:
        found = address.of_key(session, store.id, said.idempotency_key)
    if found is None:
        return None
    address.demand_same(found, order_id, kind, wish)
    return address.Created(found, new=False)


def _create(
    context: Context,
    store: "ConnectorConfig",
    made: "Preview",
    said: "Particulars",
    *,
    yes: bool,
    as_json: bool,
) -> "Created":
    from storelink.cli.address_words import show_plan
    from storelink.cli.carrying import asker_here, enqueue
    from storelink.sync import address

    if not as_json:
        show_plan(made.document, store.name, force=said.force)
        _leave_if_hopeless(made.document, said)
    with context.database.session() as session:
        address.check(session, made.id, said)
    if not yes:
        if as_json:
            raise Misconfigured("With --json nobody can be asked: add --yes.")
        if not typer.confirm(f"Change the {made.plan.kind} address?", err=True):
            raise Misconfigured("Nothing was sent to the store.")
    with context.database.session() as session:
        created = address.create(session, made.id, said, asker=asker_here(context), enqueue=enqueue)
        session.commit()
    return created


def _leave_if_hopeless(plan: Mapping[str, Any], said: "Particulars") -> None:
    """Why it cannot be was just shown: that need not be said twice."""
    against = [one for one in plan["refusals"] if not (said.force and one["forceable"])]
    if plan["problems"] or against:
        show.say("Nothing was sent to the store.", err=True)
        raise typer.Exit(2 if plan["problems"] else 1)


def _found(context: Context, wanted: str) -> "tuple[AddressUpdateRequest, ConnectorConfig]":
    from storelink.models import AddressUpdateRequest
    from storelink.sync import account, request_search

    with context.database.session() as session:
        row = request_search.find(session, AddressUpdateRequest, wanted)
        return row, account.find(session, row.connector_id)


def _follow_up(
    context: Context,
    store: "ConnectorConfig",
    row: "AddressUpdateRequest",
    *,
    wait: bool,
    as_json: bool,
    new: bool,
) -> None:
    """See it through, or say who will."""
    from storelink.cli.carrying import NOBODY, see_through, workers
    from storelink.models import AddressUpdateRequest

    if wait:
        row = see_through(context, store, AddressUpdateRequest, row.id)
    _tell(row, store, as_json, new=new)
    if not as_json and not wait and row.stage == "requested" and not workers(context):
        show.say(show.Toned(NOBODY, show.WARN))
    if wait and row.stage in ("failed", "needs_attention"):
        raise typer.Exit(4 if row.stage == "needs_attention" else 1)


def _tell(row: "AddressUpdateRequest", store: "ConnectorConfig", as_json: bool, *, new: bool = True) -> None:
    from storelink.cli.address_words import request_document, show_request

    if as_json:
        print_json(request_document(row, store.name))
        return
    if not new:
        show.say("This key has made a request before; here it is.")
    show_request(row, store.name)
