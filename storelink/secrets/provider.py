"""Where master keys come from: the environment, a file, or an outside command.

Keys are 32 random bytes in base64, each under an id. Their text never gets into an error: what is
wrong is named by its place (entry 2, line 3), and by its id only where a key stands beside it.
"""

import base64
import binascii
import fcntl
import os
import re
import shlex
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from storelink.config import Settings
from storelink.errors import Misconfigured
from storelink.secrets import command
from storelink.secrets.envelope import KEY_BYTES, WrappingKey, new_wrapping_key

KEY_FILE = "master.keys"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""At most 32 characters, so that a key put in the place of its id (43) is never printed as one."""
_FILE_LIMIT = 64 * 1024
_HEADER = (
    "# Master keys of storelink, a line each: id and key. Without them the credentials in the\n"
    "# database cannot be opened: keep a copy of this file apart from the database's backups.\n"
)


class Provider(Protocol):
    """A source of master keys. Keys come in the order in which they are written there."""

    @property
    def source(self) -> str:
        """What people call it: a variable or a path."""

    @property
    def hint(self) -> str:
        """A sentence that says how a new key is put there."""

    def load(self) -> tuple[WrappingKey, ...]:
        """The keys as they are now; none where a file is not made yet. Raises `Misconfigured`."""

    def make(self, *, first: bool) -> WrappingKey | None:
        """A new key, kept there; None where storelink cannot write.

        `first` means that any key will do: one that is there already is returned instead.
        """


def provider_of(settings: Settings) -> Provider:
    """The provider that the settings name. Raises `Misconfigured` where they name two."""
    if settings.master_keys is not None and settings.key_command is not None:
        raise Misconfigured(
            "Both STORELINK_MASTER_KEYS and STORELINK_KEY_COMMAND are set; unset one of them."
        )
    if settings.master_keys is not None:
        return EnvironmentProvider(settings.master_keys)
    if settings.key_command is not None:
        return CommandProvider(settings.key_command, settings.key_command_timeout)
    return FileProvider(settings.home / KEY_FILE)


# -- environment ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnvironmentProvider:
    """`STORELINK_MASTER_KEYS`: `id:base64,id2:base64`. Fixed for the life of the process."""

    value: SecretStr = field(repr=False)
    source: str = "STORELINK_MASTER_KEYS"
    hint: str = (
        "Add `,ID:KEY` to STORELINK_MASTER_KEYS of every storelink process, with a KEY made by "
        "`openssl rand -base64 32`, and start them again."
    )

    def load(self) -> tuple[WrappingKey, ...]:
        """The keys of the variable; set but empty is an error, never a reason to make a key."""
        text = self.value.get_secret_value()
        pairs = (entry.strip().partition(":")[::2] for entry in text.split(","))
        keys = _keys(pairs, f"{self.source}, entry", "`id:base64`")
        return _some(keys, f"{self.source} is set but holds no key; unset it or fill it in.")

    def make(self, *, first: bool) -> WrappingKey | None:  # noqa: ARG002 - part of the protocol
        """None: an environment cannot be written."""
        return None


# -- outside command ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandProvider:
    """`STORELINK_KEY_COMMAND`: a program that prints `id base64` lines, for a KMS or a vault."""

    line: str = field(repr=False)
    timeout: float
    hint: str = "Let the program of STORELINK_KEY_COMMAND print the new key too, as `ID KEY`."

    @property
    def source(self) -> str:
        """The variable and the program, without its arguments."""
        return f"STORELINK_KEY_COMMAND ({self._argv()[0]})"

    def load(self) -> tuple[WrappingKey, ...]:
        """What it prints. What it wrote to standard error is passed on where it fails."""
        outcome = command.run(self._argv(), self.timeout)
        if outcome.status != 0:
            how = f"exit code {outcome.status}"
            if outcome.status < 0:
                how = f"signal {-outcome.status}"
            raise Misconfigured(f"{self.source} failed, {how}{command.told(outcome.complaint)}")
        keys = _keys(_lines(outcome.output), f"{self.source}, line", "`id base64`")
        nothing = f"{self.source} printed no key{command.told(outcome.complaint)}"
        return _some(keys, nothing)

    def make(self, *, first: bool) -> WrappingKey | None:  # noqa: ARG002 - part of the protocol
        """None: only the vault behind it makes keys."""
        return None

    def _argv(self) -> list[str]:
        argv = None
        with suppress(ValueError):
            argv = shlex.split(self.line)
        if not argv:
            raise Misconfigured("STORELINK_KEY_COMMAND is set but is no command; mind its quotes.")
        return argv


# -- file -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileProvider:
    """A file of `id base64` lines, mode 0600, made by storelink when the first key is needed."""

    path: Path
    hint: str = "storelink makes it."

    @property
    def source(self) -> str:
        """The path."""
        return str(self.path)

    def load(self) -> tuple[WrappingKey, ...]:
        """The keys of the file; none if it does not exist. Others' access is refused."""
        text, _ = self._read()
        return _keys(_lines(text), f"{self.source}, line", "`id base64`")

    def make(self, *, first: bool) -> WrappingKey | None:
        """A new key at the end of the file, which appears whole or not at all."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                held = self.load()
                if first and held:
                    return held[0]
                key = new_wrapping_key()
                self._append(key)
                return key
        except OSError as error:
            raise Misconfigured(f"The key file {self.path} cannot be written: {error.strerror}.") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else writes the file meanwhile. The lock has a file of its own, which stays."""
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> tuple[bytes, os.stat_result | None]:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:  # O_NONBLOCK: a pipe there must not hang us
                about = os.fstat(descriptor)
                self._refuse_loose(about)
                return file.read(_FILE_LIMIT), about
        except FileNotFoundError:
            return b"", None
        except OSError as error:
            raise Misconfigured(f"The key file {self.path} cannot be read: {error.strerror}.") from None

    def _refuse_loose(self, about: os.stat_result) -> None:
        if not stat.S_ISREG(about.st_mode):
            raise Misconfigured(f"The key file {self.path} is not a plain file.")
        if about.st_mode & 0o077:
            raise Misconfigured(
                f"The key file {self.path} may be used by others (mode "
                f"{stat.S_IMODE(about.st_mode):04o}). Its keys may be known: `chmod 600` it, and "
                "rotate to a new key if anybody else has been on this machine."
            )
        if about.st_size >= _FILE_LIMIT:
            raise Misconfigured(f"The key file {self.path} is far too long to hold keys.")

    def _append(self, key: WrappingKey) -> None:
        text, about = self._read()
        if text and not text.endswith(b"\n"):
            text += b"\n"
        line = f"{key.id} {base64.b64encode(key.material).decode()}\n"
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:  # mkstemp: mode 0600
                file.write((text or _HEADER.encode()) + line.encode())
                file.flush()
                if about is not None and about.st_uid != os.geteuid():
                    os.fchown(descriptor, about.st_uid, about.st_gid)  # root, for a service's user
                os.fsync(descriptor)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# -- the text of keys -----------------------------------------------------------------------------


