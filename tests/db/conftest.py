"""Processes that hold a private server, and what can be asked about it from outside."""

import json
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

_HOLD = """
import atexit, gc, json, os, sys
from pathlib import Path
import psycopg, structlog
from storelink import embedded
from storelink.errors import StorelinkError
atexit.register(gc.freeze)  # it ends sooner without a last look for rubbish
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
if sys.argv[2:]:  # become another user now: it may not be able to read this Python
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
try:
    with embedded.running(Path(sys.argv[1])) as server:
        print(json.dumps({"socket": str(server.socket)}), flush=True)
        sys.stdin.read()
except StorelinkError as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
except KeyboardInterrupt:
    pass
"""


class Holder:
    """A process that uses the private server under `home` until told to leave, or killed."""

    def __init__(self, home: Path, *, user: str | None = None, **options: Any) -> None:
        self.ended = False
        environment = {**os.environ, **options.pop("env", {})}
        entry = pwd.getpwnam(user) if user else None
        become = [str(entry.pw_uid), str(entry.pw_gid)] if entry else []
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(home), *become],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd="/",
            **options,
        )

    def ready(self) -> dict[str, str]:
        """What it says once it has the server: its socket, or an error."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        assert readable, "no server within 60 s"
        answer: dict[str, str] = json.loads(self.process.stdout.readline())
        return answer

    def leave(self) -> None:
        self._end(lambda: None)

    def kill(self) -> None:
        self._end(self.process.kill)

    def interrupt(self) -> None:
        """Ctrl-C: the terminal signals the whole process group."""
        self._end(lambda: os.killpg(self.process.pid, signal.SIGINT))

    def _end(self, how: Callable[[], None]) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        how()
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.ended = True


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    """`hold(home)` starts a holder; those that still live at the end leave."""
    holders: list[Holder] = []

    def start(home: Path, **options: Any) -> Holder:
        if (user := options.get("user")) and not may_read_us(user):
            pytest.skip(f"{user} cannot read this Python's packages")
        holders.append(Holder(home, **options))
        return holders[-1]

    yield start
    for holder in holders:
        if not holder.ended:
            holder.leave()


def may_read_us(user: str) -> bool:
    """Whether another user could use storelink as it is installed here."""
    command = ["test", "-r", psutil.__file__]
    return subprocess.run(command, check=False, user=user, extra_groups=[]).returncode == 0


def process_command(process: psutil.Process) -> str:
    """The program that a process was started as; a session of a server calls itself `postgres: …`."""
    with suppress(psutil.Error):
        return Path((process.cmdline() or [""])[0]).name
    return ""


@pytest.fixture
def postmaster() -> Callable[[Path], psutil.Process | None]:
    """`postmaster(home)` is the live postgres that works in that home, found without pid files."""

    def find(home: Path) -> psutil.Process | None:
        data = home / "postgres"
        found = {}
        for process in psutil.process_iter(["name", "status", "ppid"]):
            if process.info["name"] != "postgres" or process.info["status"] == psutil.STATUS_ZOMBIE:
                continue
            with suppress(psutil.Error, OSError):
                if Path(process.cwd()).samefile(data):
                    found[process.pid] = process
        tops = [process for process in found.values() if process.info["ppid"] not in found]
        # sessions of a killed server may still be on their way out
        tops = [process for process in tops if process_command(process) == "postgres"]
        assert len(tops) <= 1, f"two servers on one data directory: {tops}"
        return tops[0] if tops else None

    return find


@pytest.fixture
def gone() -> Callable[[psutil.Process], bool]:
    """Whether a process has ended; whoever must collect it may still have to."""

    def ended(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return ended


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for a condition, at most 60 s."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "still not so after 60 s"
            time.sleep(0.01)

    return wait
