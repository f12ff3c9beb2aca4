"""`storelink demo`: the whole story on two simulated stores, told by the real commands.

Each line after a `$` is run exactly as a person would run it, and after each the demo looks into
the stores and into the tables whether what was said is so. It fails if anything is not.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from storelink.cli import show
from storelink.cli.context import ExitCode, open_context
from storelink.cli.problems import handled
from storelink.cli.words import count, listed, span
from storelink.errors import StorelinkError

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

HELP = """\
See storelink at work, without a shop of your own.

A simulated WooCommerce store, a simulated Shopify store and a private PostgreSQL are started on this
machine. storelink reads both stores into the same tables, sees what changes in them, sets aside a
record that makes no sense, takes it back when it does, proves in the end that nothing is missing, and
asks one question of both. Everything is gone afterwards, and nothing of your own storelink is touched.
It takes well under a minute.

With --keep the stores then stay, and the console answers in your browser until Ctrl-C: one store is
connected, the other is left for you to connect by clicking.

\b
Examples:
  storelink demo
  storelink demo --orders 20000 --keep
"""


class Untrue(StorelinkError):
    """Something that the demo said turned out not to be so."""


@app.command(help=HELP, short_help="See storelink at work, on two simulated stores.")
def demo(
    orders: Annotated[
        int, typer.Option("--orders", min=50, max=1_000_000, help="How many orders in each store.")
    ] = 2000,
    keep: Annotated[
        bool, typer.Option("--keep", help="Then go on until Ctrl-C, with the console in the browser.")
    ] = False,
) -> None:
    began = time.monotonic()
    with handled(), _home() as home:
        from storelink.cli.story import Story
        from storelink.sandbox.running import start, start_shopify

        show.headline("storelink, on two simulated stores")
        show.say(
            "A WooCommerce store, a Shopify store and a PostgreSQL start on this machine. Every line after $"
            " is run as you would run it; then storelink looks whether what it said is so."
        )
        show.say()
        things, people = max(orders // 10, 20), max(orders // 4, 20)
        with (
            start(orders, things, people, process=True) as woo,
            start_shopify(orders, things, people, seed=2, process=True, plan="advanced") as shopify,
            _settings(home),
        ):
            sizes = {"orders": orders, "products": things, "customers": people}
            told = listed(count(number, what) for what, number in sizes.items())
            show.say(f"Each store has {told}; some things and some people are in both.")
            with open_context() as context:
                story = Story(context, woo, shopify, Teller())
                story.tell()
                _sum_up(began, story.teller.proven)
                if keep:
                    from storelink.cli.keeping import keep_on

                    keep_on(context, shopify, story.teller, home)
        _end(kept=keep)


class Teller:
    """Runs commands as a person would, and keeps count of what proved to be so."""

    def __init__(self) -> None:
        self.proven = 0

    def chapter(self, title: str, *lines: str) -> None:
        """A heading, and what is about to happen."""
        show.say()
        show.headline(title)
        for line in lines:
            show.say(line)

    def run(self, *words: str, expect: ExitCode = ExitCode.DONE) -> None:
        """Run one command. Raises `Untrue` if it does not end with the exit code `expect`."""
        show.say()
        show.say(show.Toned("$ storelink " + " ".join(words), show.INFO))
        sys.stdout.flush()
        code = run_command(words)
        if code == ExitCode.STOPPED:
            raise KeyboardInterrupt
        if code != expect:
            raise Untrue(f"`storelink {' '.join(words)}` ended with exit code {code}, not {int(expect)}.")

    def claim(self, text: str, so: bool) -> None:
        """Say that something is so. Raises `Untrue` if it is not."""
        if not so:
            raise Untrue(f"This is not so: {text}")
        self.proven += 1
        show.say(show.Toned(f"✓ {text}", show.GOOD), indent=2, hang=2)


def run_command(words: tuple[str, ...]) -> int:
    """One command in this process; its exit code."""
    from typer.main import get_command

    from storelink.cli.main import app as storelink

    code = get_command(storelink)(list(words), prog_name="storelink", standalone_mode=False)
    sys.stdout.flush()
    return int(code or 0)


@contextmanager
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="storelink-demo-")).resolve()
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _settings(home: Path) -> Iterator[None]:
    """The environment of somebody who has nothing but this home."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("STORELINK_") and "_LOG_" not in name]:
        if name != "STORELINK_EMBEDDED_USER":
            del os.environ[name]
    os.environ["STORELINK_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _sum_up(began: float, proven: int) -> None:
    show.say()
    took = span(time.monotonic() - began)
    show.headline(f"All of it proved to be so: {proven} claims checked, in {took}.", show.GOOD)


def _end(*, kept: bool) -> None:
    if kept:
        show.say()
    show.say("The stores, the database and their processes are gone.")
    show.say("Your own store next:")
    show.say("storelink connectors add woocommerce shop --store-url https://shop.example", indent=2)
    show.say("storelink connectors add shopify shop --store-url https://shop.myshopify.com", indent=2)
