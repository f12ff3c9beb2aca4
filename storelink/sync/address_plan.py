"""What a change of address would do to an order as it is now: old beside new, and what stands against it.

A plan makes nothing; it is shown, kept as JSON, and compared with the order again just before it is sent.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import orjson

from storelink.connectors.action import Actions, Address, Remark, Standing
from storelink.sync.postal import LABELS, Amended, Problem, amend, put_back

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it is not done. `forceable`: whether `--force` does it all the same."""

    code: str
    words: str
    forceable: bool


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """One change, checked and held against the order. Any refusal that stands forbids it."""

    standing: Standing
    kind: str
    old: Address
    amended: Amended
    refusals: tuple[Refusal, ...]
    warnings: tuple[Remark, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with what was typed."""
        return self.amended.problems


def plan_address(
    actions: Actions, order_id: str, kind: str, wish: Mapping[str, object], *, old: Address | None = None
) -> AddressPlan:
    """Read the order, and see what the wish would do to it; with `old` what putting that back would.

    Changes nothing. Raises what reading raises, `NotFound` for an order that does not exist.
    """
    standing = actions.look(order_id)
    present = standing.addresses.get(kind, Address())
    amended = amend(present, wish, kind, actions.provinces) if old is None else put_back(present, old)
    refusals = [] if kind in actions.address_kinds else [_other_kind(kind)]
    if not refusals and kind not in standing.addresses:
        words = f"The store does not show us the {kind} address, so a part of it cannot be changed."
        refusals.append(Refusal("not_shown", words, False))
    refusals += refusals_of(standing)
    if not amended.changes and not amended.problems:
        words = f"The {kind} address is that already: nothing would change."
        refusals.append(Refusal("nothing_changes", words, False))
    warnings = list(amended.remarks)
    if present == Address():
        warnings.append(Remark("no_address", f"The order has no {kind} address yet; this gives it one."))
    if amended.changes:
        warnings += actions.address_remarks(standing, kind, amended.changes)
    return AddressPlan(standing, kind, present, amended, tuple(refusals), tuple(warnings))


def _other_kind(kind: str) -> Refusal:
    words = f"This platform cannot change the {kind} address of an order; change it by hand in the store."
    return Refusal("kind", words, False)


# -- what stands against it --------------------------------------------------------------------------

_STATES = (
    ("trashed", False, "The order is in the store's trash. Take it out there first."),
    ("cancelled", True, "The order is cancelled: nothing is sent to its address any more."),
    ("refunded", True, "The order is refunded in full: nothing is sent to its address any more."),
    ("fulfilled", True, "Everything of the order has left: its parcels do not follow. Ask the carrier to"
     " redirect them."),
    ("partly_fulfilled", True, "A part of the order has left: that parcel does not follow. Ask the carrier to"
     " redirect it."),
    ("on_hold", True, "The order is on hold in the store: somebody is looking into it. Ask there first."),
)  # fmt: skip
"""State of an order, whether force does it all the same, and why not."""


def refusals_of(standing: Standing) -> list[Refusal]:
    """Why an order in this state keeps its addresses."""
    return [
        Refusal(state, words, forceable) for state, forceable, words in _STATES if state in standing.states
    ]


# -- as JSON -----------------------------------------------------------------------------------------


def plan_document(plan: AddressPlan) -> Json:
    """A plan as JSON: what is shown, and what is kept to be compared."""
    standing = plan.standing
    return {
        "order": standing.order_id,
        "number": standing.number,
        "kind": plan.kind,
        "version": standing.version.isoformat() if standing.version else None,
        "states": sorted(standing.states),
        "total": str(standing.total.amount),
        "currency": standing.total.currency,
        "old": asdict(plan.old),
        "new": asdict(plan.amended.address),
        "changes": dict(plan.amended.changes),
        "problems": [asdict(one) for one in plan.problems],
        "refusals": [asdict(one) for one in plan.refusals],
        "warnings": [asdict(one) for one in plan.warnings],
    }


def digest(document: Mapping[str, Any]) -> str:
    """The same for plans that would do the same to an order in the same state."""
    parts = [document[name] for name in ("kind", "version", "states", "total", "currency", "old", "new")]
    return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def changes_since(shown: Mapping[str, Any], standing: Standing) -> list[str]:
    """What is other with the order than it was shown, in words; nothing, if the same may be done."""
    old = asdict(standing.addresses.get(shown["kind"], Address()))
    words = [
        f"its {LABELS[name]} is {value or 'empty'!r} now"
        for name, value in old.items()
        if value != shown["old"][name]
    ]
    gone, come = set(shown["states"]) - standing.states, standing.states - set(shown["states"])
    words += [f"it is {_said(state)} now" for state in sorted(come)]
    words += [f"it is no longer {_said(state)}" for state in sorted(gone)]
    total = str(standing.total.amount)
    if total != shown["total"]:
        words.append(f"its total is {total} now, it was {shown['total']}")
    version = standing.version.isoformat() if standing.version else None
    if not words and version != shown["version"]:
        words.append("something else of it was changed")
    return words


def _said(state: str) -> str:
    return state.replace("_", " ")
