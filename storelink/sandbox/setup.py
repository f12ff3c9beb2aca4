"""What a store is started with, and what a platform hands over once it has built one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from storelink.sandbox.shop import Plan
from storelink.sandbox.web import Web


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything a store is started with; JSON-able, so that it can cross to another process.

    `options` are the platform's own: the fields of its `Options`.
    """

    plan: Plan = field(default_factory=Plan)
    platform: str = "woocommerce"
    port: int = 0
    https: bool = False
    time_zone: str = "America/New_York"
    latency: float = 0.0
    service_time: float = 0.0
    cores: int | None = None
    clock_offset: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is ready to be served.

    `keys` is a dataclass: what opens the store; its `token` opens the desk.
    """

    web: Web
    keys: Any = field(repr=False)
    close: Callable[[], None]
