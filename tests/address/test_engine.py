"""One change of address, whatever it meets: refusals, unknown outcomes, the proof, and the way back."""

from datetime import timedelta

import pytest

from storelink.connectors.action import Address
from storelink.errors import Misconfigured, NeedsDecision
from storelink.models import AddressUpdateRequest
from storelink.sync.request import Refused
from storelink.sync.request_search import find, listed

# -- refusals ----------------------------------------------------------------------------------------

STATES = [
    ("fulfilled", True), ("partly_fulfilled", True), ("cancelled", True), ("refunded", True),
    ("on_hold", True), ("trashed", False),
]  # fmt: skip


def test_orders_that_keep_their_address(house) -> None:
    for number, (state, forceable) in enumerate(STATES, 10):
        order = str(number)
        house.post.sell(order)
        house.post.states[order] = frozenset({state})
        shown = house.preview(order)
        (refusal,) = shown.document["refusals"]
        assert (refusal["code"], refusal["forceable"]) == (state, forceable)
        with pytest.raises(Refused) as caught:
            house.create(shown)
        assert refusal["words"] in str(caught.value)
        assert ("--force" in str(caught.value)) is forceable
        if forceable:
            request = house.create(house.preview(order), force=True).request
            house.until_calm(order)
            assert house.now(request).status == "updated", state
            assert house.post.held(order)["city"] == "Potsdam"
        else:
            with pytest.raises(Refused):
                house.create(house.preview(order), force=True)
            assert house.post.held(order)["city"] == "Berlin"


def test_these_do_not_matter(house) -> None:
    house.post.states["1"] = frozenset({"unpaid", "test", "partly_refunded"})
    assert house.preview().document["refusals"] == []


def test_a_state_that_comes_after_the_request_refuses_too(house) -> None:
    request = house.ask()
    house.post.states["1"] = frozenset({"fulfilled"})
    house.until_calm()
    now = house.now(request)
    assert (now.status, now.stage, house.post.posted) == ("failed", "failed", [])
    assert "it is fulfilled now" in now.error and "Nothing was sent" in now.error


def test_a_wrong_wish_makes_no_request(house) -> None:
    with pytest.raises(Misconfigured, match="Enter an Austrian postcode: four digits, like 1060"):
        house.ask(country="Austria")
    with pytest.raises(Refused, match="that already"):
        house.ask(city="Berlin")
    house.post.address_kinds = frozenset({"shipping"})
    with pytest.raises(Refused, match="cannot change the billing address"):
        house.ask(kind="billing")
    assert house.rows("SELECT 1 FROM address_update_request") == []


# -- the check before the write ----------------------------------------------------------------------


CHANGES = [
    (lambda post, order: post.edit(order, city="Bonn"), "its city is 'Bonn' now"),
    (lambda post, order: post.edit(order, "billing", city="Bonn"), "something else of it was changed"),
    (lambda post, order: post.touch(order), "something else of it was changed"),
    (lambda post, order: post.totals.update({order: 31}), "its total is 31 now, it was 30.00"),
]


def test_an_order_that_changed_since_it_was_shown_is_left_alone(house) -> None:
    for number, (change, words) in enumerate(CHANGES, 10):
        order = str(number)
        house.post.sell(order)
        request = house.ask(order)
        change(house.post, order)
        house.until_calm(order)
        now = house.now(request)
        assert now.status == "failed" and words in now.error
    assert house.post.posted == []


# -- how it ends -------------------------------------------------------------------------------------

# What the sends meet → how it ends, the city in the store, how often it was sent.
ENDS = [
    (["well"], "settled", "Potsdam", 1),
    (["loud"], "settled", "POTSDAM", 1),
    (["dearer"], "settled", "Potsdam", 1),
    (["unsent", "unsent", "well"], "settled", "Potsdam", 3),
    (["rejected"], "failed", "Berlin", 1),
    (["lost after"], "settled", "Potsdam", 1),
    (["lost before"], "settled", "Potsdam", 2),
    (["lost before", "lost after"], "settled", "Potsdam", 2),
    (["lost before", "lost before"], "needs_attention", "Berlin", 2),
    (["lost before", "unsent"], "needs_attention", "Berlin", 2),
    (["lost before", "rejected"], "failed", "Berlin", 2),
    (["ignored", "well"], "settled", "Potsdam", 2),
    (["other"], "needs_attention", "Potsdam (checked)", 1),
]


def test_how_it_ends(house) -> None:
    for number, (letters, end, city, sends) in enumerate(ENDS, 10):
        order = str(number)
        house.post.sell(order)
        house.post.letters, house.post.posted = list(letters), []
        request = house.ask(order)
        house.until_calm(order)
        now = house.now(request)
        found = (now.stage, house.post.held(order)["city"], len(house.post.posted))
        assert found == (end, city, sends), letters
        assert now.status == {"settled": "updated", "failed": "failed"}.get(end, "pending")
        assert len(set(house.post.posted)) == 1, "the very same each time"
        assert end != "settled" or (now.read_at is not None and now.error is None)


