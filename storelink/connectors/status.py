"""What an HTTP status means for whoever asked: a table, used by `http.py`."""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from storelink.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Row:
    """What one HTTP status means for the caller, and why, in words that complete a sentence."""

    status: int
    then: str
    """again · less · credentials · refused · setup, see `http.interpret`."""
    why: str


TABLE: tuple[Row, ...] = (
    Row(300, "setup", "the store names several addresses"),
    Row(400, "refused", "the store does not understand the request"),
    Row(401, "credentials", "the store does not accept the credentials"),
    Row(402, "setup", "the store's plan is not paid"),
    Row(403, "credentials", "the credentials do not allow this"),
    Row(404, "setup", "there is nothing at this address"),
    Row(405, "setup", "something in front of the store does not let this kind of request pass"),
    Row(406, "setup", "a firewall in front of the store refuses the request"),
    Row(407, "setup", "a proxy asks for a password"),
    Row(408, "again", "the store waited too long for the request"),
    Row(409, "refused", "the request conflicts with the state of the store"),
    Row(410, "refused", "it is gone"),
    Row(413, "less", "the request is too large for the store"),
    Row(414, "less", "the address is too long for the store: too many ids at once"),
    Row(418, "setup", "a firewall in front of the store refuses the request"),
    Row(421, "again", "the request reached the wrong server"),
    Row(422, "refused", "the store refuses the values"),
    Row(423, "again", "it is locked at the moment"),
    Row(425, "again", "the store wants it later"),
    Row(426, "setup", "the store wants another protocol"),
    Row(429, "again", "the store asks for fewer requests"),
    Row(430, "again", "the store asks for fewer requests"),
    Row(431, "less", "the request's headers are too long for the store"),
    Row(444, "again", "the store closed the connection"),
    Row(451, "setup", "the store is closed for legal reasons"),
    Row(499, "again", "something in front of the store gave up"),
    Row(500, "again", "the store failed while answering"),
    Row(501, "refused", "the store cannot do this"),
    Row(502, "again", "the store's web server got no proper answer from the store"),
    Row(503, "again", "the store is closed for the moment"),
    Row(504, "again", "the store took too long for its own web server"),
    Row(505, "setup", "the store wants another protocol"),
    Row(507, "again", "the store's disk is full"),
    Row(508, "again", "the store's host has reached its resource limit"),
    Row(509, "again", "the store's host has used up its bandwidth"),
    Row(511, "setup", "the network asks for a sign-in first"),
    Row(530, "again", "the store cannot be reached by its CDN"),
)
_BY_STATUS = {row.status: row for row in TABLE}
# by hundreds, for what the table does not name; Cloudflare's 520 … 527 are all "again"
_REST = {
    1: Row(100, "again", "the store did not finish its answer"),
    3: Row(300, "setup", "the store sends us elsewhere"),
    4: Row(400, "refused", "the store refuses the request"),
    5: Row(500, "again", "the store failed while answering"),
}


def meaning(status: int) -> Row:
    """The row for a status that is not 2xx; an unheard-of one is tried again."""
    return _BY_STATUS.get(status) or _REST.get(status // 100) or _REST[5]


def moved(base: str, path: str, location: str) -> Misconfigured:
    """A redirect. None is followed: keys must not be carried to an address nobody registered."""
    try:
        to = urlsplit(urljoin(f"{base}/{path}", location))
    except ValueError:
        return Misconfigured(f"{base} sends us to an address that is none", code="redirect")
    place = f"{to.scheme}://{to.netloc.rpartition('@')[2]}"
    there, wanted = to.path.rstrip("/"), f"/{path}".rstrip("/")
    new = place + there.removesuffix(wanted) if there.endswith(wanted) else place
    if not base.startswith(place + "/") and base != place:
        return Misconfigured(f"{base} sends us to {place}; register {new} instead", code="redirect")
    if new not in (base, place):
        return Misconfigured(f"{base} sends us to {new}; register {new} instead", code="redirect_same_host")
    return Misconfigured(
        f"{base}/{path} sends us to {place}{to.path}; storelink follows no redirects",
        code="redirect_same_host",
    )
