"""Single sign-on against a provider on a socket: who gets in, as what, and who stays out."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from markup import elements
from openid_provider import CLIENT, SECRET
from sign_on_house import PASSWORD, ROLES, TABLES, Court, Made

from storelink.access import person, provider, sign_on
from storelink.access import session as browser
from storelink.config import Settings
from storelink.errors import Misconfigured
from storelink.web.console import oidc
from storelink.web.console.signed import COOKIE


def test_somebody_whom_an_admin_added_signs_in(court: Court) -> None:
    court.account()
    who = court.person()
    door = who.get("/console/sign-in?next=/console/orders?q=1")
    assert door.text.index("Sign in with Northpeak") < door.text.index('name="password"')
    (button,) = [one for one in elements(door.text) if "/sso" in one.attributes.get("href", "")]
    left = who.get(button.attributes["href"])
    cookie = left.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Path=/console/sign-in/sso" in cookie
    asked = {name: one for name, (one,) in parse_qs(urlsplit(left.headers["location"]).query).items()}
    assert asked["redirect_uri"] == f"{court.house.url}/console/sign-in/sso/answer"
    assert asked["scope"] == "openid email profile" and len(asked["state"]) == len(asked["nonce"]) == 43
    assert asked["state"] != asked["nonce"]
    assert who.cookies["storelink_sign_on"] not in left.headers["location"]
    answer = who.get(who.return_from(left.headers["location"]))
    assert answer.headers["location"] == "/console/orders?q=1" and who.signed_in
    assert "storelink_sign_on" not in who.cookies
    row = court.row()
    assert (row.oidc_subject, row.role, row.full_name) == (f"{court.openid.url} s-1", "ops", "Ines O.")
    assert court.deeds()[-2:] == [
        ("user:ines@shop.example", "user.link", {"through": court.openid.url}),
        ("user:ines@shop.example", "user.sign_in", {"through": court.openid.url}),
    ]
    assert f"Signed in through {court.openid.url}" in who.get("/console/audit").text
    hours = court.house.one("SELECT extract(epoch FROM ends_at - created_at) / 3600 FROM console_session")
    assert 11 < hours < 13
    again = court.person()
    court.openid.person |= {"email": "ines@married.example", "email_verified": False}  # the subject stays
    assert again.sign_on().headers["location"] == "/console/overview" and again.signed_in and who.signed_in
    assert again.cookies[COOKIE] != who.cookies[COOKIE]
    assert (
        court.openid.asked.count("/keys")
        == court.openid.asked.count("/.well-known/openid-configuration")
        == 1
    )


def test_an_answer_fits_the_browser_that_asked_and_fits_once(court: Court) -> None:
    court.account()
    ines, other, stranger = court.person(), court.person(), court.person()
    back = ines.return_from(ines.leave())
    theirs = other.return_from(other.leave())
    stranger.get(back)
    assert "another browser" in court.turned_away(stranger, "late")
    kept = dict(other.cookies)
    other.get(back)
    court.turned_away(other, "late")
    other.cookies = kept
    state = parse_qs(urlsplit(theirs).query)["state"][0]
    before = dict(ines.cookies)
    ines.get(back.replace(parse_qs(urlsplit(back).query)["state"][0], state))
    court.turned_away(ines, "late")
    ines.cookies = before
    assert court.openid.asked.count("/token") == 0, "no code was tried"
    ines.get(back)
    assert ines.signed_in
    ines.cookies = before
    ines.get(back)
    court.house.do("DELETE FROM console_session")
    ines.cookies.pop(COOKIE, None)
    assert parse_qs(urlsplit(ines.last.headers["location"]).query)["sso"] == ["late"]
    assert court.openid.asked.count("/token") == 1
    late = court.person()
    back = late.return_from(late.leave())
    court.house.do("UPDATE sign_in_attempt SET ends_at = ends_at - interval '11 minutes'")
    late.get(back)
    court.turned_away(late, "late")


def test_a_code_of_another_sign_in_is_refused(court: Court) -> None:
    court.account()
    ines, thief = court.person(), court.person()
    stolen = parse_qs(urlsplit(ines.return_from(ines.leave())).query)["code"][0]
    own = thief.return_from(thief.leave())
    thief.get(own.replace(parse_qs(urlsplit(own).query)["code"][0], stolen))
    court.turned_away(thief, "refused")
    assert court.openid.posted["code"] == stolen and "invalid_grant" in str(court.logs)


def test_a_session_known_before_is_good_for_nothing(court: Court) -> None:
    court.account()
    who = court.person()
    who.cookies[COOKIE] = "chosen-by-somebody-else"
    who.sign_on()
    given = who.cookies[COOKIE]
    assert given != "chosen-by-somebody-else" and len(given) == 43 and who.signed_in
    who.sign_on()
    assert who.cookies[COOKIE] != given
    assert court.house.one("SELECT count(*) FROM console_session") == 1, "the one before is over"


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "/console//evil.example", "/console/../metrics"]
)
def test_it_leads_back_only_inside(court: Court, place: str) -> None:
    court.account()
    who = court.person()
    assert who.sign_on(place).headers["location"] == "/console/overview"
    court.house.do("UPDATE sign_in_attempt SET back = :place", place=place)
    later = court.person()
    back = later.return_from(later.leave())
    court.house.do("UPDATE sign_in_attempt SET back = :place", place=place)
    assert later.get(back).headers["location"] == "/console/overview"


@pytest.mark.parametrize(
    "told", [{"email_verified": False}, {"email_verified": "no"}, {"email_verified": None}, {"email": None},
             {"email": "\u212aim@shop.example"}, {"email": ["ines@shop.example"]}, {"email": "ines"}],
)  # fmt: skip
def test_an_address_that_is_not_verified_lets_nobody_in(court: Court, told: dict[str, Any]) -> None:
    court.account()
    court.account("kim@shop.example")  # \u212a is the sign for kelvin; its lower case is k
    court.openid.person |= told
    who = court.person()
    who.sign_on()
    assert "verified" in court.turned_away(who, "unverified")


def test_a_provider_may_be_trusted_that_does_not_say_whether_it_verified(made: Made) -> None:
    court = made(oidc_trust_email=True)
    court.account()
    court.openid.person |= {"email_verified": False}
    who = court.person()
    who.sign_on()
    court.turned_away(who, "unverified")
    del court.openid.person["email_verified"]
    who.sign_on()
    assert who.signed_in


def test_whom_nobody_added_and_no_group_lets_in_stays_out(made: Made) -> None:
    for given in ({}, {"oidc_roles": ROLES}):
        court = made(**given)
        who = court.person()
        who.sign_on()
        assert "no account for you" in court.turned_away(who, "unknown")
        assert court.house.one("SELECT count(*) FROM console_user") == 0


def test_groups_and_domains_let_in_with_their_role_and_are_followed(made: Made) -> None:
    court = made(oidc_roles=ROLES)
    court.openid.person |= {"groups": ["support", "link admins"]}
    who = court.person()
    who.sign_on()
    assert who.signed_in and court.row().role == "admin" and court.row().full_name == "Ines Okafor"
    court.openid.person |= {"groups": ["support"], "email_verified": False}
    court.person().sign_on()
    assert court.row().role == "support", "it follows, though she was the last admin"
    assert ("user:ines@shop.example", "user.set_role",
            {"role": ["admin", "support"], "through": court.openid.url}) in court.deeds()  # fmt: skip
    court.openid.person |= {"groups": []}
    last = court.person()
    last.sign_on()
    court.turned_away(last, "unknown")  # and the sessions there were are over
    court.openid.person = {"sub": "s-2", "email": "tom@partner.example", "email_verified": True}
    court.person().sign_on()
    assert court.row("tom@partner.example").role == "reader"
    court.openid.person |= {"sub": "s-3", "email": "eve@evil.partner.example"}
    court.house.do("DELETE FROM console_session")
    eve = court.person()
    eve.sign_on()
    court.turned_away(eve, "unknown")


def test_whom_an_admin_added_keeps_the_role_given_there(made: Made) -> None:
    court = made(oidc_roles=ROLES)
    court.account(role="reader")
    court.openid.person |= {"groups": ["link admins"]}
    for _ in range(2):
        court.person().sign_on()
        assert court.row().role == "reader"


def test_groups_lie_where_the_settings_say(made: Made) -> None:
    court = made(oidc_roles="desk=support", oidc_groups="realm_access.roles")
    court.openid.person |= {"realm_access": {"roles": ["desk"]}}
    court.person().sign_on()
    assert court.row().role == "support"
    court = made(oidc_roles="desk=support", oidc_groups="https://shop.example/groups")
    court.openid.person |= {"sub": "s-9", "email": "tom@shop.example", "https://shop.example/groups": "desk"}
    court.person().sign_on()
    assert court.row("tom@shop.example").role == "support"


def test_what_the_token_does_not_tell_is_asked_for(made: Made) -> None:
    court = made(oidc_roles=ROLES)
    court.openid.thin = True
    court.openid.person |= {"groups": ["support"]}
    court.person().sign_on()
    assert court.row().role == "support" and court.openid.asked[-1] == "/userinfo"
    court.openid.told = {"sub": "s-2"}
    court.house.do("DELETE FROM console_session")
    who = court.person()
    who.sign_on()
    court.turned_away(who, "refused")


def test_whoever_is_disabled_stays_out(court: Court) -> None:
    court.account(), court.account("boss@shop.example", "admin")
    first = court.person()
    first.sign_on()
    assert first.signed_in
    with court.house.database.session() as session:
        person.disable(session, person.find(session, "ines@shop.example"))
        session.commit()
    assert not first.signed_in
    who = court.person()
    who.sign_on()
    assert "disabled" in court.turned_away(who, "disabled")
    court.house.do("UPDATE console_user SET oidc_subject = NULL")
    who.sign_on()
    court.turned_away(who, "disabled")
    assert court.row().oidc_subject is None


def test_an_address_that_passed_to_somebody_else_is_not_theirs(court: Court) -> None:
    court.account()
    court.person().sign_on()
    court.house.do("DELETE FROM console_session")
    court.openid.person |= {"sub": "s-2"}
    who = court.person()
    who.sign_on()
    assert "somebody else" in court.turned_away(who, "taken")
    with court.house.database.session() as session:
        sign_on.unlink(session, person.find(session, "ines@shop.example"))
        session.commit()
    who.sign_on()
    assert who.signed_in and court.row().oidc_subject.endswith(" s-2")


def test_another_provider_takes_the_links_over_by_address(court: Court) -> None:
    court.account()
    court.house.do("UPDATE console_user SET oidc_subject = 'https://before.example s-1'")
    who = court.person()
    who.sign_on()
    assert who.signed_in and court.row().oidc_subject == f"{court.openid.url} s-1"


def test_somebody_turns_back_at_the_provider(court: Court) -> None:
    who = court.person()
    state = parse_qs(urlsplit(who.leave()).query)["state"][0]
    who.get(f"/console/sign-in/sso/answer?error=access_denied&error_description=%3Cb%3E&state={state}")
    assert "turned back" in court.turned_away(who, "denied")


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic", "client_secret_post"]])
def test_the_secret_goes_as_the_provider_wants_it(court: Court, methods: list[str]) -> None:
    court.account()
    court.openid.documents = {"token_endpoint_auth_methods_supported": methods}
    who = court.person()
    who.sign_on()
    assert who.signed_in and ("client_secret" in court.openid.posted) == (len(methods) == 1)


def test_a_wrong_secret_is_for_an_admin_to_mend_and_stands_nowhere(made: Made) -> None:
    court = made(oidc_client_secret="not-the-secret")
    court.account()
    who = court.person()
    who.sign_on()
    court.turned_away(who, "odd")
    assert "invalid_client" in str(court.logs) and "not-the-secret" not in str(court.logs)


def test_a_client_without_a_secret_is_held_by_pkce(made: Made) -> None:
    court = made(oidc_client_secret=None)
    court.account()
    court.openid.secret = ""
    who = court.person()
    who.sign_on()
    assert who.signed_in and court.openid.posted["client_id"] == CLIENT


def test_secrets_are_in_no_log_page_address_or_table(court: Court) -> None:
    court.account()
    who = court.person()
    leaving = who.leave()
    cookie = who.cookies["storelink_sign_on"]
    back = who.return_from(leaving)
    answer = who.get(back)
    code = parse_qs(urlsplit(back).query)["code"][0]
    verifier = court.openid.posted["code_verifier"]
    tables = "".join(str(court.house.rows(f"SELECT t::text FROM {one} t")) for one in TABLES.split(", "))
    shown = [leaving, answer.headers["location"], who.get("/console/overview").text, tables, str(court.logs)]
    for secret in (SECRET, cookie, verifier, f"at-{code}"):
        assert not [one for one in shown if secret in one]
    assert SECRET not in repr(provider.provider_of(Settings(oidc_issuer="https://id.example",
                              oidc_client_id=CLIENT, oidc_client_secret=SECRET)))  # fmt: skip


def test_failures_count_by_address_and_close_the_door_for_a_while(court: Court) -> None:
    who = court.person()
    who.sign_on()
    court.turned_away(who, "unknown")
    assert court.house.rows("SELECT key FROM sign_in_failure") == [("from:127.0.0.1",)]
    with court.house.database.session() as session:
        for _ in range(browser.BY_ADDRESS - 1):
            browser.note_try(session, None, "127.0.0.1")
        session.commit()
    who.get("/console/sign-in/sso")
    assert "Wait 15 min" in court.turned_away(who, "many")


def test_nobody_leaves_for_the_provider_without_end(court: Court) -> None:
    for _ in range(oidc.EACH_MINUTE.amount):
        oidc.WINDOWS.hit(oidc.EACH_MINUTE, "127.0.0.1")
    who = court.person()
    who.get("/console/sign-in/sso")
    court.turned_away(who, "many")
    assert court.openid.asked == [] and court.house.one("SELECT count(*) FROM sign_in_attempt") == 0


def test_signing_out_ends_our_session_and_offers_to_end_theirs(court: Court) -> None:
    court.account()
    who = court.person()
    who.sign_on()
    answer = who.post("/console/sign-out", form_key=browser.form_key(who.cookies[COOKIE]))
    assert answer.headers["location"] == "/console/sign-in?sso=left" and not who.signed_in
    page = who.get("/console/sign-in?sso=left").text
    assert "You are signed out of storelink." in page and 'href="/console/sign-out/sso"' in page
    there = urlsplit(who.get("/console/sign-out/sso").headers["location"])
    assert there.path == "/end" and parse_qs(there.query) == {
        "client_id": [CLIENT], "post_logout_redirect_uri": [f"{court.house.url}/console/sign-in"]
    }  # fmt: skip


def test_where_the_provider_has_no_end_signing_out_is_as_ever(court: Court) -> None:
    court.account(password=PASSWORD)
    court.openid.documents = {"end_session_endpoint": None}
    who = court.person()
    who.sign_on()
    answer = who.post("/console/sign-out", form_key=browser.form_key(who.cookies[COOKIE]))
    assert answer.headers["location"] == "/console/sign-in"
    who.post("/console/sign-in", name="ines@shop.example", password=PASSWORD)
    assert who.signed_in
    court.openid.documents = {}
    answer = who.post("/console/sign-out", form_key=browser.form_key(who.cookies[COOKIE]))
    assert answer.headers["location"] == "/console/sign-in", "she did not come through it"


def test_passwords_can_be_switched_off_and_a_link_lets_in_once(made: Made) -> None:
    court = made(passwords=False)
    court.account(password=PASSWORD)
    who = court.person()
    page = who.get("/console/sign-in").text
    assert 'name="password"' not in page and "Sign in with Northpeak" in page
    refused = who.post("/console/sign-in", name="ines@shop.example", password=PASSWORD)
    assert refused.status_code == 403 and not who.signed_in
    with court.house.database.session() as session:
        link = person.invite(session, person.find(session, "ines@shop.example"))
        session.commit()
    assert 'name="password"' not in who.get(f"/console/welcome?key={link}").text and not who.signed_in
    who.post("/console/welcome", key=link)
    assert who.signed_in
    assert court.person().post("/console/welcome", key=link).status_code == 404
    assert "password" not in court.person().get("/console/sign-in?sso=away").text


@pytest.mark.parametrize(
    ("given", "words"),
    [({"oidc_issuer": "http://id.example", "oidc_client_id": "x"}, "https://"),
     ({"oidc_issuer": "https://id.example/?a=1", "oidc_client_id": "x"}, "https://"),
     ({"oidc_issuer": "https://u:p@id.example", "oidc_client_id": "x"}, "https://"),
     ({"oidc_issuer": "id.example", "oidc_client_id": "x"}, "https://"),
     ({"oidc_issuer": "https://id.example"}, "STORELINK_OIDC_CLIENT_ID"),
     ({"passwords": False}, "nobody could sign in")],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused_at_the_start(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        provider.provider_of(Settings(**given))


@pytest.mark.parametrize("given", ["admins=boss", "=admin", "@=admin", "admin"])
def test_rules_that_make_no_sense_are_refused(given: str) -> None:
    with pytest.raises(Misconfigured, match="STORELINK_OIDC_ROLES"):
        sign_on.read_rules(given)


def test_rules_may_hold_commas_and_signs(court: Court) -> None:
    rules = sign_on.read_rules(" cn=ops,dc=shop=ops ; @Shop.example=reader;")
    assert rules.rules == (("cn=ops,dc=shop", "ops"), ("@Shop.example", "reader"))
    ines = provider.Identity("i", "s", "ines@shop.example", "", ("others",))
    assert rules.role_of(ines) == "reader" and sign_on.read_rules(None).role_of(ines) is None


def test_without_single_sign_on_there_is_nothing_of_it(made: Made) -> None:
    court = made(oidc_issuer=None)
    who = court.person()
    assert "Sign in with" not in who.get("/console/sign-in?sso=away").text
    for place in (
        "/console/sign-in/sso",
        "/console/sign-in/sso/answer?code=1&state=2",
        "/console/sign-out/sso",
    ):
        assert who.get(place).status_code == 404
    assert 'role="alert"' not in who.get("/console/sign-in?sso=away").text
