"""Changes of an address, checked before anybody is asked."""

import string
from dataclasses import asdict, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storelink.connectors.action import BILLING, SHIPPING, Address
from storelink.sync.place import country_code, country_name, province_code, provinces
from storelink.sync.postal import FIELDS, amend, differences, field_named, one_line, same
from storelink.sync.postcode import FORMS, postcode_words, tidy_postcode

HANNA = Address(
    first_name="Hanna", last_name="Weiss", address1="Lindenweg 44", city="Berlin", postcode="10119",
    country="DE", phone="+49 30 5550 0142",
)  # fmt: skip
JO = Address(
    first_name="Jo", last_name="Park", address1="1 Main St", city="Austin", province="TX",
    postcode="78701", country="US",
)  # fmt: skip


def words(found) -> dict[str, str]:
    return {one.field: one.words for one in found.problems}


# -- merging -----------------------------------------------------------------------------------------


def test_only_what_changes_is_a_change() -> None:
    done = amend(HANNA, {"city": " Potsdam ", "last_name": "Weiss", "zip": "14467"}, SHIPPING)
    assert done.problems == ()
    assert done.changes == {"city": "Potsdam", "postcode": "14467"}
    assert done.address == replace(HANNA, city="Potsdam", postcode="14467")


def test_a_move_to_another_country() -> None:
    wish = {
        "street": "Rosengasse 12",
        "address2": "Top 7",
        "zip": "1060",
        "city": "Wien",
        "country": "Austria",
    }
    done = amend(HANNA, wish, SHIPPING)
    assert done.problems == ()
    assert set(done.changes) == {"address1", "address2", "postcode", "city", "country"}
    assert done.address.country == "AT"
    assert one_line(done.address) == "Hanna Weiss, Rosengasse 12, Top 7, 1060 Wien, Austria"


def test_a_country_alone_shows_what_no_longer_fits() -> None:
    found = words(amend(JO, {"country": "Austria"}, SHIPPING))
    assert found == {"postcode": "Enter an Austrian postcode: four digits, like 1060"}
    done = amend(JO, {"country": "Austria", "postcode": "1060"}, SHIPPING)
    assert done.problems == () and done.changes["province"] == "", "Texas is not taken along to Austria"
    assert words(amend(HANNA, {"country": "US", "zip": "90210"}, SHIPPING)) == {
        "province": "Enter the state, like California (CA)"
    }


def test_clearing() -> None:
    held = replace(HANNA, company="Alma", address2="Top 7")
    done = amend(held, {"company": "", "address2": None}, SHIPPING)
    assert done.changes == {"company": "", "address2": ""} and not done.problems
    assert words(amend(HANNA, {"city": ""}, SHIPPING)) == {"city": "Enter the city"}
    assert words(amend(HANNA, {"postcode": " "}, SHIPPING)) == {
        "postcode": "Enter a German postcode: five digits, like 10115"
    }


def test_what_was_odd_before_is_only_a_remark() -> None:
    odd = replace(HANNA, postcode="1011", last_name="", country="DE", city="Berlin")
    done = amend(odd, {"street": "Lindenweg 45"}, SHIPPING)
    assert done.problems == () and done.changes == {"address1": "Lindenweg 45"}
    assert {one.code for one in done.remarks} == {"odd_postcode", "odd_last_name"}
    lost = amend(replace(HANNA, country="ZZ"), {"street": "Lindenweg 45"}, SHIPPING)
    assert lost.problems == () and {one.code for one in lost.remarks} == {"odd_country"}


def test_an_order_without_an_address_gets_a_whole_one() -> None:
    assert set(words(amend(Address(), {"street": "Lindenweg 44"}, SHIPPING))) == {
        "last_name",
        "city",
        "country",
    }


# -- fields ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "code"),
    [("Austria", "AT"), ("at", "AT"), ("AUT", "AT"), ("UK", "GB"), ("Turkey", "TR"), ("Türkiye", "TR"),
     ("South Korea", "KR"), ("Czech Republic", "CZ"), ("Kosovo", "XK"), ("USA", "US"), ("Österreich", "AT"),
     ("cote d'ivoire", "CI"), ("Narnia", None), ("ZZ", None), ("", None), ("040", None)],
)  # fmt: skip
def test_countries(typed: str, code: str | None) -> None:
    assert country_code(typed) == code


