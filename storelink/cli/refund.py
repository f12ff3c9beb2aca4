"""`storelink refund`: give money back, once."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import Context, JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.request_list import Most, OfOrder, OfStore, Stages, read_list
from storelink.cli.wishing import (
    All,
    Amount,
    ByHand,
    Lines,
    Location,
    Restock,
    Shipping,
    demand_same,
    make_preview,
    read_wish,
)
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storelink.connectors.action import Wish
    from storelink.models import ConnectorConfig, RefundRequest
    from storelink.sync.refund import Created

app = typer.Typer(
    name="refund",
    help="Give money back for an order, exactly once.\n\nA refund is previewed, requested, sent by a worker,"
    " and settled when it was read back from the store. One whose outcome nobody can know is never sent"
    " again by itself: it needs a person.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

OrderArgument = Annotated[
    str, typer.Argument(metavar="ORDER", help="Its number or id; `id:17` is certainly an id.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", help="Come back when it is settled, has failed or needs you.")]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The request: its id, the first digits of it, or its mark.")
]

PREVIEW_HELP = """\
Ask the store what a refund would give back, to the cent. Moves nothing.

\b
Examples:
  storelink refund preview shop 1042 --line TEE-M:1 --shipping full
  storelink refund preview shop 1042 --amount 5.00
  storelink refund preview shop 1042 --all
"""


@app.command(help=PREVIEW_HELP, short_help="What a refund would give back, to the cent.")
def preview(
    name: NameArgument,
    order: OrderArgument,
    line: Lines = None,
    amount: Amount = None,
    shipping: Shipping = None,
    everything: All = False,
    restock: Restock = False,
    location: Location = None,
    by_hand: ByHand = False,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context:
        wish = read_wish(line, amount, shipping, everything, restock, location, by_hand)
        made, store = make_preview(context, name, order, wish, line)
    if as_json:
        print_json({"preview": made.id, "store": store.name, **made.document})
    else:
        from storelink.cli.refund_words import show_plan

        show_plan(made.document, store.name)
    if made.document["refusals"]:
        raise typer.Exit(1)


CREATE_HELP = """\
Preview a refund, ask, and request it. A worker sends it; with --wait this command sees it through.

What is left is looked at once more just before it is sent: if the order changed since, nothing is.
The reason may be printed to the customer; the note stays here.

\b
Examples:
  storelink refund create shop 1042 --line TEE-M:1 --shipping full
  storelink refund create shop 1042 --all --yes --wait --idempotency-key 1234
