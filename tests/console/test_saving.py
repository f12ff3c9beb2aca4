"""Lists and records taken away as files: whole, for those who may have them, and nothing runs in them."""

import csv
import io
import json
import uuid

import pytest
from console_house import Browser, ConsoleHouse

from storelink.web.console import sheet


@pytest.fixture(scope="module")
def people(house: ConsoleHouse) -> dict[str, Browser]:
    return {role: house.sign_in(role) for role in ("reader", "support", "ops", "admin")}


def table(who: Browser, place: str) -> list[dict[str, str]]:
    answer = who.get(place)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert answer.text.startswith("\ufeff"), "spreadsheets know UTF-8 by it"
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-1", "@here", "\t=1", "\r=1", "  =1", "＝1+1"])
def test_nothing_runs_in_a_spreadsheet(text: str) -> None:
    assert sheet.plain(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Jo", "a=b", "1 -", '"', "é"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert sheet.plain(text) == text


def test_the_orders_of_a_search_are_all_there_newest_first(
    house: ConsoleHouse, people: dict[str, Browser]
) -> None:
    rows = table(people["support"], "/console/orders.csv")
    held = house.shops.one("SELECT count(*) FROM platform_order WHERE created_at IS NOT NULL")
    assert len(rows) == held > 40
    assert [one["placed"] for one in rows] == sorted((one["placed"] for one in rows), reverse=True)
    assert {one["store"] for one in rows} == {"fjord-wool", "linden-tea"}
    paid = table(people["support"], "/console/orders.csv?store=fjord-wool&paid=paid")
    assert paid and {one["store"] for one in paid} == {"fjord-wool"}
    assert {one["payment"] for one in paid} <= {"Paid", "Refund needs a person", "Refund outcome unknown"}


def test_personal_fields_go_to_those_who_may_act(people: dict[str, Browser]) -> None:
    emails = {one["e-mail"] for one in table(people["support"], "/console/orders.csv")}
    assert any("@" in one for one in emails)
    for role in ("reader", "ops"):
        answer = people[role].get("/console/orders.csv")
        assert "e-mail" not in answer.text and not any(one and one in answer.text for one in emails)


def test_what_a_customer_is_called_is_no_formula(house: ConsoleHouse, people: dict[str, Browser]) -> None:
    evil = '=HYPERLINK("https://evil.example")'
    house.shops.do("UPDATE platform_order SET email = :evil WHERE order_id = (SELECT min(order_id)"
                   " FROM platform_order)", evil=evil)  # fmt: skip
    found = {one["e-mail"] for one in table(people["support"], "/console/orders.csv")}
    assert "'" + evil in found and evil not in found


def test_times_are_in_the_zone_of_who_looks(people: dict[str, Browser]) -> None:
    who = people["support"]
    cookie = f"storelink_session={who.cookie}; storelink_zone=Asia/Tokyo"
    answer = who.client.get("/console/orders.csv", headers={"Cookie": cookie})
    there = [one["placed"] for one in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))]
    assert there and all(one.endswith("+09:00") for one in there)


def test_requests_and_the_audit_log_are_whole_and_say_who(
    house: ConsoleHouse, people: dict[str, Browser]
) -> None:
    rows = table(people["reader"], "/console/requests.csv")
    assert len(rows) == house.shops.one(
        "SELECT (SELECT count(*) FROM refund_request) + (SELECT count(*) FROM address_update_request)"
    )
    assert {one["kind"] for one in table(people["reader"], "/console/requests.csv?k=address")} == {"address"}
    assert {one["asked by"] for one in rows} == {"Ines Support"}
    deeds = table(people["ops"], "/console/audit.csv?what=stores")
    assert deeds and all(one["action"].startswith(("connector.", "webhooks.")) for one in deeds)
    assert table(people["ops"], "/console/audit.csv?who=user:reader@shop.example&what=privacy")
    assert people["support"].get("/console/audit.csv").status_code == 403


def test_a_record_set_aside_is_saved_with_its_personal_fields_hidden(
    house: ConsoleHouse, people: dict[str, Browser]
) -> None:
    payload = {"id": 7, "total": "-", "billing": {"email": "ada@example.test", "first_name": "Ada"}}
    house.shops.do(
        "INSERT INTO quarantined_record (connector_id, resource, external_id, payload, error, seen,"
        " first_seen_at, last_seen_at) VALUES (:id, 'orders', '7', CAST(:payload AS jsonb), 'total', 1,"
        " now(), now())", id=house.woo.id, payload=json.dumps(payload),
    )  # fmt: skip
    place = "/console/stores/fjord-wool/quarantine/orders/payload?record="
    answer = people["reader"].get(place + "7")
    assert answer.status_code == 200 and "fjord-wool-orders-7.json" in answer.headers["content-disposition"]
    assert (
        answer.json()["total"] == "-" and "ada@example.test" not in answer.text and "Ada" not in answer.text
    )
    assert place.replace("/console", "") + "7" in people["reader"].get("/console/stores/fjord-wool").text
    for wrong in ("8", "%00", str(uuid.uuid4())):
        assert people["reader"].get(place + wrong).status_code == 404
