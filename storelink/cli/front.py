"""The process of `storelink serve` that answers HTTP, beside the one that reads the stores.

A first read keeps an interpreter full for minutes, and a webhook that waits for it is a webhook lost: the
store gives it up. So answering has an interpreter and database connections of its own. It is forked before
any thread is begun, lives as long as its parent, and is told over a pipe what it has to know.
"""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from storelink.errors import DatabaseAway, StorelinkError

if TYPE_CHECKING:
    from storelink.config import Settings
    from storelink.db import Database

STOP = 2.0
"""Seconds that requests under way have to end."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Front:
    """Answers on a socket in a process of its own; `ended` is called once when that is gone."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = _url(listener)
        self._ours, theirs = multiprocessing.Pipe()
        with _ignored(SIGNALS):  # a Ctrl-C reaches both; the parent says when to stop
            self._child = multiprocessing.get_context("fork").Process(
                target=_live, args=(listener, theirs, self._ours), name="front"
            )
            self._child.start()
        theirs.close()
        self._ending: threading.Thread | None = None
        self._stopping = False

    def begin(self, settings: "Settings", running: bool, ended: Callable[[], object]) -> None:
        """Have it answer; the database is up to date. `running` as for `tell`."""
        self._running = running
        self._send(settings, running)

        import structlog

        def watch() -> None:
            self._child.join()
            if not self._stopping:
                structlog.get_logger(__name__).error("front.ended", code=self._child.exitcode)
            ended()

        self._ending = threading.Thread(target=watch, name="front", daemon=True)
        self._ending.start()

    def wait(self, timeout: float) -> bool:
        """Whether it answers by now; looks once, for so many seconds."""
        try:
            return self._ours.poll(timeout) and bool(self._ours.recv())
        except (EOFError, OSError):
            return False  # it is gone: `ended` says so

    def tell(self, running: bool) -> None:
        """Whether clock and worker run, for `/readyz`."""
        if running != self._running:
            self._running = running
            self._send(running)

    def stop(self) -> bool:
        """Have it answer what is under way, then end; False if it had to be killed."""
        self._stopping = True
        self._send(None)
        if not self._gone(STOP + 2):
            self._child.kill()
            self._gone(None)
        return self._child.exitcode == 0

    def _gone(self, timeout: float | None) -> bool:
        """Wait for its end; only one thread may ask the system for it."""
        waited: Any = self._ending or self._child
        waited.join(timeout)
        return not waited.is_alive()

    def _send(self, *messages: Any) -> None:
        with suppress(OSError):  # it is gone: `ended` says so
            for message in messages:
                self._ours.send(message)


@contextmanager
def answering(listener: socket.socket) -> Iterator[Front]:
    """A front that waits to begin; it is gone at the end. To be entered before any thread is begun."""
    front = Front(listener)
    try:
        yield front
    finally:
        front.stop()


@contextmanager
def _ignored(numbers: tuple[signal.Signals, ...]) -> Iterator[None]:
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# -- in the process that answers -----------------------------------------------------------------------


def _live(listener: socket.socket, pipe: Connection, parents: Connection) -> None:
    """Wait for settings, answer until told to stop."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    parents.close()
    from storelink.cli.problems import complain, exit_code

    try:
        settings = pipe.recv()
        code = 0 if settings is None or _answer(settings, listener, pipe) else 1
    except (EOFError, ConnectionError):  # the parent is gone
        code = 1
    except StorelinkError as error:
        complain(error)
        code = exit_code(error)
    sys.stderr.flush()
    os._exit(code)


def _end_with_parent() -> None:
    """As by kill -9, whatever is being done: the port is wanted by whoever comes next."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _answer(settings: "Settings", listener: socket.socket, pipe: Connection) -> bool:
    """Answer until told to stop; whether it ended as it should."""
    from storelink.cli.logs import configure_logs
    from storelink.secrets.keyring import Keyring
    from storelink.secrets.provider import provider_of
    from storelink.web.app import create_app
    from storelink.web.services import Services

    configure_logs(settings)
    running = pipe.recv()
    with _opened(settings, pipe) as database:
        if database is None:
            return True
        keyring = Keyring(provider_of(settings))
        http = _Http(create_app(Services(settings, database, keyring, lambda: running)), listener)
        http.wait_until_started()
        gc.collect()
        gc.freeze()  # looking through all that was imported would hold up deliveries, again and again
        pipe.send(True)
        while http.up:
            if pipe.poll(0.5):
                message = pipe.recv()
                if message is None:
                    return http.stop()
                running = message
    return False


@contextmanager
def _opened(settings: "Settings", pipe: Connection) -> "Iterator[Database | None]":
    """The database, when it answers; None if we are to end before."""
    from storelink.db import open_database

    with ExitStack() as stack:
        database = None
        while database is None:
            try:
                opening = open_database(settings, migrate=False, name="storelink front")
                database = stack.enter_context(opening)
            except DatabaseAway:
                if pipe.poll(0.5) and pipe.recv() is None:
                    break
        if database is not None:
            database.outage.told = False  # the other process says so
        yield database


class _Http:
    """The HTTP server in a thread of its own."""

    def __init__(self, application: Any, listener: socket.socket) -> None:
        import uvicorn

        self._lookout = application.state.lookout
        self._server = uvicorn.Server(
            uvicorn.Config(
                application, log_config=None, access_log=False, lifespan="on",
                timeout_graceful_shutdown=int(STOP), server_header=False, date_header=False,
            )
        )  # fmt: skip
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="http", daemon=True
        )
        self._thread.start()

    @property
    def up(self) -> bool:
        """Whether it answers, or is about to."""
        return self._thread.is_alive()

    def wait_until_started(self) -> None:
        """Until it answers, or has ended."""
        while self.up and not self._server.started:
            time.sleep(0.01)

    def stop(self) -> bool:
        """Answer what is under way, then end; False if that takes too long."""
        self._lookout.close()  # its streams do not end by themselves
        self._server.should_exit = True
        self._thread.join(STOP + 1)
        return not self._thread.is_alive()