"""


@app.command(help=CREATE_HELP, short_help="Request a refund, after a preview.")
def create(
    name: NameArgument,
    order: OrderArgument,
    line: Lines = None,
    amount: Amount = None,
    shipping: Shipping = None,
    everything: All = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="Public words; the customer may read them.")
    ] = "",
    note: Annotated[
        str | None, typer.Option("--note", metavar="T", help="For colleagues only.", show_default=False)
    ] = None,
    restock: Restock = False,
    location: Location = None,
    notify: Annotated[
        bool, typer.Option("--notify/--no-notify", help="Whether the store tells the customer.")
    ] = False,
    by_hand: ByHand = False,
    again: Annotated[
        bool, typer.Option("--again", help="The same was requested within a day; once more is meant.")
    ] = False,
    yes: Yes = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key", metavar="K", help="The same key never makes a second request.",
            show_default=False,
        ),
    ] = None,
    wait: Wait = False,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    with run(as_json) as context:
        from storelink.sync.refund import Particulars

        wish = read_wish(line, amount, shipping, everything, restock, location, by_hand)
        said = Particulars(reason, note, notify, again, idempotency_key)
        created, store = _create(context, name, order, wish, line, said, yes=yes, as_json=as_json)
        _follow_up(context, store, created.request, wait=wait, as_json=as_json, new=created.new)


def _create(
    context: Context,
    name: str,
    order: str,
    wish: "Wish",
    lines: "Sequence[str] | None",
    said: Any,
    *,
    yes: bool,
    as_json: bool,
) -> "tuple[Created, ConnectorConfig]":
    from storelink.cli.carrying import asker_here, enqueue
    from storelink.cli.refund_words import show_plan
    from storelink.sync import refund
    from storelink.sync.limit import limits_of

    limits = limits_of(context.settings)
    if said.idempotency_key is not None:
        with context.database.session() as session:
            store = find_store(session, name)
            earlier = refund.of_key(session, store.id, said.idempotency_key)
            if earlier is not None:
                demand_same(session, store, earlier, order, wish, lines)
                return refund.Created(earlier, new=False), store
    made, store = make_preview(context, name, order, wish, lines)
    asker = asker_here(context)
    if not as_json:
        show_plan(made.document, store.name)
        if made.document["refusals"]:  # why was just shown
            show.say("Nothing was requested.", err=True)
            raise typer.Exit(1)
    with context.database.session() as session:
        refund.check(session, made.id, said, asker=asker, limits=limits)
    if not yes:
        if as_json:
            raise Misconfigured("With --json nobody can be asked: add --yes.")
        if not typer.confirm("Give it back?", err=True):
            show.say("Nothing was requested.", err=True)
            raise typer.Exit(1)
    with context.database.session() as session:
        created = refund.create(session, made.id, said, asker=asker, limits=limits, enqueue=enqueue)
        session.commit()
    return created, store


@app.command("list", short_help="Requests, the newest first.")
def list_(
    name: OfStore = None,
    order: OfOrder = None,
    stage: Stages = None,
    limit: Most = 50,
    as_json: JsonFlag = False,
) -> None:
    """Show requests for refunds, the newest first."""
    with run(as_json) as context:
        from storelink.models import RefundRequest

        found = read_list(context, RefundRequest, name, order, stage, limit)
    from storelink.cli.refund_words import money, number_of, request_document, short_id, stage_words
    from storelink.cli.words import clock

    if as_json:
        print_json({"refunds": [request_document(row, store) for row, store in found]})
        return
    if not found:
        show.say("There are no such requests.")
        return
    show.table(
        ["id", "store", "order", "amount", "stage", "requested", "by", "why"],
        [
            [short_id(row.id), store, number_of(row), money(row.amount, row.currency),
             stage_words(row.stage), clock(row.requested_at), row.requested_by or "",
             row.error or row.alarm or ""]
            for row, store in found
        ],
        right=["amount"],
    )  # fmt: skip


@app.command("show", short_help="One request, and how it stands.")
def show_(request: IdArgument, as_json: JsonFlag = False) -> None:
    """Show one request with all that is known of it."""
    with run(as_json) as context:
        row, store = _found(context, request)
        _tell(row, store, as_json)


@app.command(short_help="Agree to a refund above the threshold.")
def approve(request: IdArgument, yes: Yes = False, wait: Wait = False, as_json: JsonFlag = False) -> None:
    """Agree to a refund that waits for a second person. Whoever asked for it cannot."""
    with run(as_json) as context:
        from storelink.cli.carrying import asker_here, enqueue
        from storelink.sync import refund_decision
        from storelink.sync.limit import limits_of

        row, store = _found(context, request)
        _confirm(row, store, "Agree to it?", yes, as_json)
        with context.database.session() as session:
            row = refund_decision.approve(
                session, row.id, asker=asker_here(context), limits=limits_of(context.settings),
                enqueue=enqueue,
            )  # fmt: skip
            session.commit()
        _follow_up(context, store, row, wait=wait, as_json=as_json)


@app.command(short_help="Send again what needs a person, or try at once.")
def retry(request: IdArgument, yes: Yes = False, wait: Wait = False, as_json: JsonFlag = False) -> None:
    """Send a refund again whose outcome nobody knows, after a look at the order's refunds as they are.

    Look in the store and at the gateway first: should the first one still come, the money moves twice.
    One that merely waits for its next try is tried at once.
    """
    with run(as_json) as context:
        from storelink.cli.carrying import asker_here, enqueue
        from storelink.cli.refund_words import show_plan
        from storelink.sync import refund_decision
        from storelink.sync.plan_document import read_wish as wish_of

        row, store = _found(context, request)
        preview_id = None
        if row.stage == "needs_attention":
            made, store = make_preview(context, store.name, f"id:{row.order_id}", wish_of(row.wish), None)
            preview_id = made.id
            if not as_json:
                show_plan(made.document, store.name)
            words = "It was sent before, and may still come. Send it again?"
            _confirm(row, store, words, yes, as_json)
        with context.database.session() as session:
            row = refund_decision.retry(
                session, row.id, preview_id, asker=asker_here(context), enqueue=enqueue
            )
            session.commit()
        _follow_up(context, store, row, wait=wait, as_json=as_json)


@app.command(short_help="Say what became of one that needs a person.")
def resolve(
    request: IdArgument,
    why: Annotated[str, typer.Option("--why", metavar="T", help="What you saw, and where.")],
    moved: Annotated[
        bool | None,
        typer.Option(
            "--moved/--not-moved", help="Whether the money went back. Neither: an alarm was seen to.",
            show_default=False,
        ),
    ] = None,
    refund_id: Annotated[
        str | None,
        typer.Option("--refund", metavar="ID", help="The store's refund, if it has one.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Settle a request that needs a person, by what that person has seen; or withdraw one not sent."""
    with run(as_json) as context:
        from storelink.cli.carrying import asker_here, enqueue
        from storelink.sync import refund_decision

        row, store = _found(context, request)
        with context.database.session() as session:
            row = refund_decision.resolve(
                session, row.id, moved=moved, why=why, asker=asker_here(context), enqueue=enqueue,
                refund_id=refund_id,
            )  # fmt: skip
            session.commit()
        _tell(row, store, as_json)