@pytest.mark.parametrize(
    ("typed", "country", "offered", "code"),
    [("California", "US", None, "CA"), ("us-ca", "US", None, "CA"), ("ca", "US", None, "CA"),
     ("Texas", "CA", None, None), ("Karnten", "AT", None, "2"), ("AP", "US", None, "AP"),
     ("Tokyo", "JP", {"JP13": "Tokyo"}, "JP13"), ("13", "JP", {"JP13": "Tokyo"}, "JP13"),
     ("JP-13", "JP", {"JP-13": "Tokyo"}, "JP-13"), ("CMX", "MX", {"DF": "Ciudad de México"}, "DF"),
     ("California", "US", {"NY": "New York"}, None), ("Wien", "AT", {}, None)],
)  # fmt: skip
def test_provinces(typed: str, country: str, offered: dict[str, str] | None, code: str | None) -> None:
    assert province_code(typed, country, offered) == code


@pytest.mark.parametrize(
    ("present", "wish", "kind", "field", "said"),
    [
        (HANNA, {"country": "Austira"}, SHIPPING, "country",
         "There is no country “Austira”. Did you mean Austria?"),
        (HANNA, {"country": "Narnia"}, SHIPPING, "country",
         "There is no country “Narnia”. A country has a name, or two letters, like AT"),
        (JO, {"state": "Californa"}, SHIPPING, "province",
         "There is no state “Californa” in the United States. Did you mean California (CA)?"),
        (JO, {"state": "XX"}, SHIPPING, "province",
         "There is no state “XX” in the United States. "
         "Enter one by its name or code, like California (CA)"),
        (JO, {"zip": "123"}, SHIPPING, "postcode", "Enter a US ZIP code: five digits, like 90210"),
        (HANNA, {"address1": "<script>alert(1)</script>"}, SHIPPING, "address1",
         "Enter the street as plain text, without < and >"),
        (HANNA, {"address1": "A\nB"}, SHIPPING, "address1",
         "Enter the street on one line, without tabs and other characters that are not seen. "
         "What comes on a line of its own goes into address2"),
        (HANNA, {"city": "B\x00"}, SHIPPING, "city",
         "Enter the city on one line, without tabs and other characters that are not seen"),
        (HANNA, {"city": "x" * 300}, SHIPPING, "city",
         "Enter a shorter city: at most 255 characters; this has 300"),
        (HANNA, {"city": 7}, SHIPPING, "city", "Enter the city as text, in quotes"),
        (HANNA, {"citty": "Bonn"}, SHIPPING, "", "There is no field “citty”. Did you mean 'city'?"),
        (HANNA, {"zip": "10115", "postcode": "10117"}, SHIPPING, "postcode",
         "Give the postcode once; “postcode” is the second"),
        (HANNA, {"email": "a@b.test"}, SHIPPING, "email",
         "A shipping address has no e-mail address; leave it away, or change the billing address"),
        (HANNA, {"email": "hanna"}, BILLING, "email", "Enter an e-mail address, like hanna@example.com"),
        (replace(HANNA, email="h@b.test"), {"email": ""}, BILLING, "email",
         "An e-mail address can be changed, not taken away: the store refuses an empty one"),
        (HANNA, {"phone": "call me"}, SHIPPING, "phone",
         "Enter a phone number: digits, with + for its country, like +43 1 5550142"),
    ],
)  # fmt: skip
def test_each_error_names_its_field_and_how_to_be_right(
    present: Address, wish: dict[str, object], kind: str, field: str, said: str
) -> None:
    assert words(amend(present, wish, kind)) == {field: said}


def test_a_store_without_provinces_in_a_country_takes_none() -> None:
    found = words(amend(HANNA, {"province": "Bayern"}, SHIPPING, lambda _: {}))
    assert found == {"province": "Leave the province empty: addresses in Germany have none in this store"}
    done = amend(HANNA, {"province": "Bayern"}, SHIPPING)
    assert done.changes == {"province": "BY"}


def test_british_counties_are_written_freely() -> None:
    held = replace(HANNA, country="GB", postcode="SE22 8DL")
    assert amend(held, {"county": "Middlesex"}, SHIPPING).changes == {"province": "Middlesex"}


def test_names_people_use() -> None:
    assert [field_named(one) for one in ("Zip", "Postal code", "STATE", "street", "nonsense")] == [
        "postcode", "postcode", "province", "address1", None,
    ]  # fmt: skip


