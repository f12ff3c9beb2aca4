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

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from storelink.errors import Misconfigured

ROLE = "storelink"
DATABASE = "storelink"
PORT = 5432
MAJOR = "18"

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
max_logical_replication_workers = 0
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
    except (RuntimeError, ValueError) as error:
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
    if not place.account.spawn() or may(place, "x", place.home):
        return
    if place.home.stat().st_uid == 0:
        os.chown(place.home, 0, place.account.gid)
        place.home.chmod(stat.S_IMODE(place.home.stat().st_mode) & 0o700 | 0o010)
    if not may(place, "x", place.home):
        raise Misconfigured(
            f"storelink is run by root, so PostgreSQL runs as {place.account.name!r}, who cannot "
            f"enter {place.home}: set STORELINK_HOME to a folder whose parents are open to all, "
            "such as /var/lib/storelink, or run storelink as an ordinary user"
        )


def may(place: Place, right: str, path: Path) -> bool:
    """Whether the server's user may read (r) or enter or run (x) a path."""
    command = ["/bin/sh", "-c", f'test -{right} "$1"', "sh", str(path)]
    spawn = place.account.spawn()
    return subprocess.run(command, check=False, cwd="/", env={}, **spawn).returncode == 0


def own(place: Place, path: Path | int) -> None:
    """Hand what we made over to the server's user."""
    if place.account.spawn():
        os.chown(path, place.account.uid, place.account.gid, follow_symlinks=isinstance(path, int))


def open_ours(place: Place, path: Path, flags: int) -> int:
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
    own(place, made)
    return made


def open_lock(place: Place, name: str) -> int:
    """A file to lock, open; never inherited by a child."""
    return open_ours(place, place.home / name, os.O_RDWR)


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
        with FileIO(open_ours(place, unfinished, os.O_WRONLY), "w") as file:
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
    return FileIO(open_ours(place, place.log, os.O_WRONLY | os.O_APPEND), "a")


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
