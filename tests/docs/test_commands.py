"""Commands as the documents have them: each can be parsed, and the README names them all."""

import html
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from documents import ROOT, page, pages
from typer.core import TyperOption

from storelink.cli.main import COMMANDS, load
from storelink.cli.problems import ExitCode

GROUPS = {entry.name for entry in COMMANDS}
_CALL = re.compile(r"(?:^|\$ |\$\(|\.venv/bin/)storelink ([^`]*)")
_END = re.compile(r"\s+[#|<>].*|\).*|\s\s.*")


def called(line: str) -> list[str] | None:
    """The words after `storelink` in a line of code, if it is a call."""
    found = _CALL.search(line)
    return None if found is None else shlex.split(_END.sub("", found[1]))


def calls() -> Iterator[tuple[str, list[str]]]:
    """Whole calls: what a reader would copy."""
    for one in pages():
        for line in one.code:
            if line.startswith("storelink ") or "$ storelink " in line or "$(storelink" in line:
                words = called(line)
                assert words is not None, line
                yield one.name, words


def mentions() -> Iterator[tuple[str, list[str]]]:
    """Commands named within a sentence, arguments left out or not."""
    for one in pages():
        for span in one.spans:
            words = span.removeprefix("storelink ").split()
            if words[0] in GROUPS and (span.startswith("storelink ") or len(words) > 1):
                yield one.name, words


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that is meant, and the words after it. Fails if there is none."""
    entry = next((entry for entry in COMMANDS if entry.name == words[0]), None)
    assert entry is not None, f"there is no command {words[0]!r}"
    command, rest = load(entry), words[1:]
    if inner := getattr(command, "commands", None):
        if not rest:
            return command, rest
        assert rest[0] in inner, f"there is no command {' '.join(words[:2])!r}"
        command, rest = inner[rest[0]], rest[1:]
    return command, rest


CALLS, MENTIONS = list(calls()), list(mentions())


def called_id(part: str | list[str]) -> str:
    """A test's name."""
    return part if isinstance(part, str) else " ".join(part)


def test_the_documents_have_commands() -> None:
    assert len(CALLS) > 12
    assert len(MENTIONS) > 40


@pytest.mark.parametrize("where, words", CALLS, ids=called_id)
def test_a_call_can_be_made(where: str, words: list[str]) -> None:
    command, rest = find(words)
    command.make_context("storelink", rest)  # parses only; raises a usage error


@pytest.mark.parametrize("where, words", MENTIONS, ids=called_id)
def test_a_command_that_is_named_exists(where: str, words: list[str]) -> None:
    command, rest = find(words)
    there = {name for option in command.params if isinstance(option, TyperOption) for name in option.opts} | {
        "--help"
    }
    assert {word for word in rest if word.startswith("-") and word != "-"} <= there


def test_the_readme_names_every_command() -> None:
    named = {" ".join(words) for where, words in MENTIONS if where == "README.md"}
    wanted = set()
    for entry in COMMANDS:
        inner = getattr(load(entry), "commands", None)
        wanted |= {f"{entry.name} {name}" for name in inner} if inner else {entry.name}
    assert wanted - named == set()


def test_the_readme_has_every_exit_code() -> None:
    codes = {code for row in page("README.md").rows("exit code") for code in row[0].split(", ")}
    assert {str(int(code)) for code in ExitCode} | {"143"} == codes


def test_the_picture_shows_commands_that_exist_and_fetches_nothing() -> None:
    svg = (ROOT / "docs" / "verify.svg").read_text()
    assert "@font-face" not in svg
    assert "url(http" not in svg
    assert not re.search(r"(href|src)=.http", svg)
    said = html.unescape(svg).replace("\xa0", " ")
    shown = re.findall(r"\$ storelink ([a-z -]+)<", said)
    assert len(shown) == 3
    for words in shown:
        command, rest = find(words.split())
        command.make_context("storelink", rest)
