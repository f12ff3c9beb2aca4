"""The provider of single sign-on: OpenID Connect, authorization code with PKCE.

What it publishes of itself (OpenID Connect Discovery 1.0) and its keys are kept for an hour; a token signed
with a key that is not among them has them fetched once more. A provider that does not answer is left alone
for some seconds, so that people who knock meanwhile do not wait each.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from storelink.access.asking import NotSignedOn, Reply, What, ask
from storelink.access.attempt import Attempt
from storelink.access.id_token import Expected, OtherKeys, checked, keys_of
from storelink.config import Settings
from storelink.errors import Misconfigured
from storelink.sync.entry import is_this_machine

KEPT = 3600.0
"""Seconds for which what the provider publishes is taken to be so."""
REST = 3.0
"""Seconds for which a provider that did not answer is not asked again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says somebody is. `email` is lower case, and None unless it is verified."""

    issuer: str
    subject: str
    email: str | None
    full_name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Places:
    """What the discovery document says; `iss` is whether answers name their issuer (RFC 9207)."""

    authorize: str
    token: str
    keys: str
    person: str | None
    end: str | None
    methods: tuple[str, ...]
    iss: bool


class Provider:
    """The provider that the settings name. Use from any thread."""

    def __init__(self, settings: Settings) -> None:
        """Raises `Misconfigured` for settings that cannot be meant."""
        self.issuer = _usable_issuer(settings.oidc_issuer or "")
        if not settings.oidc_client_id:
            raise Misconfigured("STORELINK_OIDC_ISSUER is set, and STORELINK_OIDC_CLIENT_ID is not.")
        self.client_id = settings.oidc_client_id
        self.title = settings.oidc_title or urlsplit(self.issuer).hostname or self.issuer
        self._secret = settings.oidc_client_secret
        self._scopes = " ".join(dict.fromkeys(["openid", *settings.oidc_scopes.split()]))
        self._groups, self._trusting = settings.oidc_groups, settings.oidc_trust_email
        self._grouped = bool(settings.oidc_roles)
        self._turn = threading.Lock()
        self._places: tuple[float, _Places] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._trouble: tuple[float, NotSignedOn] | None = None

    def __repr__(self) -> str:
        return f"Provider({self.issuer!r})"

    def leave_url(self, attempt: Attempt, back: str) -> str:
        """Where a browser goes to sign in; it returns to `back`. Raises `NotSignedOn`."""
        return str(
            prepare_grant_uri(
                self._published().authorize, self.client_id, "code", back, self._scopes, attempt.state,
                nonce=attempt.nonce, code_challenge=create_s256_code_challenge(attempt.verifier),
                code_challenge_method="S256",
            )
        )  # fmt: skip

    def sign_out_url(self, back: str) -> str | None:
        """Where the provider signs people out too (RP-Initiated Logout 1.0); None if it does not."""
        end = self._published().end
        if end is None:
            return None
        return str(
            add_params_to_uri(end, [("client_id", self.client_id), ("post_logout_redirect_uri", back)])
        )

    def redeem(self, attempt: Attempt, back: str, code: str, iss: str | None) -> Identity:
        """Who came back with this code. Raises `NotSignedOn`."""
        places = self._published()
        if iss != self.issuer and (iss is not None or places.iss):
            raise NotSignedOn("refused", "the answer names another issuer, or none")
        token, access = self._exchange(places, attempt, back, code)
        expected = Expected(self.issuer, self.client_id, attempt.nonce)
        try:
            claims = checked(token, self._known_keys(places), expected, access)
        except OtherKeys:
            try:
                claims = checked(token, self._fresh_keys(places), expected, access)
            except OtherKeys as error:
                words = f"the ID token is signed with no key of the provider ({error})"
                raise NotSignedOn("refused", words) from None
        return self._identity(self._more(places, claims, access))

    def _exchange(self, places: _Places, attempt: Attempt, back: str, code: str) -> tuple[str, str]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back,
                "code_verifier": attempt.verifier}  # fmt: skip
        headers: dict[str, str] = {}
        if self._secret is None:
            form["client_id"] = self.client_id
        elif "client_secret_basic" in places.methods or "client_secret_post" not in places.methods:
            # RFC 6749, 2.3.1: both are quoted as in a form, then joined
            known = ClientAuth(
                quote(self.client_id, safe=""), quote(self._secret.get_secret_value(), safe="")
            )
            known.prepare("POST", places.token, headers, "")
        else:
            form |= {"client_id": self.client_id, "client_secret": self._secret.get_secret_value()}
        reply = ask(places.token, form=form, headers=headers)
        if reply.status != 200 or reply.data is None:
            raise _not_exchanged(reply)
        token, access = reply.data.get("id_token"), reply.data.get("access_token")
        if not isinstance(token, str):
            raise NotSignedOn("odd", "the token endpoint gives no ID token")
        return token, access if isinstance(access, str) else ""

    def _more(self, places: _Places, claims: dict[str, Any], access: str) -> dict[str, Any]:
        """The claims, with what only the userinfo endpoint tells. An ID token's own word counts more."""
        lacks = "email" not in claims or (self._grouped and _inside(claims, self._groups) is None)
        if not lacks or places.person is None or not access:
            return claims
        reply = ask(places.person, headers={"Authorization": f"Bearer {access}"})
        if reply.status != 200 or reply.data is None:
            raise NotSignedOn("odd", f"the userinfo endpoint answered {reply.status} and no JSON object")
        if reply.data.get("sub") != claims["sub"]:
            raise NotSignedOn("refused", "the userinfo endpoint speaks of somebody else")
        told = reply.data
        if "email" in claims:  # an address and whether it is verified belong together
            told = {name: told[name] for name in told if name != "email_verified"}
        return {**told, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        email, verified = claims.get("email"), claims.get("email_verified", self._trusting)
        usable = isinstance(email, str) and email.isascii() and "@" in email and verified in (True, "true")
        name = claims.get("name")
        groups = _inside(claims, self._groups)
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return Identity(
            self.issuer, claims["sub"],
            str(email).strip().lower() if usable else None,
            "".join(one for one in name if one.isprintable())[:100].strip() if isinstance(name, str) else "",
            tuple(one for one in listed if isinstance(one, str)),
        )  # fmt: skip

    # -- what it publishes -----------------------------------------------------------------------------

    def _published(self) -> _Places:
        with self._turn:
            if self._places is None or self._places[0] < time.monotonic():
                self._places = (time.monotonic() + KEPT, self._rested(self._discover))
            return self._places[1]

    def _known_keys(self, places: _Places) -> KeySet:
        with self._turn:
            if self._keys is not None and self._keys[0] > time.monotonic():
                return self._keys[1]
        return self._fresh_keys(places)

    def _fresh_keys(self, places: _Places) -> KeySet:
        with self._turn:
            reply = self._rested(lambda: ask(places.keys))
            keys = keys_of(reply.data or {})
            if reply.status != 200 or not keys:
                raise NotSignedOn("odd", f"the provider's keys cannot be read (status {reply.status})")
            self._keys = (time.monotonic() + KEPT, keys)
            return keys

    def _rested(self, fetch: Any) -> Any:
        """What `fetch` brings, unless the provider did not answer a moment ago. Under the lock."""
        if self._trouble is not None and self._trouble[0] > time.monotonic():
            raise NotSignedOn(self._trouble[1].what, str(self._trouble[1]))
        try:
            found = fetch()
        except NotSignedOn as error:
            self._trouble = (time.monotonic() + REST, error)
            raise
        self._trouble = None
        return found

    def _discover(self) -> _Places:
        place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        reply = ask(place)
        told = reply.data
        if reply.status != 200 or told is None:
            raise NotSignedOn("odd", f"{place} answered {reply.status} and no discovery document")
        if told.get("issuer") != self.issuer:
            words = f"{place} calls its issuer {str(told.get('issuer'))[:200]!r}, not {self.issuer!r}"
            raise NotSignedOn("odd", f"{words}; STORELINK_OIDC_ISSUER must be written exactly so")
        methods = told.get("token_endpoint_auth_methods_supported")
        return _Places(
            self._place(told, "authorization_endpoint"), self._place(told, "token_endpoint"),
            self._place(told, "jwks_uri"), self._maybe(told, "userinfo_endpoint"),
            self._maybe(told, "end_session_endpoint"),
            tuple(str(one) for one in methods) if isinstance(methods, list) else ("client_secret_basic",),
            told.get("authorization_response_iss_parameter_supported") is True,
        )  # fmt: skip

    def _place(self, told: Mapping[str, Any], name: str) -> str:
        place = told.get(name)
        if not isinstance(place, str) or not _is_address(place, self.issuer):
            raise NotSignedOn("odd", f"the discovery document has no usable {name}")
        return place

    def _maybe(self, told: Mapping[str, Any], name: str) -> str | None:
        return None if told.get(name) is None else self._place(told, name)


def provider_of(settings: Settings) -> Provider | None:
    """The provider; None where there is no single sign-on. Raises `Misconfigured`."""
    if settings.oidc_issuer is None:
        if not settings.passwords:
            raise Misconfigured(
                "STORELINK_PASSWORDS is off and STORELINK_OIDC_ISSUER is not set: nobody could sign in."
            )
        return None
    return Provider(settings)


def _usable_issuer(issuer: str) -> str:
    if not _is_address(issuer, issuer) or urlsplit(issuer).query:
        raise Misconfigured(
            "STORELINK_OIDC_ISSUER must be an https:// address without ? and #, as the provider writes it."
        )
    return issuer


def _is_address(place: str, issuer: str) -> bool:
    """An https address; plain http only if the issuer is on this machine."""
    try:
        parts, home = urlsplit(place), urlsplit(issuer)
        _ = parts.port, home.port
    except ValueError:
        return False
    local = home.scheme == "http" and is_this_machine(home.hostname or "")
    usable = parts.scheme == "https" or (local and parts.scheme == "http")
    plain = place.isascii() and place.isprintable() and " " not in place
    return usable and plain and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment


def _inside(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by names with dots between them."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _not_exchanged(reply: Reply) -> NotSignedOn:
    said = str((reply.data or {}).get("error", ""))[:60]
    code = said if said.replace("_", "").isalnum() else "no reason that can be read"
    what: What = "refused" if code == "invalid_grant" else "odd"
    return NotSignedOn(what, f"the token endpoint answered {reply.status}: {code}")