def _lines(text: bytes) -> Iterator[tuple[str, str] | None]:
    """`(id, key)` of each line; None for a blank line or a comment, so that lines keep count."""
    for line in text.decode("utf-8", "replace").split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            yield None
        else:
            yield words[0], " ".join(words[1:])


def _keys(pairs: Iterable[tuple[str, ...] | None], place: str, form: str) -> tuple[WrappingKey, ...]:
    """The keys of `(id, base64)` pairs. Raises `Misconfigured` naming the first bad one's place."""
    keys: dict[str, WrappingKey] = {}
    for number, pair in enumerate(pairs, start=1):
        if pair is None or not any(pair):
            continue
        name, text = pair
        material = _material(text)
        if not _ID.fullmatch(name) or not text:
            raise Misconfigured(f"{place} {number} is not of the form {form}.")
        if material is None or len(material) != KEY_BYTES:
            raise Misconfigured(
                f"{place} {number}: the key is not {KEY_BYTES} bytes in base64. "
                "`openssl rand -base64 32` makes one."
            )
        if name in keys:
            raise Misconfigured(f"{place} {number}: master key {name!r} is there twice.")
        keys[name] = WrappingKey(name, material)
    return tuple(keys.values())


def _some(keys: tuple[WrappingKey, ...], otherwise: str) -> tuple[WrappingKey, ...]:
    if not keys:
        raise Misconfigured(otherwise)
    return keys


def _material(text: str) -> bytes | None:
    """The bytes of standard or URL-safe base64, padded or not; None if it is neither."""
    digits = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
