"""Where the private server's socket lies: in the home, or elsewhere if that path is too long."""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from storelink.embedded.files import PORT, Place, may, own, pid_file
from storelink.errors import Misconfigured

NAME = f".s.PGSQL.{PORT}"
_RECORD = "run.elsewhere"
_LIMIT = 103  # bytes of a socket's path: 107 on Linux, 103 on macOS


def in_use(place: Place) -> Path | None:
    """The socket folder that the server named in its pid file; None before it has."""
    lines = pid_file(place)
    return Path(lines[4]) if len(lines) > 5 and lines[4] else None


def make_folder(place: Place) -> Path:
    """`run` in the home, or a short private folder where that path is too long for a socket."""
    folder = place.home / "run"
    if _fits(folder):
        if not folder.exists():
            folder.mkdir(mode=0o700)
            own(place, folder)
        if not _private(place, folder):
            raise Misconfigured(
                f"{folder} must be a folder of {place.account.name!r} that nobody else may enter "
                "(mode 0700): remove it, and storelink makes it anew"
            )
        return folder
    if (recorded := _recorded(place)) is not None:
        return recorded
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if not base or not _fits(Path(base) / "storelink-12345678") or not may(place, "x", Path(base)):
            continue
        # a new name each time: one that others can foresee, they can take first
        folder = Path(tempfile.mkdtemp(prefix="storelink-", dir=base))
        own(place, folder)
        (place.home / _RECORD).write_text(f"{folder}\n{place.data}")
        return folder
    raise Misconfigured(
        f"{place.home} is too long for a socket, and so is the folder for temporary files: "
        "set STORELINK_HOME to a shorter path"
    )


def _fits(folder: Path) -> bool:
    """Whether a socket can lie there: short enough, and nothing that a list of hosts splits at."""
    text = str(folder / NAME)
    return len(os.fsencode(text)) <= _LIMIT and not set(text) & set(",\"'\\\n")


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


def _recorded(place: Place) -> Path | None:
    """The folder elsewhere that this home made for itself; a copied or moved home made none."""
    try:
        folder, data = (place.home / _RECORD).read_text().split("\n")
    except (FileNotFoundError, ValueError):
        return None
    return Path(folder) if data == str(place.data) and _private(place, Path(folder)) else None


def remove_empty(folder: Path | None) -> None:
    """The folder of a server that was stopped in a home that has moved since."""
    if folder is not None:
        with suppress(OSError):
            folder.rmdir()


def remove_short(place: Place) -> None:
    """The server is gone: so goes its folder outside the home."""
    if (folder := _recorded(place)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
    (place.home / _RECORD).unlink(missing_ok=True)