# -- shared ------------------------------------------------------------------------------------------


def _found(context: Context, wanted: str) -> "tuple[RefundRequest, ConnectorConfig]":
    from storelink.models import RefundRequest
    from storelink.sync import account, request_search

    with context.database.session() as session:
        row = request_search.find(session, RefundRequest, wanted)
        return row, account.find(session, row.connector_id)


def _confirm(row: "RefundRequest", store: "ConnectorConfig", words: str, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json:
        raise Misconfigured("With --json nobody can be asked: add --yes.")
    from storelink.cli.refund_words import show_request

    show_request(row, store.name)
    if not typer.confirm(words, err=True):
        raise typer.Exit(1)


def _follow_up(
    context: Context,
    store: "ConnectorConfig",
    row: "RefundRequest",
    *,
    wait: bool,
    as_json: bool,
    new: bool = True,
) -> None:
    """See it through, or say who will."""
    from storelink.cli.carrying import NOBODY, see_through, workers
    from storelink.models import RefundRequest
    from storelink.sync.act import forbidding

    if wait and row.stage != "waiting_approval" and not forbidding(store.status, _restored(store)):
        row = see_through(context, store, RefundRequest, row.id)
    _tell(row, store, as_json, new=new)
    if not as_json and not wait and row.stage == "requested" and not workers(context):
        show.say(show.Toned(NOBODY, show.WARN))
    if wait and row.stage in ("failed", "needs_attention"):
        raise typer.Exit(4 if row.stage == "needs_attention" else 1)


def _tell(row: "RefundRequest", store: "ConnectorConfig", as_json: bool, *, new: bool = True) -> None:
    from storelink.cli.refund_words import request_document, show_request
    from storelink.sync.act import forbidding

    if as_json:
        print_json(request_document(row, store.name))
        return
    if not new:
        show.say("This key has made a request before; here it is.")
    show_request(row, store.name)
    words = forbidding(store.status, _restored(store))
    if words and row.status == "pending":
        show.say(show.Toned(words, show.WARN))


def _restored(store: "ConnectorConfig") -> Any:
    return store.settings.get("restored")
