"""What a test can switch about a shop beside its `Site`: who may see what, and what goes wrong."""

from dataclasses import dataclass, field, fields
from typing import Any

#: every scope that the sandbox grants unless told otherwise
SCOPES = (
    "read_all_orders", "read_customer_merge", "read_customers", "read_inventory", "read_locations",
    "read_orders", "read_products", "write_customers", "write_inventory", "write_orders", "write_products",
)  # fmt: skip
#: shops that do not answer as a shop
MODES = frozenset((
    "", "frozen", "locked", "unknown", "moved", "security", "forbidden", "uninstalled", "maintenance",
))  # fmt: skip
BULK_FAULTS = frozenset((
    "failed", "failed_empty", "access_denied", "timeout", "expired", "url_expired", "wrong_count",
    "wrong_root_count", "no_newline", "children_first", "canceled", "stuck", "cut", "broken_line",
))  # fmt: skip


_WORDS = {
    "protected": ("granted", "level1", "none"),
    "key_errors": ("user", "top"),
}


@dataclass(slots=True)
class Switches:
    """The switches; times in seconds.

    scopes           what the merchant granted the app; None: `SCOPES`
    all_orders       orders older than 60 days may be seen (the scope read_all_orders says so too)
    protected        customer data: granted, level1 (no names, addresses, phones, e-mails) or none
    mode             frozen 402, locked 423, unknown 404, security 430, forbidden 403, uninstalled 401,
                     moved 303 to `moved_to`, maintenance 503
    served_version   the API version that answers, whatever was asked for
    deprecated       text of the X-Shopify-API-Deprecated-Reason header
    nonexpiring_refused  tokens without an end are answered 403
    grant_seconds, access_seconds, refresh_seconds   how long tokens live
    rotates          a refresh brings a new refresh token
    bulk_seconds     how long a bulk operation takes; 0: it is done at the first look
    bulk_limit       how many may run at once
    bulk_fault       words of `BULK_FAULTS`, by spaces: how operations started from now on turn out
    bulk_fault_times how many operations it befalls; 0: all
    bulk_occupied    how many further operations of this app are running that nobody here started
    bulk_url_seconds how long a result can be downloaded
    max_cost         the most one query may cost
    key_errors       how `@idempotent` says that a key cannot be used: user (userErrors) or top (errors)
    hook_pause       until the first repetition of a delivery that failed; the next ones wait longer
    """

    scopes: tuple[str, ...] | None = None
    all_orders: bool = True
    protected: str = "granted"
    mode: str = ""
    moved_to: str = ""
    served_version: str = ""
    deprecated: str = ""
    nonexpiring_refused: bool = False
    grant_seconds: float = 86_399
    access_seconds: float = 3_600
    refresh_seconds: float = 90 * 86_400
    rotates: bool = True
    bulk_seconds: float = 0.0
    bulk_limit: int = 5
    bulk_fault: str = ""
    bulk_fault_times: int = 0
    bulk_occupied: int = 0
    bulk_url_seconds: float = 7 * 86_400
    max_cost: int = 1_000
    hook_pause: float = 60.0
    key_errors: str = "user"
    redirects: tuple[str, ...] = field(default=())

    def granted(self) -> tuple[str, ...]:
        """The scopes that the app has, sorted."""
        found = set(SCOPES if self.scopes is None else self.scopes)
        if not self.all_orders:
            found.discard("read_all_orders")
        return tuple(sorted(found))

    def set(self, **values: Any) -> None:
        """Turn some. Raises ValueError for a switch or a word that there is not."""
        known = {part.name for part in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"a Shopify store has no switch {name}")
            kept = tuple(value) if isinstance(value, list) else value
            if name == "mode" and kept not in MODES:
                raise ValueError(f"a shop cannot be {kept!r}")
            if kept not in _WORDS.get(name, (kept,)):
                raise ValueError(f"{name} cannot be {kept!r}")
            if name == "bulk_fault" and set(str(kept).split()) - BULK_FAULTS:
                raise ValueError(f"bulk operations know no fault {kept!r}")
            setattr(self, name, kept)


def covers(scopes: frozenset[str]) -> frozenset[str]:
    """Scopes with what they imply: who may write may read."""
    return scopes | {f"read_{name[6:]}" for name in scopes if name.startswith("write_")}
