"""Finds the platforms: every entry point of the group `storelink.connectors`.

Ours are registered the same way as anybody's. One that cannot be loaded is reported and does not
keep the others from working. A package installed while a process runs is found by the next process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from storelink.connectors.protocol import Connector
from storelink.errors import Misconfigured

GROUP = "storelink.connectors"
_PARTS = (*Connector.__annotations__, "open", "normalize_url", "normalize", "rebuild")


@dataclass(frozen=True, slots=True)
class Found:
    """Every platform of this installation, and why the others cannot be used, by name."""

    connectors: Mapping[str, Connector]
    broken: Mapping[str, str]


def get(platform: str) -> Connector:
    """The connector of `platform`. Raises `Misconfigured`, naming what there is."""
    points = _points()
    if platform not in points:
        names = ", ".join(sorted(points)) or "none at all"
        raise Misconfigured(f"no connector for the platform {platform!r} is installed; there are: {names}")
    return _load(platform, points[platform])


def find_all() -> Found:
    """Load every connector."""
    connectors: dict[str, Connector] = {}
    broken: dict[str, str] = {}
    for platform, points in sorted(_points().items()):
        try:
            connectors[platform] = _load(platform, points)
        except Misconfigured as error:
            broken[platform] = str(error)
    return Found(connectors, broken)


@cache
def _points() -> dict[str, list[EntryPoint]]:
    """By name. Kept: to look through all installed packages takes ten milliseconds, and every pass asks."""
    by_name: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        same = by_name.setdefault(point.name, [])
        if all(point.value != other.value for other in same):
            same.append(point)
    return by_name


def _load(platform: str, points: Iterable[EntryPoint]) -> Connector:
    point, *others = points
    if others:  # whoever came first would get the keys of the other's stores
        origins = ", ".join(sorted(one.value for one in (point, *others)))
        raise Misconfigured(f"several packages bring a connector {platform!r}: {origins}")
    try:
        connector = point.load()
    except Exception as error:
        raise Misconfigured(
            f"the connector {platform!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    missing = [part for part in _PARTS if not hasattr(connector, part)]
    if missing:
        raise Misconfigured(f"the connector {platform!r} ({point.value}) lacks {', '.join(missing)}")
    loaded: Connector = connector
    if loaded.platform != platform:
        raise Misconfigured(f"the connector {platform!r} ({point.value}) calls itself {loaded.platform!r}")
    return loaded
