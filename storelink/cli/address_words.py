"""What people see of changes of address: old beside new before, the proof afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from storelink.cli import show
from storelink.cli.refund_words import TONES, money, short_id, stage_words
from storelink.cli.words import clock, count, listed

if TYPE_CHECKING:
    from storelink.models import AddressUpdateRequest

NONE = "–"


def show_plan(plan: Mapping[str, Any], name: str, *, force: bool = False) -> None:
    """A preview: old beside new, changed fields marked, and all that should be known before."""
    from storelink.sync.postal import LABELS

    changes, where = plan["changes"], f"order {plan['number']} of {name}"
    if changes and not plan["problems"]:
        fields = listed(LABELS[one] for one in in_order(changes))
        show.headline(
            f"{count(len(changes), 'fields')} of the {plan['kind']} address of {where} would change."
        )
    else:
        fields = ""
        show.headline(f"The {plan['kind']} address of {where} would not change.", show.WARN)
    show.table(
        ["", "field", "now in the store", "new"],
        [
            [show.Toned("*" if field in changes else "", show.WARN), LABELS[field],
             said(field, plan["old"][field]),
             show.Toned(said(field, plan["new"][field]), show.WARN if field in changes else "")]
            for field in LABELS if plan["old"][field] or plan["new"][field]
        ],
        indent=2,
    )  # fmt: skip
    for one in plan["problems"]:
        show.say(show.Toned(f"Wrong: {one['words']}.", show.BAD))
    for one in plan["refusals"]:
        forced = force and one["forceable"]
        hint = " (--force does it all the same)" if one["forceable"] and not forced else ""
        word, tone = ("Forced", show.WARN) if forced else ("Cannot be", show.BAD)
        show.say(show.Toned(f"{word}: {one['words']}{hint}", tone))
    for one in plan["warnings"]:
        show.say(show.Toned(f"Note: {one['words'].rstrip('.')}.", show.WARN))
    if fields and not [one for one in plan["refusals"] if not (force and one["forceable"])]:
        show.say(f"storelink writes {fields}, then reads the order back and compares.")


def in_order(fields: Iterable[str]) -> list[str]:
    """Fields as an address is written, however they were kept."""
    from storelink.sync.postal import FIELDS

    return sorted(fields, key=lambda one: FIELDS.index(one) if one in FIELDS else len(FIELDS))


def said(field: str, value: str | None) -> str:
    """A field's value: a country by its name, nothing as a dash."""
    from storelink.sync.place import country_name

    if field == "country" and value and country_name(value) != value:
        return f"{country_name(value)} ({value})"
    return value or NONE


def show_requests(rows: "Sequence[tuple[AddressUpdateRequest, str]]") -> None:
    """Requests as a table. Nothing of an address is in it but the names of fields."""
    from storelink.sync.postal import LABELS

    if not rows:
        show.say("There are no such requests.")
        return
    show.table(
        ["id", "store", "order", "address", "fields", "stage", "requested", "by"],
        [
            [short_id(row.id), store, row.order_id, row.kind,
             ", ".join(LABELS.get(one, one) for one in in_order((row.plan or {}).get("changes", ()))),
             show.Toned(stage_words(row.stage), TONES.get(row.stage or "", "")), clock(row.requested_at),
             row.requested_by or ""]
            for row, store in rows
        ],
    )  # fmt: skip


def show_request(row: "AddressUpdateRequest", name: str) -> None:
    """One request, as it stands, with the proof where it was read back."""
    show.headline(
        f"Change {short_id(row.id)} of the {row.kind} address of order {row.order_id} of {name}:"
        f" {stage_words(row.stage)}.",
        TONES.get(row.stage or "", ""),
    )
    show.facts(
        [
            ("id", str(row.id)),
            ("requested", f"{clock(row.requested_at)} by {row.requested_by}"),
            ("forced", "yes" if row.force else ""),
            ("note", row.note or ""),
            ("sent", f"{row.attempts} ×, first {clock(row.sent_at)}" if row.sent_at else ""),
            ("ended", clock(row.settled_at)),
            ("why", row.error or ""),
            ("next look", clock(row.next_try_at)),
        ],
        indent=2,
    )
    proof = row.response or row.seen
    if proof and "fields" in proof:
        _show_proof(proof)
    elif row.redacted_at is None:
        _show_wish(row)
    if row.stage == "settled" and row.old_address:
        words = f"`storelink address restore {short_id(row.id)}` puts the old address back."
        show.say(show.Toned(words, show.FAINT))


