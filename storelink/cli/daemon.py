"""`storelink serve` and `storelink worker`: the processes that go on until they are told to stop."""

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli import show
from storelink.cli.context import read_settings
from storelink.cli.front import SIGNALS, Front, answering
from storelink.cli.problems import ExitCode, handled
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.scheduler.daemon import Daemon

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

TAKEN = 1.0
"""Seconds for which a port may be taken still: one that was just killed lets go of it in a moment."""
LOOK = 0.2
"""Seconds after which HTTP knows at the latest that clock and worker run, or do not."""

ConcurrencyOption = Annotated[
    int | None,
    typer.Option(
        "--concurrency", "-c", metavar="N", min=1, max=90, show_default=False,
        help="Jobs at once, beside one place for refunds and addresses. Four fewer than"
        " STORELINK_DATABASE_POOL, so 4, unless you say.",
    ),
]  # fmt: skip

SERVE_HELP = """\
Read every store by itself: HTTP, the clock and a worker, until it is stopped.

Run it as a service. SIGTERM or Ctrl-C ends it within 10 seconds, with the page in hand stored; a
kill -9 loses nothing either. Several may run side by side on one Postgres.

\b
Examples:
  storelink serve
  storelink serve --host 0.0.0.0 --port 8600
"""

WORKER_HELP = """\
Help `storelink serve` on another machine: a worker on the same Postgres, until it is stopped.

It takes STORELINK_DATABASE_URL and the master keys of the first machine. Each worker opens at most
STORELINK_DATABASE_POOL connections.

\b
Example:
  storelink worker --concurrency 4
"""


@app.command(help=SERVE_HELP, short_help="Read every store by itself, until stopped.")
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8600,
    concurrency: ConcurrencyOption = None,
) -> None:
    with (
        handled(),
        listening(host, port) as listener,
        answering(listener) as front,
        prepared(concurrency, clock=True) as daemon,
    ):
        run(daemon, front)


@app.command(help=WORKER_HELP, short_help="Help `serve` on another machine.")
def worker(concurrency: ConcurrencyOption = None) -> None:
    with handled(), prepared(concurrency, clock=False) as daemon:
        run(daemon, None)


@contextmanager
def prepared(concurrency: int | None, *, clock: bool) -> "Iterator[Daemon]":
    """The daemon over the database that the settings name, not yet at work."""
    with show.waiting("Opening the database"):
        from storelink.cli.logs import configure_logs
        from storelink.scheduler.daemon import prepared as made
        from storelink.secrets.keyring import Keyring
        from storelink.secrets.provider import provider_of

        settings = read_settings()
        if "log_level" not in settings.model_fields_set:
            settings = settings.model_copy(update={"log_level": "info"})
        configure_logs(settings)
        opening = made(settings, Keyring(provider_of(settings)), concurrency=concurrency, clock=clock)
    with opening as daemon:
        yield daemon


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """The socket, before anything else is begun. Raises `Misconfigured`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    until = time.monotonic() + TAKEN
    while True:
        try:
            listener = socket.create_server((host, port), family=family, backlog=2048)
            break
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise Misconfigured(
                    f"Cannot listen on {host}, port {port}: {error.strerror or error}."
                ) from None
            time.sleep(0.05)
    with listener:
        yield listener


def run(daemon: "Daemon", front: Front | None, ready: Callable[[], None] = lambda: None) -> None:
    """Work until a signal comes or HTTP ends; the main thread only waits. `ready` is called once at work."""
    import structlog

    log = structlog.get_logger(__name__)
    asked, signals = threading.Event(), []

    def stop(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        asked.set()

    for number in SIGNALS:
        signal.signal(number, stop)
    daemon.start()
    if front is not None:
        front.begin(daemon.work.settings, daemon.running(), asked.set)
        while not (asked.is_set() or front.wait(LOOK)):
            continue
    if not asked.is_set():
        where = {"url": front.url} if front else {}
        log.info("serving" if front else "working", pid=os.getpid(), **where)
        ready()
    while not asked.wait(LOOK):
        if front is not None:
            front.tell(daemon.running())
    log.info("stopping", signal=signal.Signals(signals[0]).name if signals else None)
    answered, ended = front is None or front.stop(), daemon.stop()
    log.info("stopped", clean=answered and ended)
    if not ended:  # a thread hangs where nothing can be lost; nobody waits for it
        sys.stderr.flush()
        os._exit(ExitCode.FAILED)
    if not signals or not answered:
        raise typer.Exit(ExitCode.FAILED)
