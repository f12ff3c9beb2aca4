"""How each platform is told of a change of address, and what its refusals say."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from graphql import build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.action import BILLING, SHIPPING, Address
from storelink.connectors.protocol import Read
from storelink.connectors.shopify import address_change as shopify
from storelink.connectors.woocommerce import address_change as woocommerce
from storelink.connectors.woocommerce.standing import standing_of
from storelink.errors import NotFound, Rejected
from storelink.sync.place import province_code, provinces

JO = Address(
    first_name="Jo", last_name="Park", address1="1 Main St", city="Austin", province="TX",
    postcode="78701", country="US", phone="+1 512 555 0142",
)  # fmt: skip
READ = Read(datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
ORDER = {"id": 7, "number": "7", "status": "processing", "currency": "EUR", "total": "10.00"}
# what neither a person types nor Postgres stores is refused before (`postal`)
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


def test_woocommerce_is_sent_only_what_changes() -> None:
    body = json.loads(
        woocommerce.compose(SHIPPING, {"address1": "2 Main St", "province": "CA", "company": ""})
    )
    assert body == {"shipping": {"address_1": "2 Main St", "state": "CA", "company": ""}}
    assert json.loads(woocommerce.compose(BILLING, {"email": "jo@b.test"})) == {
        "billing": {"email": "jo@b.test"}
    }


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(BILLING, {"email": ""}), (SHIPPING, {"email": "a@b.test"}), (SHIPPING, {}),
     ("elsewhere", {"city": "x"}),
     (SHIPPING, {"city": 7}), (SHIPPING, {"city": None})],
)  # fmt: skip
def test_woocommerce_is_never_sent_what_it_refuses_or_ignores(kind: str, changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        woocommerce.compose(kind, changes)


@given(st.dictionaries(st.sampled_from(sorted(set(asdict(JO)) - {"email"})), _TEXT, min_size=1))
def test_what_is_worded_reads_back_as_what_was_wished(changes: dict[str, str]) -> None:
    body = woocommerce.compose(SHIPPING, changes)
    assert woocommerce.compose(SHIPPING, dict(reversed(changes.items()))) == body, "the same text each time"
    sent = json.loads(body)["shipping"]
    assert all(isinstance(value, str) for value in sent.values()) and len(sent) == len(changes)
    back = standing_of({**ORDER, "shipping": sent}, [], READ, {}).addresses[SHIPPING]
    assert {name: value for name, value in asdict(back).items() if name in changes} == changes


def test_shopify_is_sent_the_whole_address() -> None:
    body = json.loads(shopify.compose("gid://shopify/Order/7", JO, {"address1": "2 Main St", "phone": ""}))
    assert body["variables"]["input"] == {
        "id": "gid://shopify/Order/7",
        "shippingAddress": {
            "firstName": "Jo", "lastName": "Park", "company": None, "address1": "2 Main St", "address2": None,
            "city": "Austin", "provinceCode": "TX", "zip": "78701", "countryCode": "US", "phone": None,
        },
    }  # fmt: skip
    assert body["operationName"] == "OrderAddress" and "orderUpdate(input: $input)" in body["query"]
    with pytest.raises(ValueError, match="email"):
        shopify.compose("gid://shopify/Order/7", JO, {"email": "jo@b.test"})


def test_the_mutation_is_one_of_shopifys_schema() -> None:
    from storelink.connectors.shopify import queries

    schema = build_schema("""
        type Query { shop: String }
        type Mutation { orderUpdate(input: OrderInput!): OrderUpdatePayload }
        scalar DateTime
        enum CountryCode { US AT }
        input OrderInput { id: ID! shippingAddress: MailingAddressInput }
        input MailingAddressInput { firstName: String lastName: String company: String address1: String
          address2: String city: String provinceCode: String countryCode: CountryCode
          zip: String phone: String }
        type OrderUpdatePayload { order: Order userErrors: [UserError!]! }
        type UserError { field: [String!] message: String! }
        type Order { id: ID! updatedAt: DateTime! shippingAddress: MailingAddress }
        type MailingAddress { firstName: String lastName: String company: String address1: String
          address2: String city: String province: String provinceCode: String country: String
          countryCodeV2: CountryCode zip: String phone: String }
    """)
    assert validate(schema, parse(queries.load("order_address"))) == []


def _answer(*errors: dict[str, object]) -> dict[str, object]:
    return {"orderUpdate": {"order": {"id": "gid://shopify/Order/7"}, "userErrors": list(errors)}}


@pytest.mark.parametrize(
    ("error", "said"),
    [({"field": ["shippingAddress", "zip"], "message": "Enter a ZIP code"}, "postcode: “Enter a ZIP code”"),
     ({"field": ["shippingAddress", "lastName"], "message": "Enter a last name"},
      "last name: “Enter a last name”"),
     ({"field": ["shippingAddress", "province"], "message": "State is not a valid state in United States"},
      "province: “State is not a valid state in United States”"),
     ({"field": None, "message": "No valid update parameters have been provided"},
      "“No valid update parameters have been provided”"),
     ({"field": ["phone"], "message": "Phone\nis <b>invalid</b>"}, "phone: “Phone is invalid”")],
)  # fmt: skip
def test_shopifys_refusals_name_our_fields(error: dict[str, object], said: str) -> None:
    with pytest.raises(Rejected) as caught:
        shopify.judge(_answer(error))
    assert str(caught.value) == f"Shopify refuses the address: {said}"


def test_shopifys_other_answers() -> None:
    shopify.judge(_answer())
    with pytest.raises(NotFound):
        shopify.judge(_answer({"field": ["id"], "message": "Order does not exist"}))
    with pytest.raises(ValueError, match="userErrors"):
        shopify.judge({"orderUpdate": None})


def test_shopifys_own_codes_are_found_by_isos() -> None:
    assert province_code("Tokyo", "JP", shopify.provinces("JP")) == "JP-13"
    assert province_code("CMX", "MX", shopify.provinces("MX")) == "DF"
    assert province_code("California", "US", shopify.provinces("US")) == "CA"
    assert shopify.provinces("AT") == {}
    for country in ("US", "CA", "AU", "BR", "JP", "IN"):
        known = shopify.provinces(country)
        missing = [
            name for code, name in provinces(country).items() if not province_code(code, country, known)
        ]
        assert len(missing) <= 3, (country, missing)


def test_addresses_as_read() -> None:
    held = {"firstName": "Jo", "countryCodeV2": "US", "provinceCode": "TX", "zip": 7, "id": "gid"}
    assert shopify.address_of(held) == Address(first_name="Jo", country="US", province="TX")
    assert shopify.address_of(None) == Address()
