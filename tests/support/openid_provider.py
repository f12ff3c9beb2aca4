"""A small OpenID provider on a socket: discovery, authorize, token, JWKS, userinfo, end of session.

It does what the standard says (code once, PKCE, redirect URI, client secret); a test may bend one thing.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import RSAKey

CLIENT, SECRET = "storelink", "s3cret/of+the client~"

KEYS = [RSAKey.generate_key(2048, {"kid": f"key-{number}", "use": "sig"}) for number in range(2)]
"""Made once: an RSA key costs tenths of a second."""


@dataclass
class OpenId:
    """The provider. `person` is who signs in there next; the hooks bend what it does."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEYS[0])
    published: list[Any] = field(default_factory=lambda: [KEYS[0]])
    algorithm: str = "RS256"
    bend: Callable[[dict[str, Any]], Any] = lambda claims: None
    """Changes the claims of the next ID tokens in place."""
    header: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    """What the discovery document says otherwise; None takes a line out."""
    thin: bool = False
    """E-mail, name and groups come from the userinfo endpoint alone."""
    told: dict[str, Any] = field(default_factory=dict)
    """What the userinfo endpoint says otherwise."""
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    """By path: what is done in place of an answer."""
    iss: str | None = None
    """The issuer that the answer names."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Paths, in the order in which they were asked."""
    posted: dict[str, str] = field(default_factory=dict)
    secret: str = SECRET

    def authorize(self, query: dict[str, str]) -> str:
        """What a browser is led to once the person has signed in."""
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT and "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        more = {} if self.iss is None else {"iss": self.iss}
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], **more})}"

    def token(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        self.posted = form
        if authorization is not None:
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            known = [unquote(one) for one in pair.split(":")] == [CLIENT, self.secret]
        else:
            known = (form.get("client_id"), form.get("client_secret", "")) == (CLIENT, self.secret)
        if not known:
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = packed(digest)
        if asked is None or proof != asked["code_challenge"] or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "at-" + form["code"], "token_type": "Bearer", "expires_in": 60,
                     "id_token": self.id_token(asked["nonce"])}  # fmt: skip

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        claims |= {"sub": self.person.get("sub", "")} if self.thin else self.person
        self.bend(claims)
        header = {"alg": self.algorithm, "kid": self.key.kid, **self.header}
        return signed({name: one for name, one in header.items() if one is not None}, claims, self.key)

    def discovery(self) -> dict[str, Any]:
        said = {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo", "end_session_endpoint": f"{self.url}/end",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        } | self.documents  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def answer(self, handler: BaseHTTPRequestHandler, method: str) -> None:
        parts = urlsplit(handler.path)
        self.asked.append(parts.path)
        length = int(handler.headers.get("Content-Length") or 0)
        form = {name: held[0] for name, held in parse_qs(handler.rfile.read(length).decode()).items()}
        query = {name: held[0] for name, held in parse_qs(parts.query).items()}
        if parts.path in self.answers:
            self.answers[parts.path](handler)
        elif parts.path == "/.well-known/openid-configuration":
            send(handler, 200, self.discovery())
        elif parts.path == "/keys":
            send(handler, 200, {"keys": [key.as_dict(private=False) for key in self.published]})
        elif parts.path == "/token" and method == "POST":
            send(handler, *self.token(form, handler.headers.get("Authorization")))
        elif parts.path == "/userinfo" and handler.headers.get("Authorization", "").startswith("Bearer at-"):
            send(handler, 200, self.person | self.told)
        elif parts.path == "/authorize":
            handler.send_response(303)
            handler.send_header("Location", self.authorize(query))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            send(handler, 404, {"error": quote(parts.path)})


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    """A token by the header's algorithm; made by hand, as a library would refuse to make the false ones."""
    said = ".".join(packed(json.dumps(one).encode()) for one in (header, claims))
    if header["alg"] == "none":
        return said + "."
    if header["alg"] == "HS256":  # the public key, taken for a secret
        return f"{said}.{packed(hmac.digest(key.as_pem(private=False), said.encode(), 'sha256'))}"
    return f"{said}.{packed(key.private_key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def send(handler: BaseHTTPRequestHandler, status: int, body: Any, kind: str = "application/json") -> None:
    """An answer: JSON, or text as it is."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@contextmanager
def openid() -> Iterator[OpenId]:
    """A provider that answers."""
    made = OpenId()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self, "GET")

        def do_POST(self) -> None:
            made.answer(self, "POST")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
