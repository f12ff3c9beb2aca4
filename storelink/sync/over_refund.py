"""More given back than should be: found by reading back, since no store keeps two writers apart.

`over_refunded`: the order's refunds come to more than its total. `twin`: a refund of the same amount
was made elsewhere while ours was under way; perhaps a colleague did by hand what was asked of us.
Either stays until a person has seen to it (`storelink refund resolve`).
"""

from collections.abc import Mapping
from typing import Any

from storelink.models.request import RefundRequest
from storelink.sync.lane import Psycopg

OVER, TWIN = "over_refunded", "twin"
NEAR = 900
"""Seconds between two refunds of one amount that are taken for the same one made twice."""
WATCHED = 86_400
"""Seconds after which a settled refund is no longer compared with others."""


def raise_alarm(connection: Psycopg, request: RefundRequest) -> Mapping[str, Any]:
    """Look at the order's refunds beside this one, in the present transaction. Returns columns to set."""
    if request.alarm is not None:
        return {}
    row = connection.execute(
        f"SELECT alarm FROM ({_ALARMING}) found WHERE id = %(id)s",  # noqa: S608
        {"id": request.id, "near": NEAR, "watched": WATCHED},
    ).fetchone()
    if row is None:
        return {}
    _note(connection, [(request.id, request.connector_id, request.order_id, row[0])])
    return {"alarm": row[0]}


def sweep(connection: Psycopg) -> int:
    """Look again at what was settled lately: others' refunds come to light later. Returns how many
    alarms it raised; commits."""
    found = connection.execute(_RAISE, {"near": NEAR, "watched": WATCHED}).fetchall()
    _note(connection, found)
    connection.commit()
    return len(found)


def _note(connection: Psycopg, found: list[Any]) -> None:
    for request_id, connector_id, order_id, alarm in found:
        connection.execute(
            "INSERT INTO audit_event (actor, action, connector_id, subject, detail)"
            " VALUES ('storelink', %s, %s, %s, jsonb_build_object('order', %s::text))",
            (f"refund.{alarm}", connector_id, str(request_id), order_id),
        )


# Only orders with a refund of ours that was settled within a day: others' deeds are others' affair.
_ALARMING = """
SELECT r.id, CASE WHEN sums.refunded > o.total_amount THEN 'over_refunded'
                  WHEN twin.found THEN 'twin' END AS alarm
FROM refund_request r
JOIN platform_order o ON o.connector_id = r.connector_id AND o.order_id = r.order_id
CROSS JOIN LATERAL (
    SELECT sum(f.amount) AS refunded FROM order_refund f
    WHERE f.connector_id = r.connector_id AND f.order_id = r.order_id) sums
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT 1 FROM order_refund f
        WHERE f.connector_id = r.connector_id AND f.order_id = r.order_id AND f.refund_id <> r.refund_id
          AND f.refund_request_id IS NULL AND f.amount = r.amount AND f.created_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM refund_request other WHERE other.connector_id = f.connector_id
                          AND other.order_id = f.order_id AND other.refund_id = f.refund_id)
          AND f.created_at > r.requested_at
          AND (r.send_key <> r.id -- a person sent it again: the first send may come at any time
               OR f.created_at BETWEEN r.sent_at - %(near)s * interval '1 second'
                                   AND r.settled_at + %(near)s * interval '1 second')) AS found) twin
WHERE r.stage = 'settled' AND r.alarm IS NULL
  AND r.settled_at > clock_timestamp() - %(watched)s * interval '1 second'
  AND (sums.refunded > o.total_amount OR twin.found)
"""

_RAISE = f"""
UPDATE refund_request r SET alarm = found.alarm FROM ({_ALARMING}) found
WHERE r.id = found.id RETURNING r.id, r.connector_id, r.order_id, r.alarm
"""  # noqa: S608
