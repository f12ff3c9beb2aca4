"""Around every request to the API: how large a body may be and of what kind, HEAD, and how often one asks."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storelink.web.api.problem import Problem, answer

LARGEST = 1024 * 1024
"""Bytes of a body."""
SPENT = "storelink.rate"
"""Where in the scope the rate of the caller is noted, for the headers of the answer."""


class Frame:
    """Refuses bodies before anything reads them, answers HEAD as GET does, and tells the rate."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        spent: dict[str, str] = {}
        inner = {**scope, SPENT: spent}
        if scope["method"] == "HEAD":  # the server leaves the body of the answer out
            inner["method"] = "GET"

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                rate = [(name.encode(), value.encode()) for name, value in spent.items()]
                message = {**message, "headers": [*message["headers"], *rate]}
            await send(message)

        body = _Body(receive)

        async def tell_unless_too_large(message: Message) -> None:
            if not body.too_large:
                await tell(message)

        problem = _refusal(dict(scope["headers"]))
        if problem is None:
            await self._app(inner, body.read, tell_unless_too_large)
            problem = _TOO_LARGE if body.too_large else None
        if problem is not None:
            await answer(problem)(inner, receive, tell)


class _Body:
    """What is sent, as far as it is read. Cut where it comes to be too long though nothing announced it."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left, self.too_large = receive, LARGEST, False

    async def read(self) -> Message:
        """The next part; after too many, what is no JSON, so that no route is reached."""
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        self._left -= len(message.get("body", b""))
        self.too_large = self.too_large or self._left < 0
        if self.too_large:
            return {"type": "http.request", "body": b"\0", "more_body": False}
        return message


def _refusal(headers: dict[bytes, bytes]) -> Problem | None:
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > LARGEST:
        return _TOO_LARGE
    has_body = length not in (b"", b"0") or b"transfer-encoding" in headers
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if has_body and kind != b"application/json" and not kind.endswith(b"+json"):
        words = "Send the body as JSON, with `Content-Type: application/json`."
        return Problem(415, "media_type", words, headers={"Accept": "application/json"})
    return None


_TOO_LARGE = Problem(413, "too_large", f"A body has at most {LARGEST // 1024:,} KiB.")