def _show_wish(row: "AddressUpdateRequest") -> None:
    from storelink.sync.postal import LABELS

    plan = row.plan or {}
    old = row.old_address or plan.get("old") or {}
    show.table(
        ["field", "before", "asked for"],
        [
            [LABELS.get(field, field), said(field, old.get(field)), said(field, plan["changes"][field])]
            for field in in_order(plan.get("changes", {}))
        ],
        indent=2,
    )


def _show_proof(proof: Mapping[str, Any]) -> None:
    """Field by field, and the total before and after."""
    from storelink.sync.postal import LABELS

    fields = {one["field"]: one for one in proof["fields"]}
    show.table(
        ["field", "before", "asked for", "in the store now", ""],
        [
            [LABELS.get(field, field), *(said(field, one[name]) for name in ("before", "asked", "found")),
             _equal(one)]
            for field, one in ((name, fields[name]) for name in in_order(fields))
        ],
        indent=2,
    )  # fmt: skip
    for field, pair in (proof.get("besides") or {}).items():
        words = (
            f"Note: the {LABELS.get(field, field)} is {pair['found'] or 'empty'!r} now, not asked for by us."
        )
        show.say(show.Toned(words, show.WARN))
    show.say(_total(proof))


def _equal(one: Mapping[str, Any]) -> show.Cell:
    if not one["equal"]:
        return show.Toned("differs", show.BAD)
    return show.Toned("equal, written otherwise" if one["written_otherwise"] else "equal", show.GOOD)


def _total(proof: Mapping[str, Any]) -> show.Cell:
    """Whether the order's total moved: the customer has paid the one before."""
    before, after, currency = proof["total_before"], proof["total_after"], proof["currency"]
    if before is None or Decimal(before) == Decimal(after):
        return f"The total is still {money(after, currency)}."
    apart = Decimal(after) - Decimal(before)
    word = "more" if apart > 0 else "less"
    return show.Toned(
        f"The store changed the order's total from {money(before, currency)} to {money(after, currency)}:"
        f" {money(abs(apart))} {word}. Nobody was charged or paid back.",
        show.WARN,
    )


def request_document(row: "AddressUpdateRequest", name: str) -> dict[str, Any]:
    """One request for scripts."""
    return {
        "id": row.id,
        "store": name,
        "order_id": row.order_id,
        "kind": row.kind,
        "status": row.status,
        "stage": row.stage,
        "changes": _written((row.plan or {}).get("changes", {})),
        "old_address": _written(row.old_address),
        "new_address": _written(row.new_address),
        "force": row.force,
        "requested_by": row.requested_by,
        "requested_at": row.requested_at,
        "note": row.note,
        "attempts": row.attempts,
        "sent_at": row.sent_at,
        "settled_at": row.settled_at,
        "total_before": None if row.total_before is None else money(row.total_before),
        "total_after": None if row.total_after is None else money(row.total_after),
        "currency": row.currency,
        "proof": _proof(row.response or row.seen),
        "error": row.error,
    }


def _written(address: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Fields in their order, which a database does not keep."""
    return None if address is None else {field: address[field] for field in in_order(address)}


def _proof(proof: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    fields = {one["field"]: one for one in proof.get("fields", ())}
    names = ("field", "before", "asked", "found", "equal", "written_otherwise")
    return {
        "fields": [{name: fields[field][name] for name in names} for field in in_order(fields)],
        **{
            name: proof.get(name)
            for name in ("besides", "total_before", "total_after", "currency", "version")
        },
        **({"resolved_by": proof["resolved_by"], "why": proof["why"]} if "why" in proof else {}),
    }
