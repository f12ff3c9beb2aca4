"""Downloads of bulk results: whole, whatever breaks; without a token; to safe places only."""

import re

import pytest

from storelink.errors import Misconfigured, Rejected, Retryable

FILE = b"".join(b'{"id":%d}\n' % number for number in range(20_000))
SIGNED = "/bulk/file.jsonl?X-Goog-Signature=5ecret5ecret"


class Storage:
    """Serves FILE; cuts the first `cuts` answers short; knows ranges or not."""

    def __init__(self, answer, cuts: int = 0, ranges: bool = True, tag: str | None = '"a"') -> None:
        self.answer, self.cuts, self.ranges, self.tag = answer, cuts, ranges, tag
        self.file = FILE

    def __call__(self, request):
        start, status, headers = 0, 200, {}
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if wanted and self.ranges:
            start, status = int(wanted[1]), 206
            if start >= len(self.file):
                return self.answer(b"", 416, Content_Range=f"bytes */{len(self.file)}")
            headers["Content_Range"] = f"bytes {start}-{len(self.file) - 1}/{len(self.file)}"
        whole = self.answer(self.file[start:], status, ETag=self.tag, **headers)
        if self.cuts:
            self.cuts -= 1
            return iter([whole[: 20_000 + self.cuts]])
        return whole


def fetch(client, url: str, offset: int = 0) -> bytes:
    with client.download(url, offset) as pieces:
        return b"".join(pieces)


@pytest.mark.parametrize(
    ("cuts", "ranges"), [(0, True), (1, True), (5, True), (0, False), (1, False), (2, False)]
)
def test_a_download_goes_on_where_it_broke(cuts, ranges, serve, connect, answer) -> None:
    server = serve(Storage(answer, cuts, ranges))
    assert fetch(connect(server.url), server.url + SIGNED) == FILE
    assert all("x-shopify-access-token" not in request.headers for request in server.requests)
    assert all(request.target == SIGNED for request in server.requests)
    if ranges:
        assert len(server.requests) == cuts + 1


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("offset", [1, 100_000, len(FILE) - 1, len(FILE)])
def test_from_the_middle(offset, ranges, serve, connect, answer) -> None:
    server = serve(Storage(answer, ranges=ranges))
    assert fetch(connect(server.url), server.url + SIGNED, offset) == FILE[offset:]


def test_beyond_the_end_is_another_file(serve, connect, answer) -> None:
    server = serve(Storage(answer))
    with pytest.raises(Rejected) as caught:
        fetch(connect(server.url), server.url + SIGNED, len(FILE) + 1)
    assert caught.value.code == "download_changed"


def test_a_file_that_changes_meanwhile_is_not_mixed(serve, connect, answer) -> None:
    storage = Storage(answer, cuts=1)
    server = serve(storage)
    with connect(server.url).download(server.url + SIGNED) as pieces:
        next(pieces)
        storage.tag = '"b"'
        with pytest.raises(Rejected) as caught:
            list(pieces)
    assert caught.value.code == "download_changed"


def test_a_connection_that_always_breaks_is_given_up(serve, connect, answer) -> None:
    head = answer(FILE).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    server = serve(lambda _request: iter([head]))
    with pytest.raises(Retryable):
        fetch(connect(server.url), server.url + SIGNED)
    assert len(server.requests) < 10


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(400, Rejected, "download_expired"), (403, Rejected, "download_expired"), (503, Retryable, None)],
)
def test_refusals_do_not_show_the_address(status, kind, code, serve, connect, answer) -> None:
    server = serve(answer(b"<Error>ExpiredToken</Error>", status))
    with pytest.raises(kind) as caught:
        fetch(connect(server.url), server.url + SIGNED)
    assert caught.value.code == code
    assert "5ecret" not in f"{caught.value} {caught.value!r}"


def test_redirects_are_followed_to_safe_places_only(serve, connect, answer) -> None:
    storage = serve(Storage(answer))
    to_storage = serve(answer(b"", 302, Location=storage.url + SIGNED))
    client = connect(to_storage.url)
    assert fetch(client, to_storage.url + "/begin") == FILE
    astray = serve(answer(b"", 302, Location="http://storage.example/x"))
    with pytest.raises(Misconfigured, match="https only"):
        fetch(client, astray.url + "/begin")
    round_and_round = serve(lambda request: answer(b"", 302, Location=request.target))
    with pytest.raises(Misconfigured, match="redirects"):
        fetch(client, round_and_round.url + "/begin")


@pytest.mark.parametrize(
    "url", ["http://storage.example/x", "ftp://storage.example/x", "nonsense", "https://"]
)
def test_only_https_is_fetched(url: str, connect) -> None:
    with pytest.raises(Misconfigured):
        fetch(connect("http://127.0.0.1:9"), url)


def test_a_real_shop_gets_nothing_from_this_machine(serve, connect, answer) -> None:
    server = serve(Storage(answer))
    with pytest.raises(Misconfigured):
        fetch(connect("https://my-shop.myshopify.com"), server.url + SIGNED)
    assert server.requests == []
