"""What a provider says of a person: its ID token, checked as OpenID Connect Core 1.0, 3.1.3.7 has it.

Only signatures that we could not have made ourselves count: with HS256 the key would be our client secret,
and with a public key taken for a secret anybody could sign.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from storelink.access.asking import NotSignedOn

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
LEEWAY = 120
"""Seconds by which the provider's clock may be off."""
_KINDS = ("RSA", "EC", "OKP")


class OtherKeys(Exception):
    """It is signed with none of these keys; the provider may have newer ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be for: this issuer, our client, and the attempt that the nonce belongs to."""

    issuer: str
    client_id: str
    nonce: str


def keys_of(document: Mapping[str, Any]) -> KeySet:
    """The public keys for signatures of a JWK set; what is of another kind or makes no sense is left out."""
    keys: list[Key] = []
    held = document.get("keys")
    for one in held if isinstance(held, list) else ():
        if not isinstance(one, dict) or one.get("kty") not in _KINDS or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key({name: one[name] for name in one if name != "d"}))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)


def checked(token: str, keys: KeySet, expected: Expected, access_token: str) -> dict[str, Any]:
    """The claims of an ID token. Raises `OtherKeys`, and `NotSignedOn` for one that is not to be believed."""
    try:
        read = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise OtherKeys(error.error) from None
    except (JoseError, ValueError, TypeError) as error:
        raise NotSignedOn("refused", f"the ID token cannot be read ({_word(error)})") from None
    claims = CodeIDToken(
        read.claims, read.header,
        {
            "iss": {"essential": True, "value": expected.issuer},
            "sub": {"essential": True},
            "aud": {"essential": True, "value": expected.client_id},
            "exp": {"essential": True}, "iat": {"essential": True}, "nonce": {"essential": True},
        },
        {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": access_token},
    )  # fmt: skip
    try:
        claims.validate(int(time.time()), LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise NotSignedOn("refused", f"the ID token is not for this sign-in ({_word(error)})") from None
    subject = claims["sub"]
    if not subject.isprintable() or len(subject) > 255:
        raise NotSignedOn("refused", "the ID token's subject is no identifier")
    return dict(claims)


def _word(error: Exception) -> str:
    """Which check failed, without a value of the token."""
    return " ".join((getattr(error, "error", type(error).__name__), getattr(error, "claim", ""))).strip()
