"""Running the outside command that prints master keys: bounded in time and in length."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from storelink.errors import Misconfigured

OUTPUT_LIMIT = 64 * 1024
"""Most bytes taken from each of its two streams; keys need far less."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `output` holds keys: it is in no repr and in no error."""

    status: int
    output: bytes = field(repr=False)
    complaint: str
    """What it wrote to its standard error, for people."""


def run(argv: Sequence[str], timeout: float) -> Outcome:
    """Run `argv` without a shell, a terminal or input, for at most `timeout` seconds.

    Raises `Misconfigured` where it cannot be started, prints too much or does not end; then it is
    killed with everything it started.
    """
    name = argv[0]
    try:
        process = subprocess.Popen(  # noqa: S603 - ops chose the command
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # no terminal to ask on, and one group to kill
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "bad name"
        raise Misconfigured(f"STORELINK_KEY_COMMAND: {name} cannot be run: {reason}.") from None
    assert process.stdout is not None and process.stderr is not None
    deadline = time.monotonic() + timeout
    with process.stdout, process.stderr:
        streams = _Streams(process.stdout, process.stderr)
        try:
            problem = streams.read(deadline) or _wait(process, deadline)
        finally:
            _end(process)
    complaint = _readable(streams.taken[1])
    if problem:
        raise Misconfigured(f"STORELINK_KEY_COMMAND: {name} {problem}{told(complaint)}")
    return Outcome(process.returncode, streams.taken[0], complaint)


def told(complaint: str) -> str:
    """The end of a sentence that passes on what a command complained of."""
    return f"; it says: {complaint}" if complaint else "."


class _Streams:
    """The two pipes of a command, and what came out of each so far."""

    def __init__(self, *pipes: IO[bytes]) -> None:
        self.pipes = pipes
        self.taken = [b""] * len(pipes)

    def read(self, deadline: float) -> str | None:
        """Read until both are closed. Returns what is wrong, if anything is."""
        with selectors.DefaultSelector() as selector:
            for number, pipe in enumerate(self.pipes):
                selector.register(pipe, selectors.EVENT_READ, number)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    return "did not end in time"
                for key, _ in selector.select(left):
                    part = os.read(key.fd, 4096)
                    self.taken[key.data] += part
                    if not part:
                        selector.unregister(key.fileobj)
                    elif len(self.taken[key.data]) > OUTPUT_LIMIT:
                        return f"prints more than {OUTPUT_LIMIT} bytes"
        return None


def _wait(process: subprocess.Popen[bytes], deadline: float) -> str | None:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "did not end in time"
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and what it started, unless it has ended by itself.

    `returncode` and not `poll()`: as long as it is not waited for, its group's number is its own.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)


def _readable(text: bytes) -> str:
    """The last 2,000 characters on one line, without control characters."""
    words = " ".join(text.decode("utf-8", "replace").split())
    return "".join(letter for letter in words if letter.isprintable())[-2000:]
