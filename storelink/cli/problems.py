"""From errors to words and exit codes.

An error's message says what happened; `about` adds what it means for the store at hand and what to
do. People read them on standard error; with `--json` they are one JSON document there.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer
from typer.exceptions import TyperException

from storelink.errors import (
    AuthFailed,
    DatabaseAway,
    LaneHeld,
    LaneLost,
    Misconfigured,
    NeedsDecision,
    Rejected,
    Retryable,
    StorelinkError,
)


class ExitCode(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    DRIFT = 4
    STOPPED = 130
    """By Ctrl-C."""


def exit_code(error: StorelinkError) -> ExitCode:
    """What a script learns from an error."""
    if isinstance(error, AuthFailed):
        return ExitCode.REFUSED
    if isinstance(error, NeedsDecision):
        return ExitCode.DRIFT
    if isinstance(error, Misconfigured):
        return ExitCode.USAGE
    return ExitCode.FAILED


@contextmanager
def handled(as_json: bool = False) -> Iterator[None]:
    """Ends the command with words on standard error and the exit code of what went wrong."""
    try:
        yield
    except StorelinkError as error:
        complain(error, as_json)
        raise typer.Exit(exit_code(error)) from None
    except KeyboardInterrupt as stop:
        from storelink.cli.show import say

        print(file=sys.stderr)  # noqa: T201 - after the ^C of the terminal
        for line in ["Stopped.", *_notes(stop)]:
            say(line, err=True)
        raise typer.Exit(ExitCode.STOPPED) from None
    except typer.Abort:  # Ctrl-C or the end of input at a question
        from storelink.cli.show import say

        say("Stopped. Nothing was changed.", err=True)
        raise typer.Exit(ExitCode.STOPPED) from None
    except (typer.Exit, TyperException, BrokenPipeError):
        raise
    except Exception as error:
        _fault(error, as_json)
        raise typer.Exit(ExitCode.FAILED) from None


@contextmanager
def about(name: str, stopped: str | None = None) -> Iterator[None]:
    """Errors in here concern the store `name`; what they mean for it is added to them.

    `stopped` is what Ctrl-C means; None: what was read is stored and `sync` carries on.
    """
    try:
        yield
    except StorelinkError as error:
        for line in advice(error, name):
            error.add_note(line)
        raise
    except KeyboardInterrupt as stop:
        stop.add_note(stopped or f"What was read is stored; `storelink sync {name}` carries on from there.")
        raise


def advice(error: StorelinkError, name: str) -> list[str]:
    """What an error means for a store and what to do about it."""
    if isinstance(error, AuthFailed):
        return [
            f"Nothing newer of {name} is read until its keys work again. What was read is kept.",
            f"Enter new keys with `storelink connectors set-credentials {name}`;"
            f" `storelink connectors check {name}` says what is wrong with these.",
        ]
    if isinstance(error, DatabaseAway):
        return [f"What was read before is stored; `storelink sync {name}` carries on from there."]
    if isinstance(error, LaneHeld):
        return ["It brings the same records here; nothing is lost and nothing needs to be done."]
    if isinstance(error, LaneLost):
        return ["Nothing of this page was written. What the other process reads is complete by itself."]
    if isinstance(error, Retryable | Rejected):
        return [
            f"What was read before is stored; the next `storelink sync {name}` carries on from there.",
            f"`storelink connectors check {name}` says more about the store.",
        ]
    return []


def complain(error: StorelinkError, as_json: bool = False) -> None:
    """Say what went wrong, on standard error."""
    _print(type(error).__name__, str(error) or type(error).__name__, _notes(error), as_json)


def error_document(error: StorelinkError) -> dict[str, str]:
    """An error as it stands in JSON."""
    return {"kind": type(error).__name__, "message": " ".join([str(error), *_notes(error)])}


def _fault(error: Exception, as_json: bool) -> None:
    """Something that is not foreseen: storelink's own fault. Its place is told when asked for."""
    import os
    import traceback

    first = (str(error).strip().splitlines() or [""])[0]
    message = f"A fault of storelink's own: {type(error).__name__}: {first}"
    if os.environ.get("STORELINK_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exc()
        notes = []
    else:
        notes = ["What was read before is stored. With STORELINK_LOG_LEVEL=debug it says where it happened."]
    _print("Fault", message, notes, as_json)


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _print(kind: str, message: str, notes: list[str], as_json: bool) -> None:
    from storelink.cli.show import BAD, Toned, document, say
    from storelink.cli.words import sentence

    if as_json:
        text = " ".join([sentence(message), *notes])
        document({"error": {"kind": kind, "message": text}}, err=True)
        return
    first, *rest = sentence(message).split("\n")
    say(Toned(first, BAD), err=True)
    for line in [*rest, *notes]:
        say(line, err=True)