# -- postcodes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("country", sorted(FORMS))
def test_the_table_of_postcodes_agrees_with_itself(country: str) -> None:
    known = FORMS[country]
    assert tidy_postcode(known.example, country) == known.example
    assert country_name(country) != country
    assert postcode_words(country).endswith(f"like {known.example}")


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [("sw1a1aa", "GB", "SW1A 1AA"), ("k1p-1j1", "CA", "K1P 1J1"), ("902101234", "US", "90210-1234"),
     ("AT-1060", "AT", "1060"), ("00950", "PL", "00-950"), ("１５４-００２３", "JP", "154-0023"),
     ("1065am", "NL", "1065 AM"), ("10119", "AT", None), ("ABCDE", "DE", None),
     ("anything", "HK", "anything"),
     ("١٢٣٤٥", "DE", None)],
)  # fmt: skip
def test_postcodes(typed: str, country: str, kept: str | None) -> None:
    assert tidy_postcode(typed, country) == kept


_FORMED = st.sampled_from([(country, form) for country, known in FORMS.items() for form in known.forms])
_SIGNS = {"9": string.digits, "@": string.ascii_uppercase, "*": string.ascii_uppercase + string.digits}


@given(_FORMED, st.data())
def test_what_has_the_form_is_taken_however_it_is_spaced(
    formed: tuple[str, str], data: st.DataObject
) -> None:
    country, form = formed
    code = "".join(data.draw(st.sampled_from(_SIGNS[one])) if one in _SIGNS else one for one in form)
    kept = tidy_postcode(code, country)
    assert kept is not None and tidy_postcode(kept, country) == kept
    bare = code.replace(" ", "").replace("-", "").lower()
    assert tidy_postcode(bare, country) == kept
    assert same("postcode", bare, kept, country)


# -- what always holds -------------------------------------------------------------------------------

_TEXTS = st.text(max_size=60) | st.sampled_from(["AT", "Austria", "CA", "California", "1060", "90210", ""])
_WISHES = st.dictionaries(st.sampled_from(FIELDS), _TEXTS, max_size=6)
_PRESENT = st.builds(
    Address,
    **{name: st.sampled_from(["", "Ann", "US", "AT", "CA", "TX", "1060", "90210"]) for name in FIELDS},
)


@given(_PRESENT, _WISHES, st.sampled_from([SHIPPING, BILLING]))
@example(Address(), {"country": "AT", "province": "9"}, SHIPPING)
def test_any_wish_is_refused_in_words_or_becomes_clean_fields(
    present: Address, wish: dict[str, str], kind: str
) -> None:
    done = amend(present, wish, kind)
    assert all(one.words and "\n" not in one.words and len(one.words) < 300 for one in done.problems)
    for name, value in done.changes.items():
        if any(one.field == name for one in done.problems):
            continue
        assert value == getattr(done.address, name) != getattr(present, name)
        assert value == value.strip() and value.isprintable() and len(value) <= 255, (name, value)
        assert not set("<>") & set(value)
    if done.problems:
        return
    again = amend(done.address, {name: asdict(done.address)[name] for name in wish if name in FIELDS}, kind)
    assert not again.problems and not again.changes, "what was accepted is accepted again, and is the same"
    unequal, _ = differences(done.address, done.address)
    assert not unequal


@given(st.sampled_from(["US", "CA", "AU", "DE", "JP", "IT", "AT", "GB"]), st.data())
def test_every_province_is_found_by_code_and_by_name(country: str, data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(sorted(provinces(country))))
    assert province_code(code.lower(), country) == code
    assert province_code(f"{country}-{code}", country) == code
    found = province_code(provinces(country)[code].upper(), country)
    assert found is not None and provinces(country)[found].casefold() == provinces(country)[code].casefold()


# -- as a store writes it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "one", "other", "alike"),
    [("address1", "Rosengasse 12", "ROSENGASSE  12", True),
     ("address1", "Rosengasse 12", "Rosengasse 21", False),
     ("province", "CA", "California", True), ("province", "CA", "TX", False),
     ("country", "US", "United States", True),
     ("postcode", "SW1A 1AA", "sw1a1aa", True), ("phone", "+43 1 555", "+431555", True),
     ("phone", "", "x", False),
     ("city", "Zürich", "Zurich", True), ("city", "", "Wien", False), ("province", "", "CA", False)],
)  # fmt: skip
def test_a_store_may_write_the_same_otherwise(field: str, one: str, other: str, alike: bool) -> None:
    assert same(field, one, other, "US") is alike


def test_differences_by_field() -> None:
    found = replace(JO, city="AUSTIN", address1="2 Main St")
    assert differences(JO, found) == (
        {"address1": ("1 Main St", "2 Main St")},
        {"city": ("Austin", "AUSTIN")},
    )
