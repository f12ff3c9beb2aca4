"""What every test may ask for: a fresh database, a home, and how much to do.

One private PostgreSQL serves the whole run: each xdist worker joins it as storelink processes do,
and the last to leave stops it. The tables are made once, into a template that each test copies.
"""

import fcntl
import gc
import os
import shutil
import signal
import socket
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import alembic.config  # noqa: F401 - it keeps the output that it finds when it is first imported
import pytest
from amounts import SOAK, scaled
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as examples
from places import quickest
from sqlalchemy import make_url

from storelink import embedded
from storelink.access import person
from storelink.config import Settings
from storelink.db import Database, open_database

_HOME = "STORELINK_TEST_HOME"
_TEMPLATE = "template_storelink"

# `make test` looks at the same examples wherever and whenever it runs, and no clock judges them
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]
examples.register_profile("soak", deadline=None, suppress_health_check=_CALM, print_blob=True)
examples.register_profile("quick", examples.get_profile("soak"), derandomize=True, database=None)
examples.load_profile("soak" if SOAK else "quick")

# a password is slow to try on purpose, and hundreds of tests sign somebody in; one looks at it as it is
person._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def pytest_configure(config: pytest.Config) -> None:
    """The first process names the run's home; the workers inherit it."""
    gc.disable()  # until the tests are collected: nothing of them is rubbish
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background; commands inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("STORELINK_") and name != _HOME]:
        if name != "STORELINK_SOAK":
            del os.environ[name]  # a developer's own settings are no part of a test
    if not hasattr(config, "workerinput"):
        os.environ[_HOME] = tempfile.mkdtemp(prefix="sl-tests-", dir=quickest())


def pytest_collection_finish() -> None:
    """What was collected lives until the end: no look for rubbish need go through it."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The workers have left; if one was killed, its server stops here."""
    if hasattr(config, "workerinput"):
        return
    home = Path(os.environ.pop(_HOME))
    if (home / "postgres" / "postmaster.pid").exists():
        with suppress(Exception), embedded.running(home):
            pass
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[embedded.Server]:
    """The run's private PostgreSQL, with a template database that has all tables."""
    home = Path(os.environ[_HOME])
    with embedded.running(home) as server:
        with (home / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _make_template(server)
        yield server


def _make_template(server: embedded.Server) -> None:
    with closing(embedded.connect(server)) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE])
        if known.fetchone():
            return
        # what tests write may be lost, and is little
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '128MB'"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template_new")
        url = server.url("template_new").render_as_string(hide_password=False)
        with open_database(Settings(database_url=url), migrate=True):
            pass
        connection.execute(f"ALTER DATABASE template_new RENAME TO {_TEMPLATE}")


@contextmanager
def _copied(cluster: embedded.Server) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with closing(embedded.connect(cluster)) as connection:
        # copied as files: half the time of a copy through the log, and gone again in a third
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        yield cluster.url(name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sl-", dir=quickest())).resolve()
    folder.chmod(0o711)  # the server's user must get through to what is inside
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(cluster: embedded.Server) -> Iterator[str]:
    """The URL of a fresh copy of the tables, for `STORELINK_DATABASE_URL` of a subprocess."""
    with _copied(cluster) as url:
        yield url


@pytest.fixture
def home() -> Iterator[Path]:
    """A short empty folder to be STORELINK_HOME, which an embedded server may also use."""
    with _folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def lasting(cluster: embedded.Server) -> Iterator[tuple[Database, Settings]]:
    """A database that the tests of a module share, and the settings of a process on it."""
    with _copied(cluster) as url, _folder() as folder:
        settings = Settings(home=folder, database_url=url)
        with open_database(settings, migrate=False) as opened:
            yield opened, settings


@pytest.fixture
def settings(database_url: str, home: Path) -> Settings:
    """Settings of a process that works on the fresh database, with a home of its own."""
    return Settings(home=home, database_url=database_url)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A fresh database with all tables, open."""
    with open_database(settings, migrate=False) as opened:
        yield opened


class Wire:
    """A way to the fresh database over TCP that a test can cut and mend."""

    def __init__(self, target: Path, name: str) -> None:
        self._target = str(target / ".s.PGSQL.5432")
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._up = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://storelink:hidden-word@127.0.0.1:{port}/{name}?sslmode=disable"
        self._start(self._accept)

    def cut(self) -> None:
        """Every connection ends now, and new ones end at once."""
        with self._lock:
            self._up = False
            ends, self._open = self._open, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        with self._lock:
            self._up = True

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            with self._lock:
                if self._up:
                    far.connect(self._target)
                    self._open += [near, far]
                    self._start(self._carry, near, far)
                    self._start(self._carry, far, near)
                    continue
            near.close()
            far.close()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(cluster: embedded.Server, database_url: str) -> Iterator[Wire]:
    """The fresh database behind a wire: `wire.url`, `wire.cut()`, `wire.mend()`."""
    made = Wire(cluster.socket, make_url(database_url).database or "")
    yield made
    made.close()


@pytest.fixture(scope="session")
def scale() -> Callable[[int, int], int]:
    """How much to do: `scale(10, 100)` is 10 in `make test` and 100 in `make soak`."""
    return scaled
