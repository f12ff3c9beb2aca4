"""What every command has in common: settings, database, keys, output and exit codes.

    @app.command()
    def show(name: str, as_json: JsonFlag = False) -> None:
        with run(as_json) as context:
            ...
            if as_json:
                print_json(result)
            else:
                context.console.print(table)

Results go to standard output, everything else to standard error, so that `--json` can be piped.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any

import orjson
import structlog
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from storelink.config import Settings
from storelink.db import Database, open_database
from storelink.errors import AuthFailed, Misconfigured, StorelinkError
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class ExitCode(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    DRIFT = 4


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with. The keyring asks for no key before one is needed."""

    settings: Settings
    database: Database
    keyring: Keyring
    console: Console = field(default_factory=lambda: Console(highlight=False))


@contextmanager
def run(as_json: bool = False, *, migrate: bool | None = None) -> Iterator[Context]:
    """A whole command: opens the context, and turns our errors into words and an exit code."""
    with handled(as_json), open_context(migrate=migrate) as context:
        yield context


@contextmanager
def open_context(*, migrate: bool | None = None) -> Iterator[Context]:
    """Settings from the environment, the database they name (`migrate` as in `open_database`)."""
    settings = read_settings()
    configure_logs(settings)
    keyring = Keyring(provider_of(settings))
    with open_database(settings, migrate=migrate) as database:
        yield Context(settings, database, keyring)


def read_settings() -> Settings:
    """The settings. Raises `Misconfigured` naming the variables that are wrong, not their values."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"STORELINK_{'_'.join(str(part) for part in entry['loc']).upper()}: {entry['msg']}"
            for entry in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    raise Misconfigured(". ".join(wrong))


@contextmanager
def handled(as_json: bool = False) -> Iterator[None]:
    """Ends the command with words on standard error and the exit code of what went wrong."""
    try:
        yield
    except StorelinkError as error:
        complain(error, as_json)
        raise typer.Exit(exit_code(error)) from None


def exit_code(error: StorelinkError) -> ExitCode:
    """What a script learns from an error; drift (4) is a result and is raised by its command."""
    if isinstance(error, AuthFailed):
        return ExitCode.REFUSED
    if isinstance(error, Misconfigured):
        return ExitCode.USAGE
    return ExitCode.FAILED


def complain(error: StorelinkError, as_json: bool = False) -> None:
    """Say what went wrong, on standard error."""
    if as_json:
        print_json({"error": {"kind": type(error).__name__, "message": str(error)}}, err=True)
        return
    line = Text.assemble(("Error: ", "bold red"), plain(str(error)))
    Console(stderr=True, highlight=False).print(line, soft_wrap=True)


def plain(text: str) -> str:
    """`text` without control characters: a store's words must not steer the terminal."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def print_json(value: Any, *, err: bool = False) -> None:
    """`value` (dataclasses, times, money and ids included) as JSON on standard output."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    typer.echo(orjson.dumps(value, default=_as_text, option=options).decode(), err=err)


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def configure_logs(settings: Settings) -> None:
    """Logs go to standard error, as the settings say; tracebacks show no variables."""
    coloured = sys.stderr.isatty()
    console = structlog.dev.ConsoleRenderer(
        colors=coloured, exception_formatter=structlog.dev.plain_traceback
    )
    as_json = settings.log_format == "json"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if as_json else []),
            structlog.processors.JSONRenderer() if as_json else console,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
