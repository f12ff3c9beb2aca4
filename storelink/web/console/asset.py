"""The console's style sheet and scripts, under names that change with their content."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from storelink.web.api.problem import Problem

router = APIRouter()
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def _content() -> dict[str, tuple[bytes, str]]:
    return {
        path.name: (content := path.read_bytes(), hashlib.sha256(content).hexdigest()[:12])
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _TYPES
    }


def place(name: str) -> str:
    """The address of a file; another one when it has changed."""
    return f"/console/static/{_content()[name][1]}/{name}"


@router.get("/static/{digest}/{name}", include_in_schema=False)
def answer(digest: str, name: str) -> Response:
    """A file, for ever."""
    found = _content().get(name)
    if found is None or found[1] != digest:
        raise Problem(404, "not_found", "There is no such file.")
    kind = _TYPES[Path(name).suffix]
    return Response(
        found[0], media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )
