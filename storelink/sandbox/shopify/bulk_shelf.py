"""Results of bulk operations that outlive the store: a large shop's file is made once, for many benches.

A shop follows from its plan, so what an unedited one answers does too, as long as the sandbox's own
code is the same; empty the folder when that has changed.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any


class Shelf:
    """Files in a folder, found by what was asked of which shop."""

    def __init__(self, folder: Path, shop: str) -> None:
        self._folder = folder
        self._shop = shop
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, key: tuple[Any, ...]) -> Path:
        version, context, *rest = key
        told = [version, sorted(context.scopes), context.all_orders, context.protected, *rest]
        name = hashlib.sha256(json.dumps([self._shop, told]).encode()).hexdigest()[:32]
        return self._folder / f"{name}.jsonl"

    def get(self, key: tuple[Any, ...]) -> tuple[Path, list[int]] | None:
        """The file and its counts."""
        path = self._path(key)
        counts = path.with_suffix(".json")
        return (path, json.loads(counts.read_text())) if counts.exists() else None

    def put(self, key: tuple[Any, ...], made: Path, counts: list[int]) -> None:
        """Keep a copy; what is there is whole, its counts come last."""
        path = self._path(key)
        part = path.with_suffix(".part")
        shutil.copyfile(made, part)
        part.replace(path)
        path.with_suffix(".json").write_text(json.dumps(counts))