def test_the_proof(house) -> None:
    house.post.letters = ["dearer"]
    request = house.ask(city="Potsdam", zip="14467")
    house.until_calm()
    now = house.now(request)
    assert (str(now.total_before), str(now.total_after)) == ("30.0000", "31.2600")
    assert now.old_address["city"] == "Berlin" and now.new_address["city"] == "Potsdam"
    fields = {one["field"]: one for one in now.response["fields"]}
    assert set(fields) == {"city", "postcode"} and all(one["equal"] for one in fields.values())
    assert fields["city"] == {
        "field": "city", "before": "Berlin", "asked": "Potsdam", "found": "Potsdam", "equal": True,
        "written_otherwise": False,
    }  # fmt: skip
    assert (now.response["total_before"], now.response["total_after"]) == ("30.00", "31.26")


def test_something_else_than_was_asked_needs_a_person(house) -> None:
    house.post.letters = ["other"]
    request = house.ask()
    house.until_calm()
    now = house.now(request)
    assert now.error == (
        "The store has something else than was asked for:"
        " its city is “Potsdam (checked)” instead of “Potsdam”."
    )
    house.resolve(request, updated=True)
    assert house.now(request).status == "updated"


def test_the_old_address_in_an_order_that_moved_on_needs_a_person(house) -> None:
    house.post.letters = ["lost before"]
    request = house.ask()
    house.act()
    house.post.touch("1")
    house.until_calm()
    now = house.now(request)
    assert (now.stage, len(house.post.posted)) == ("needs_attention", 1), "never sent over somebody's edit"


def test_one_that_comes_late_settles_by_itself(house) -> None:
    house.post.letters = ["late", "late"]
    request = house.ask()
    house.until_calm()
    assert house.now(request).stage == "needs_attention"
    house.post.deliver()
    house.pass_time(3600)
    house.until_calm()
    assert house.now(request).status == "updated"


def test_only_capitals_change(house) -> None:
    house.post.letters = ["lost before"]
    request = house.ask(city="BERLIN")
    house.until_calm()
    assert house.now(request).status == "updated"
    assert len(house.post.posted) == 2 and house.post.held()["city"] == "BERLIN"


def test_refused_keys_wait(house) -> None:
    house.post.letters = ["no keys", "well"]
    request = house.ask()
    house.act()
    assert house.now(request).stage == "requested"
    house.pass_time(3600)
    house.act()
    assert (house.now(request).stage, len(house.post.posted)) == ("requested", 1), "until it takes new ones"
    with house.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE connector_config SET status = 'active'")
    house.until_calm()
    assert house.now(request).status == "updated"


# -- one at a time -----------------------------------------------------------------------------------


def test_an_order_under_way_waits(house) -> None:
    house.post.letters = ["other"]
    request = house.ask()
    house.until_calm()
    for kind in ("shipping", "billing"):
        shown = house.preview(kind=kind, city="Bonn")
        assert "needs a person" in shown.document["refusals"][-1]["words"]
        with pytest.raises(Refused, match="needs a person"):
            house.create(shown, force=True)
    house.resolve(request, updated=False)
    assert house.now(request).status == "failed"
    again = house.ask(city="Bonn")
    house.until_calm()
    assert house.now(again).status == "updated"


def test_a_refund_that_is_not_settled_blocks_it_and_the_other_way_round(house) -> None:
    from storelink.connectors.action import Wish, WishedLine
    from storelink.models import RefundRequest
    from storelink.sync import refund
    from storelink.sync.limit import Asker, Limits

    def give_back() -> RefundRequest:
        anna, free = Asker("cli:anna", "support"), Limits(None, {}, {})
        wish = Wish(lines=(WishedLine("1-1", 1),))
        shown = refund.preview(house.database, house.subject, "1", wish, anna)
        with house.database.session() as session:
            made = refund.create(
                session, shown.id, refund.Particulars(again=True), asker=anna, limits=free,
                enqueue=lambda *_: None,
            )  # fmt: skip
            session.commit()
        return made.request

    house.post.script = ["lost before"]
    give_back()
    with pytest.raises(Refused, match="A refund of this order is not settled yet"):
        house.ask()  # it goes first, and the order is another one then
    house.until_calm()
    with pytest.raises(Refused, match="A refund of this order needs a person"):
        house.ask()
    with house.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE refund_request SET stage = 'waiting_approval', next_try_at = NULL")
    house.post.letters = ["other"]
    house.ask()
    house.until_calm()
    later = give_back()
    house.act()
    with house.database.session() as session:
        found = session.get(RefundRequest, later.id)
        assert found is not None and found.stage == "requested" and "address" in str(found.error)


