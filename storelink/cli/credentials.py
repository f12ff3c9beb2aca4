"""How secrets come in: hidden prompt, environment, or JSON on standard input. Never arguments.

Anybody on the machine can read the arguments of a running process, and shells keep them.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli.show import say
from storelink.cli.words import listed
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.connectors.protocol import Connector, CredentialField

CredentialsOption = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="-",
        help="Read the credentials as a JSON object from standard input; - is all it takes.",
        show_default=False,
    ),
]
VARIABLES = {"api_key": "STORELINK_API_KEY", "secret": "STORELINK_SECRET"}
_LIMIT = 64 * 1024


def read_credentials(connector: "Connector", mode: str, option: str | None) -> dict[str, str]:
    """By `CredentialField.name`. Raises `Misconfigured`; its words show nothing that was entered."""
    fields = connector.auth_modes[mode]
    if option is not None:
        if option != "-":
            raise Misconfigured(
                "--credentials takes only -, which reads them from standard input: arguments can be seen"
                " by everybody on this machine. Whatever was given there should be replaced by new keys."
            )
        if sys.stdin.isatty():
            say("Enter the JSON object, then Ctrl-D.", err=True)
        return _from_json(sys.stdin.buffer.read(_LIMIT + 1), fields)
    found = {
        field.name: os.environ[VARIABLES[field.slot]]
        for field in fields
        if os.environ.get(VARIABLES.get(field.slot, ""))
    }
    missing = [field for field in fields if field.name not in found]
    if not sys.stdin.isatty():
        if any(not field.optional for field in missing):
            raise Misconfigured(_ways(fields, missing))
        return found
    return found | {field.name: _ask(field) for field in missing}


def _ask(field: "CredentialField") -> str:
    notes = [note for note, so in (("not shown", field.secret), ("may be left empty", field.optional)) if so]
    label = f"{field.label} ({', '.join(notes)})" if notes else field.label
    value: str = typer.prompt(
        label, default="" if field.optional else None, hide_input=field.secret, show_default=False, err=True
    )
    return value


def _from_json(text: bytes, fields: Sequence["CredentialField"]) -> dict[str, str]:
    names = listed(f'"{field.name}"' + (" (may be left out)" if field.optional else "") for field in fields)
    form = f"Standard input must hold one JSON object with {names}"
    if len(text) > _LIMIT:
        raise Misconfigured(f"{form}; what came is far longer.")
    try:
        value = json.loads(text)
    except ValueError:  # the reason is not passed on: it can quote what was entered
        raise Misconfigured(f"{form}; what came is no JSON.") from None
    if not isinstance(value, dict):
        raise Misconfigured(f"{form}; what came is no object.")
    return _renamed(value, fields)


def _renamed(value: Mapping[str, str], fields: Sequence["CredentialField"]) -> dict[str, str]:
    """`api_key` and `secret`, as the environment has them, do as names too."""
    by_slot: dict[str, list[str]] = {}
    for field in fields:
        by_slot.setdefault(field.slot, []).append(field.name)
    aliases = {slot: names[0] for slot, names in by_slot.items() if len(names) == 1}
    return {aliases.get(name, name): entered for name, entered in value.items()}


def _ways(fields: Sequence["CredentialField"], missing: Sequence["CredentialField"]) -> str:
    missing = [field for field in missing if not field.optional]
    names = listed(field.label.lower() for field in missing)
    variables = [VARIABLES[field.slot] for field in missing if field.slot in VARIABLES]
    shape = ", ".join(f'"{field.name}": "…"' for field in fields if not field.optional)
    return (
        f"Still missing: {names}. Run this in a terminal to be asked, set {listed(variables)},"
        f" or pass {{{shape}}} on standard input with `--credentials -`."
    )
