"""`storelink serve` and `storelink worker`: the processes that go on until they are told to stop."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import read_settings
from storelink.cli.problems import ExitCode, handled
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.scheduler.daemon import Daemon

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

HTTP_STOP = 2
"""Seconds that requests under way have to end."""

ConcurrencyOption = Annotated[
    int | None,
    typer.Option(
        "--concurrency", "-c", metavar="N", min=1, max=90, show_default=False,
        help="Jobs at once, beside one place for refunds and addresses. Four fewer than"
        " STORELINK_DATABASE_POOL, so 4, unless you say.",
    ),
]  # fmt: skip

SERVE_HELP = """\
Read every store by itself: HTTP, the clock and a worker in one process, until it is stopped.

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
    with handled(), listening(host, port) as listener, prepared(concurrency, clock=True) as daemon:
        run(daemon, listener)


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
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Misconfigured(f"Cannot listen on {host}, port {port}: {error.strerror or error}.") from None
    with listener:
        yield listener


def run(daemon: "Daemon", listener: socket.socket | None, ready: Callable[[], None] = lambda: None) -> None:
    """Work until a signal comes or HTTP ends; the main thread only waits. `ready` is called once at work."""
    import structlog

    log = structlog.get_logger(__name__)
    asked, signals = threading.Event(), []

    def stop(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    daemon.start()
    http = None if listener is None else _Http(daemon, listener, asked)
    log.info("serving" if http else "working", pid=os.getpid(), **(http.where() if http else {}))
    ready()
    asked.wait()
    log.info("stopping", signal=signal.Signals(signals[0]).name if signals else None)
    clean = (http is None or http.stop()) & daemon.stop()
    log.info("stopped", clean=clean)
    if not clean:  # a thread hangs where nothing can be lost; nobody waits for it
        sys.stderr.flush()
        os._exit(ExitCode.FAILED)
    if not signals:
        raise typer.Exit(ExitCode.FAILED)


class _Http:
    """The HTTP server in a thread of its own."""

    def __init__(self, daemon: "Daemon", listener: socket.socket, asked: threading.Event) -> None:
        import uvicorn

        from storelink.web.app import create_app
        from storelink.web.services import Services

        work = daemon.work
        application = create_app(Services(work.settings, work.database, work.keyring, daemon.running))
        self._listener, self._asked = listener, asked
        self._lookout = application.state.lookout
        self._server = uvicorn.Server(
            uvicorn.Config(
                application, log_config=None, access_log=False, lifespan="on",
                timeout_graceful_shutdown=HTTP_STOP, server_header=False, date_header=False,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._thread.start()

    def where(self) -> dict[str, Any]:
        """For the log."""
        host, port = self._listener.getsockname()[:2]
        return {"url": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"}

    def stop(self) -> bool:
        """Answer what is under way, then end."""
        self._lookout.close()  # its streams do not end by themselves
        self._server.should_exit = True
        self._thread.join(HTTP_STOP + 1)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._asked.set()  # without it, stores could not reach us any more
