"""Live progress for people; nothing at all in a pipe or with `--json`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from storelink.cli.words import number

if TYPE_CHECKING:
    from storelink.sync.subject import Progress

_DOING = {
    "backfill": "reading",
    "incremental": "fetching",
    "targeted": "fetching",
    "verify": "comparing",
    "renormalize": "rebuilding",
}


class Screen:
    """One pass at a time on the terminal. `report` is what a `Subject` reports to."""

    def __init__(self, *, live: bool) -> None:
        self._live = live and sys.stdout.isatty() and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._total: int | None = None

    def report(self, progress: "Progress") -> None:
        """Show how far the pass is. A pass that first lists and then fetches does not go back."""
        if self._bar is None:
            return
        known = self._bar.tasks[0]
        self._total = progress.total or self._total
        done = max(progress.done, int(known.completed))
        total = self._total if self._total and self._total > done else None
        doing = _DOING.get(progress.kind, progress.kind)
        if progress.kind == "backfill" and self._total and total is None:
            doing = "comparing"  # all is read; now the store's list is gone through
        far = f"{number(done)} of {number(total)}" if total else number(done)
        what = f"{doing} {progress.resource}"
        known.total = total  # not by update(), where None leaves it, and a full bar stands still
        self._bar.update(self._task, description=what, completed=done, far=far)

    @contextmanager
    def watch(self, resource: str) -> Iterator[None]:
        """While a pass of `resource` runs; what was shown is gone afterwards."""
        if not self._live:
            yield
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Speed(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{task.speed:,.0f}/s" if task.speed else "", "dim")

        bar = Progress(
            SpinnerColumn(), TextColumn("{task.description:<20}"), BarColumn(20),
            TextColumn("{task.fields[far]}"), Speed(), TimeRemainingColumn(compact=True),
            console=Console(stderr=True), transient=True, refresh_per_second=8,
        )  # fmt: skip
        with bar:
            self._task = bar.add_task(f"asking for {resource}", total=None, far="")
            self._bar, self._total = bar, None
            try:
                yield
            finally:
                self._bar = None
