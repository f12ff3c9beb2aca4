"""What every command has in common: settings, database, keys, and how it ends.

    @app.command()
    def show(name: str, as_json: JsonFlag = False) -> None:
        with run(as_json) as context:
            ...
            if as_json:
                return print_json(result)
            show.table(...)

Results go to standard output, everything else to standard error, so that `--json` can be piped.
What is heavy is imported when a command runs, not when its help is read.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli.problems import ExitCode, handled
from storelink.cli.show import document, plain, waiting
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.config import Settings
    from storelink.db import Database
    from storelink.secrets.keyring import Keyring

__all__ = ["Context", "ExitCode", "JsonFlag", "open_context", "plain", "print_json", "read_settings", "run"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with. The keyring asks for no key before one is needed."""

    settings: "Settings"
    database: "Database"
    keyring: "Keyring"


@contextmanager
def run(as_json: bool = False, *, migrate: bool | None = None) -> Iterator[Context]:
    """A whole command: opens the context, and turns our errors into words and an exit code."""
    with handled(as_json), open_context(migrate=migrate) as context:
        yield context


@contextmanager
def open_context(*, migrate: bool | None = None) -> Iterator[Context]:
    """Settings from the environment, the database they name (`migrate` as in `open_database`)."""
    with ExitStack() as stack:
        with waiting("Opening the database"):
            from storelink.cli.logs import configure_logs
            from storelink.db import open_database
            from storelink.secrets.keyring import Keyring
            from storelink.secrets.provider import provider_of

            settings = read_settings()
            configure_logs(settings)
            keyring = Keyring(provider_of(settings))
            database = stack.enter_context(open_database(settings, migrate=migrate))
        yield Context(settings, database, keyring)


def read_settings() -> "Settings":
    """The settings. Raises `Misconfigured` naming the variables that are wrong, not their values."""
    from pydantic import ValidationError

    from storelink.config import Settings

    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"STORELINK_{'_'.join(str(part) for part in entry['loc']).upper()}: {entry['msg']}"
            for entry in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    raise Misconfigured(". ".join(wrong))


def print_json(value: Any) -> None:
    """`value` (dataclasses, times, money and ids included) as JSON on standard output."""
    document(value)
