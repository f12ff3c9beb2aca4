"""Where a store's ids come from: one sequence for posts, others for users, items and metadata."""

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Numbers:
    """The next free ids. Products, orders and refunds share `post`, as in WordPress."""

    post: int = 13
    user: int = 0
    item: int = 100
    meta: int = 80
    item_meta: int = 1_000
    webhook: int = 0
    gaps: Random = field(default_factory=lambda: Random("gaps"))  # noqa: S311

    def next_post(self, *, gap: bool = False) -> int:
        """`gap` leaves a few ids out now and then: drafts and revisions that nobody kept."""
        self.post += 1
        if gap and self.gaps.random() < 0.15:
            self.post += int(self.gaps.random() * 6)
        return self.post

    def next_user(self) -> int:
        self.user += 1
        return self.user

    def next_item(self) -> int:
        self.item += 1
        return self.item

    def next_meta(self) -> int:
        self.meta += 1
        return self.meta

    def next_item_meta(self) -> int:
        self.item_meta += 1
        return self.item_meta
