"""The private PostgreSQL that storelink runs where no other is named."""

from storelink.embedded.server import Server, connect, running

__all__ = ["Server", "connect", "running"]
