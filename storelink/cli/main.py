"""The entry point: `storelink`.

A command's module is imported only when it is run or asked for its help, so that `storelink
--help` and shell completion answer at once.
"""

import atexit
import gc
import importlib
import io
import signal
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

import typer
from typer import main as typing
from typer.core import TyperCommand, TyperGroup

HELP = """\
Keep WooCommerce stores in step with one Postgres database.

storelink reads a store's products, customers and orders into unified tables and proves that
nothing is missing. It writes to a store only what was asked for: refunds and changes of address.
"""

EPILOG = """\
\b
Begin:
  storelink demo            see it work, without a shop of your own
  storelink connectors add woocommerce shop --store-url https://shop.example
  storelink sync shop       read it; from then on, read what changed
  storelink verify shop     compare every record with the store
  storelink status          how everything stands

\b
Exit codes:
  0    done
  1    failed: the store, the database or a record stood in the way
  2    usage: a command, a setting or the store's set-up has to be changed
  3    the store refuses the credentials
  4    drift: store and tables differ, or a decision is waited for
  130, 143  stopped by Ctrl-C, or asked to end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, the module that has it, and its line in the overview."""

    name: str
    module: str
    line: str


COMMANDS = (
    Entry("demo", "demo", "See storelink at work, on two simulated stores."),
    Entry("connectors", "connectors", "Register stores, check them, change and remove them."),
    Entry("serve", "daemon", "Read every store by itself, until stopped."),
    Entry("worker", "daemon", "Help `serve` on another machine."),
    Entry("sync", "sync", "Read a store: everything the first time, then what changed."),
    Entry("verify", "sync", "Compare the tables with the store, record by record."),
    Entry("status", "status", "How every store stands, and what needs a person."),
    Entry("runs", "status", "What the last passes did."),
    Entry("orders", "orders", "Find an order, and see its items, refunds, addresses and story."),
    Entry("refund", "refund", "Give money back for an order, exactly once."),
    Entry("address", "address", "Change the address of an order, exactly once."),
    Entry("changes", "changes", "What changed in the unified tables, in order."),
    Entry("quarantine", "quarantine", "Records that could not be understood: see them, try them again."),
    Entry("renormalize", "sync", "Rebuild the rows from the raw records held, without the store."),
    Entry("webhooks", "webhooks", "Have stores tell of changes at once, and see whether they do."),
    Entry("privacy", "privacy", "What is held of one person: hand it out, or erase it."),
    Entry("tokens", "tokens", "What programs send to the API of `serve`."),
    Entry("users", "users", "People who sign in to the console of `serve`."),
    Entry("secrets", "secrets", "Master keys that credentials are sealed with."),
    Entry("db", "database", "The database: bring its tables up to date, say where it is."),
    Entry("sandbox", "sandbox", "Serve a simulated store to try things on."),
)
_BY_NAME = {entry.name: entry for entry in COMMANDS}


class Lazy(TyperGroup):
    """The commands of `COMMANDS`, each loaded when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Click's signature
        """Their names, in the order of the overview."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command itself, or None."""
        entry = _BY_NAME.get(cmd_name)
        return None if entry is None else load(entry)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The overview, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.line) for entry in COMMANDS])


def load(entry: Entry) -> TyperCommand | TyperGroup:
    """Import a command: a whole app of that name, or one command of a module's app."""
    app = importlib.import_module(f"storelink.cli.{entry.module}").app
    group = typing.get_group(app)
    return group if group.name == entry.name else group.commands[entry.name]  # type: ignore[return-value]


app = typer.Typer(
    name="storelink",
    cls=Lazy,
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        import storelink

        typer.echo(f"storelink {storelink.__version__}")
        raise typer.Exit


@app.callback()
def _storelink(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say which."),
) -> None:
    pass


def _leave(number: int, frame: FrameType | None) -> None:
    """Asked to end: unwind as for Ctrl-C, so that what we started stops too.

    In the midst of an import what is raised may be lost, as in whatever the collector calls there: then
    a moment later.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            signal.signal(signal.SIGALRM, lambda _, later: _leave(number, later))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            return
        frame = frame.f_back
    raise SystemExit(128 + number)


def _spare_the_collector() -> None:
    """Look for rubbish less often, and at the end not at all.

    A command makes a hundred thousand objects by importing, none of them rubbish; a third of its time
    would go into looking through them, most of that when it ends.
    """
    gc.set_threshold(20_000, 10, 10)
    atexit.register(gc.freeze)


def main() -> None:
    """Run the command line."""
    _spare_the_collector()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no “–” gets a ? for it
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP, and so do we
            signal.signal(number, _leave)
    try:
        app()
    except BrokenPipeError:
        # whoever read our output has enough; Python would complain once more at its end
        sys.stderr.close()
        raise SystemExit(1) from None
