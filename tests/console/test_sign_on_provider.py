"""Single sign-on with a provider that lies, ails, or is not what it says."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from openid_provider import CLIENT, KEYS, SECRET, OpenId, send
from ports import free_port
from sign_on_house import PASSWORD, Court, Made

from storelink.access import asking, provider


def bent(**changed: Any) -> Callable[[OpenId], None]:
    """ID tokens with other claims; None takes one out."""

    def bend(claims: dict[str, Any]) -> None:
        for name, value in changed.items():
            claims[name] = value(claims) if callable(value) else value
            if claims[name] is None:
                del claims[name]

    return lambda there: setattr(there, "bend", bend)


def by(**changed: Any) -> Callable[[OpenId], None]:
    """A provider that is otherwise than it should be."""
    return lambda there: vars(there).update(changed)


FALSE_TOKENS = {
    "another nonce": bent(nonce="chosen"), "no nonce": bent(nonce=None),
    "another audience": bent(aud="another-client"), "no audience": bent(aud=None),
    "another audience for us": bent(aud="another-client", azp=CLIENT),
    "several audiences and no party": bent(aud=[CLIENT, "another"]),
    "another party": bent(aud=[CLIENT, "another"], azp="another"), "party alone": bent(azp="another"),
    "expired": bent(exp=lambda c: c["iat"] - 200), "no expiry": bent(exp=None),
    "never": bent(exp=float("nan")),
    "of tomorrow": bent(iat=lambda c: c["iat"] + 86_400), "another issuer": bent(iss="https://evil.example"),
    "no issuer": bent(iss=None), "no subject": bent(sub=None), "a number": bent(sub=7),
    "two lines": bent(sub="a\nb"), "another access token's": bent(at_hash="AAAA"),
    "unsigned": by(algorithm="none"), "signed with the public key": by(algorithm="HS256"),
    "signed by another": by(key=KEYS[1], header={"kid": KEYS[0].kid}),
    "unknown key": by(key=KEYS[1]), "a header that must be understood": by(header={"crit": ["x"], "x": 1}),
    "a key in the header": by(key=KEYS[1], header={"kid": None, "jwk": KEYS[1].as_dict(private=False)}),
    "no token": by(id_token=lambda nonce: 7), "words": by(id_token=lambda nonce: "a.b.c"),
    "empty": by(id_token=lambda nonce: ""),
}  # fmt: skip


@pytest.mark.parametrize("case", FALSE_TOKENS)
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(court: Court, case: str) -> None:
    court.account()
    who = court.person()
    back = who.return_from(who.leave())
    FALSE_TOKENS[case](court.openid)
    who.get(back)
    court.turned_away(who, "odd" if case == "no token" else "refused")
    assert court.row().oidc_subject is None
    assert court.logs and SECRET not in str(court.logs)


def test_the_usual_token_would_have_been_good(court: Court) -> None:
    """What the cases above are told from; also with what they vary in a good form."""
    court.account()
    bent(aud=[CLIENT, "another"], azp=CLIENT)(court.openid)
    who = court.person()
    who.sign_on()
    assert who.signed_in


def test_a_new_key_is_fetched_once_when_a_token_names_it(court: Court) -> None:
    court.account()
    assert court.person().sign_on().headers["location"] == "/console/overview"
    court.openid.key, court.openid.published = KEYS[1], [KEYS[1]]
    assert court.person().sign_on().headers["location"] == "/console/overview"
    assert court.openid.asked.count("/keys") == 2
    court.house.do("DELETE FROM console_session")
    court.openid.key = KEYS[0]
    who = court.person()
    who.sign_on()
    court.turned_away(who, "refused")
    assert court.openid.asked.count("/keys") == 3


def page_of_a_proxy(handler: Any) -> None:
    send(handler, 200, "<!doctype html><h1>Welcome to the hotel's network</h1>", "text/html")


def no_answer(handler: Any) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def a_byte_now_and_then(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True


def too_much(handler: Any) -> None:
    send(handler, 200, '{"issuer": "' + "x" * asking.LARGEST + '"}')


def elsewhere(handler: Any) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/.well-known/other")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def failing(handler: Any) -> None:
    send(handler, 503, {"error": "busy"})


AILMENTS = {
    page_of_a_proxy: "odd", no_answer: "away", a_byte_now_and_then: "away", too_much: "odd", elsewhere: "odd",
    failing: "away",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("ailing", AILMENTS, ids=lambda one: one.__name__)
def test_a_provider_that_ails_is_told_of(
    court: Court, ailing: Callable[[Any], None], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    court.account()
    if ailing is a_byte_now_and_then:
        monkeypatch.setattr(asking, "PATIENCE", 0.3)
    court.openid.answers = {path: ailing}
    who = court.person()
    left = who.get("/console/sign-in/sso?next=/console/orders")
    if left.headers["location"].startswith(court.openid.url):
        assert "known" not in path
        who.get(who.return_from(left.headers["location"]))
    said = court.turned_away(who, AILMENTS[ailing])
    assert ("or sign in with your password" in said) == (AILMENTS[ailing] == "away")
    assert 'value="/console/orders"' in who.last.text, "the way back is kept"
    court.openid.answers = {}
    monkeypatch.undo()
    again = court.person()
    again.sign_on()
    assert again.signed_in


def test_passwords_go_on_where_the_provider_ails(court: Court) -> None:
    court.account(password=PASSWORD)
    court.openid.answers = {"/.well-known/openid-configuration": failing}
    who = court.person()
    who.get("/console/sign-in/sso?next=/console/orders")
    court.turned_away(who, "away")
    who.post("/console/sign-in", name="ines@shop.example", password=PASSWORD, next="/console/orders")
    assert who.last.headers["location"] == "/console/orders" and who.signed_in


def test_a_provider_that_is_not_there_is_left_alone_for_a_moment(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    court = made(oidc_issuer=f"http://127.0.0.1:{port}")
    who = court.person()
    who.get("/console/sign-in/sso")
    assert "Northpeak does not answer just now" in court.turned_away(who, "away")
    court = made()
    monkeypatch.setattr(provider, "REST", 60.0)
    court.openid.answers = {"/.well-known/openid-configuration": failing}
    for _ in range(3):
        who.get("/console/sign-in/sso")
        court.turned_away(who, "away")
    assert len(court.openid.asked) == 1


@pytest.mark.parametrize(
    "said", [{"issuer": "https://evil.example"}, {"issuer": None}, {"token_endpoint": None},
             {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "file:///etc/passwd"},
             {"token_endpoint": "http://user:word@127.0.0.1/"}, {"end_session_endpoint": 7}],
)  # fmt: skip
def test_a_discovery_document_that_makes_no_sense_is_not_followed(court: Court, said: dict[str, Any]) -> None:
    court.openid.documents = said
    who = court.person()
    who.get("/console/sign-in/sso")
    assert "log" in court.turned_away(who, "odd")
    if "issuer" in said:
        assert f"not {court.openid.url!r}" in court.logs[-1]["why"]


def test_an_answer_that_names_another_issuer_is_refused(court: Court) -> None:
    court.account()
    court.openid.iss = "https://evil.example"
    who = court.person()
    who.sign_on()
    court.turned_away(who, "refused")
    assert "/token" not in court.openid.asked, "the code went to nobody"
    court.openid.iss = court.openid.url
    who.sign_on()
    assert who.signed_in


def test_an_answer_without_its_issuer_is_refused_where_the_provider_names_it(court: Court) -> None:
    court.account()
    court.openid.documents = {"authorization_response_iss_parameter_supported": True}
    who = court.person()
    who.sign_on()
    court.turned_away(who, "refused")
