"""Help: every command has it, it fits a terminal, and asking for it costs next to nothing."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from storelink.cli.main import COMMANDS, app, load

NEVER_FOR_HELP = (
    "sqlalchemy",
    "psycopg",
    "httpx",
    "alembic",
    "starlette",
    "storelink.sandbox",
    "rich",
)


def walk() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group: (words, command)."""
    yield (), None
    for entry in COMMANDS:
        command = load(entry)
        yield (entry.name,), command
        for name, inner in getattr(command, "commands", {}).items():
            yield (entry.name, name), inner


ALL = list(walk())


@pytest.mark.parametrize(
    "words", [words for words, _ in ALL], ids=lambda words: " ".join(words) or "storelink"
)
def test_every_command_has_help_that_fits_eighty_columns(words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert told.exit_code == 0
    assert told.output.startswith("Usage:")
    assert [line for line in told.output.splitlines() if len(line) > 80] == []
    body = told.output.split("Options:")[0].split("\n", 1)[1]
    assert len(body.split()) > 3, "it says nothing"


@pytest.mark.parametrize(
    "words, command", ALL[1:], ids=lambda part: " ".join(part) if isinstance(part, tuple) else ""
)
def test_every_option_and_argument_is_explained(words: tuple[str, ...], command: Any) -> None:
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{' '.join(words)}: {parameter.name}"


def test_the_overview_says_what_the_commands_say() -> None:
    for entry in COMMANDS:
        command = load(entry)
        if hasattr(command, "commands"):
            continue
        assert command.short_help == entry.line


def test_the_issue_has_named_these_commands() -> None:
    there = {" ".join(words) for words, _ in ALL}
    assert {
        "demo", "connectors add", "connectors list", "connectors show", "connectors check",
        "connectors set-credentials", "connectors set", "connectors pause", "connectors resume",
        "connectors remove", "sync", "verify", "status", "runs", "quarantine list", "quarantine show",
        "quarantine retry", "renormalize", "secrets status", "secrets add", "secrets rotate",
        "secrets retire", "db upgrade", "db url", "sandbox",
    } <= there  # fmt: skip


def test_help_imports_next_to_nothing() -> None:
    code = (
        "import sys, contextlib, io\n"
        "from storelink.cli.main import app, COMMANDS\n"
        "for words in ([], *([entry.name] for entry in COMMANDS)):\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        app([*words, '--help'])\n"
        f"print([name for name in {NEVER_FOR_HELP!r} if name in sys.modules])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert told.stdout.strip() == "[]", told.stderr


def test_help_is_quick(process: Any) -> None:
    """By the processor's time: others may be at work on this machine."""
    took = []
    for _ in range(5):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process("--help").code == 0
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    assert min(took) < 0.5


def test_version() -> None:
    import storelink

    told = CliRunner().invoke(app, ["--version"])
    assert told.output.strip() == f"storelink {storelink.__version__}"


def test_a_mistyped_command_is_a_usage_error(cli: Any) -> None:
    done = cli("stauts")
    assert done.code == 2
    assert "No such command" in done.err
    assert "Traceback" not in done.err
