"""Lists as files: CSV that a spreadsheet opens and runs nothing of. Pure, but for the answer."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal

from fastapi.responses import Response, StreamingResponse

Cell = str | int | Decimal | datetime | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, or strips to find one."""


def plain(text: str) -> str:
    """The text as a cell that is only text: an apostrophe goes before what could be run."""
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def shown(cell: Cell, zone: tzinfo) -> str:
    """A cell as it is written: times in the viewer's zone with its offset, amounts with a point."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    return plain(cell) if isinstance(cell, str) else str(cell)


def lines(head: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo) -> Iterator[str]:
    """The file, a line at a time. It begins with the mark by which spreadsheets know UTF-8."""
    yield "\ufeff" + _line(head)
    for row in rows:
        yield _line([shown(cell, zone) for cell in row])


def _line(cells: Sequence[str]) -> str:
    held = io.StringIO()
    csv.writer(held).writerow(cells)
    return held.getvalue()


def answer(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo) -> Response:
    """A download of this name; `rows` are read while it is sent."""
    return StreamingResponse(
        lines(head, rows, zone), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )  # fmt: skip
