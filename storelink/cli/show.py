"""What people see: paragraphs and tables, in colour on a terminal, plain text in a pipe.

A terminal gets Rich, wrapped to its width. Anything else gets bare lines, one row a line and
nothing cut off, so that `grep` and `cut` work. What a store said is shown without its control
characters: a store must not steer the terminal.
"""

import shutil
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

GOOD, WARN, BAD, INFO, FAINT = "green", "yellow", "red", "cyan", "dim"
"""Tones. Words carry the meaning; colour only repeats it."""


@dataclass(frozen=True, slots=True)
class Toned:
    """A cell or line with a tone."""

    text: str
    tone: str


Cell = str | Toned


def on_terminal() -> bool:
    """Whether standard output is read by a person."""
    return sys.stdout.isatty()


def plain(text: str) -> str:
    """`text` without control characters, line ends and tabs kept."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def width() -> int:
    """Columns of the terminal; text is not wrapped wider than 100, which is hard to read."""
    return shutil.get_terminal_size().columns


def say(text: Cell = "", *, indent: int = 0, hang: int = 0, err: bool = False) -> None:
    """One paragraph. `hang` indents its second and later lines further."""
    words, tone = (text.text, text.tone) if isinstance(text, Toned) else (text, None)
    stream = sys.stderr if err else sys.stdout
    words = plain(words)
    if not stream.isatty():
        print(" " * indent + words, file=stream)
        return
    margin = " " * indent
    lines = textwrap.wrap(
        words, min(width(), 100), initial_indent=margin, subsequent_indent=margin + " " * hang,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for line in lines or [""]:
        console.print(Text(line, tone or ""), soft_wrap=True)


def headline(text: str, tone: str = "") -> None:
    """The answer, before the details."""
    say(Toned(text, f"bold {tone}".strip()))


def table(
    titles: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = (), indent: int = 0
) -> None:
    """Rows under titles; the columns named in `right` hold numbers. Empty columns are left out."""
    kept = [place for place in range(len(titles)) if any(_text(row[place]) for row in rows)]
    rows = [[row[place] for place in kept] for row in rows]
    titles = [titles[place] for place in kept]
    if on_terminal():
        _rich_table(titles, rows, right, indent)
    else:
        _plain_table(titles, rows, right, indent)


def _text(cell: Cell) -> str:
    return plain(cell.text if isinstance(cell, Toned) else cell)


def _rich_table(
    titles: Sequence[str], rows: Sequence[Sequence[Cell]], right: Sequence[str], indent: int
) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    frame = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles:
        numeric = title in right
        frame.add_column(title, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in rows:
        frame.add_row(*(Text(_text(cell), cell.tone if isinstance(cell, Toned) else "") for cell in row))
    Console(highlight=False).print(Padding(frame, (0, 0, 0, indent), expand=False))


def _plain_table(
    titles: Sequence[str], rows: Sequence[Sequence[Cell]], right: Sequence[str], indent: int
) -> None:
    lines = [list(titles), *([" ".join(_text(cell).split()) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(titles))]
    for line in lines:
        cells = [
            text.rjust(widths[place]) if titles[place] in right else text.ljust(widths[place])
            for place, text in enumerate(line)
        ]
        sys.stdout.write(" " * indent + "  ".join(cells).rstrip() + "\n")


def facts(pairs: Sequence[tuple[str, Cell]], *, indent: int = 0) -> None:
    """`name  value` lines; pairs without a value are left out."""
    told = [(name, value) for name, value in pairs if _text(value)]
    longest = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        words, tone = (value.text, value.tone) if isinstance(value, Toned) else (value, "")
        line = f"{name.ljust(longest)}  {words}"
        say(Toned(line, tone) if tone else line, indent=indent, hang=longest + 2)


def document(value: Any, *, err: bool = False) -> None:
    """`value` (dataclasses, times, money and ids included) as one JSON document."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    text = orjson.dumps(value, default=_as_text, option=options).decode()
    print(text, file=sys.stderr if err else sys.stdout)


def _as_text(value: Any) -> str:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Tell a person what is waited for, once it takes longer than a moment; gone afterwards."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return

    def tell() -> None:
        sys.stderr.write(f"{text} …")
        sys.stderr.flush()

    timer = threading.Timer(0.5, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