# -- the same again ----------------------------------------------------------------------------------


def test_the_same_within_a_day_has_to_be_meant(house) -> None:
    house.ask()
    house.until_calm()
    house.post.edit("1", city="Berlin")
    with pytest.raises(NeedsDecision, match="--again"):
        house.ask()
    with pytest.raises(NeedsDecision):
        house.ask()
    request = house.ask(again=True)
    house.until_calm()
    assert house.now(request).status == "updated"
    house.post.edit("1", city="Berlin")
    house.pass_time(timedelta(days=1).total_seconds() + 1)
    house.ask()


def test_a_callers_key_makes_one_request(house) -> None:
    first = house.create(house.preview(), idempotency_key="k1")
    again = house.create(house.preview(), idempotency_key="k1")
    assert (first.new, again.new, again.request.id) == (True, False, first.request.id)
    with pytest.raises(Misconfigured, match="another request"):
        house.create(house.preview(city="Bonn"), idempotency_key="k1")
    house.until_calm()
    assert len(house.post.posted) == 1


def test_a_preview_is_used_once_and_soon(house) -> None:
    shown = house.preview()
    house.create(shown)
    with pytest.raises(Misconfigured, match="has been used"):
        house.create(shown)
    house.until_calm()
    old = house.preview(city="Bonn")
    house.pass_time(1801)
    with pytest.raises(Misconfigured, match="half an hour"):
        house.create(old)


# -- the way back ------------------------------------------------------------------------------------


def test_the_old_address_is_put_back(house) -> None:
    request = house.ask(city="Wien", zip="1060", country="Austria", street="Rosengasse 12")
    house.until_calm()
    back = house.restore(request)
    house.until_calm()
    now = house.now(back)
    assert now.status == "updated" and now.wish == {"put_back": str(request.id)}
    assert house.post.held() == house.now(request).old_address


def test_an_odd_old_address_is_put_back_as_it_was(house) -> None:
    house.post.edit("1", country="ZZ", postcode="?", last_name="")
    request = house.ask(country="DE", zip="10119", surname="Weiss")
    house.until_calm()
    house.restore(request)
    house.until_calm()
    assert house.post.held()["country"] == "ZZ" and house.post.held()["postcode"] == "?"


def test_what_was_never_sent_cannot_be_put_back(house) -> None:
    house.post.letters = ["unsent"]
    request = house.ask()
    with pytest.raises(Refused, match="never sent"):
        house.restore(request)


# -- what is kept ------------------------------------------------------------------------------------


def test_the_audit_has_every_step_and_nothing_personal(house) -> None:
    house.post.letters = ["lost before"]
    request = house.ask(city="Potsdam", street="Geheimweg 7")
    house.until_calm()
    steps = house.rows("SELECT action, detail::text FROM audit_event WHERE subject = :id ORDER BY id",
                       id=str(request.id))  # fmt: skip
    assert [action for action, _ in steps] == [
        "address.requested", "address.sent", "address.unknown", "address.sent_again", "address.answered",
        "address.settled",
    ]  # fmt: skip
    assert all("Potsdam" not in detail and "Geheimweg" not in detail for _, detail in steps)
    assert '"fields": ["address1", "city"]' in steps[0][1]


def test_a_row_of_somebody_else_is_refused(house) -> None:
    from storelink.sync.act import refuse_strangers

    with house.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO address_update_request (connector_id, order_id, new_address)"
            " SELECT id, '1', '{\"city\": \"Bonn\"}' FROM connector_config"
        )
    with house.database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert refuse_strangers(raw) == 1
    ((status, error),) = house.rows("SELECT status, error FROM address_update_request")
    assert status == "failed" and "storelink address" in error


def test_finding_requests(house) -> None:
    request = house.ask()
    with house.database.session() as session:
        assert find(session, AddressUpdateRequest, str(request.id)[:8]).id == request.id
        assert [one.id for one in listed(session, AddressUpdateRequest, order_id="1")] == [request.id]
        assert listed(session, AddressUpdateRequest, stages=["failed"]) == []
        for wrong in ("abc", "ffffffff-not", ""):
            with pytest.raises(Misconfigured):
                find(session, AddressUpdateRequest, wrong)


def test_a_shipping_address_where_there_was_none(house) -> None:
    house.post.addresses["1", "shipping"] = Address()
    shown = house.preview(
        surname="Weiss", street="Lindenweg 1", zip="10119", city="Berlin", country="Germany"
    )
    assert shown.document["problems"] == [] and shown.document["warnings"][0]["code"] == "no_address"
    house.create(shown)
    house.until_calm()
    assert house.post.held()["last_name"] == "Weiss"
