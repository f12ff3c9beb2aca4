"""What was searched for, marked where it stands: any word, or its beginning, folded as the search folds."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from storelink.sync.order_words import fold


def marks(text: str | None, wanted: Sequence[str]) -> Markup:
    """The text with the beginnings of its words marked that one of `wanted` (folded) is; all else escaped."""
    found, at, out = text or "", 0, Markup("")
    done = 0
    while at < len(found):
        if found[at].isalnum() and (at == 0 or not found[at - 1].isalnum()):
            end = _reach(found, at, wanted)
            if end > at:
                out += escape(found[done:at]) + Markup("<mark>{}</mark>").format(found[at:end])
                at = done = end
                continue
        at += 1
    return out + escape(found[done:])


def _reach(text: str, start: int, wanted: Sequence[str]) -> int:
    """Where the longest of the words ends that begins here; `start` where none does."""
    best = start
    for word in wanted:
        for end in range(start + 1, min(len(text), start + len(word)) + 1):
            folded = fold(text[start:end])
            if not word.startswith(folded):
                if folded.startswith(word):  # ß at the end of it is two letters
                    best = max(best, end)
                break
            if folded == word:
                best = max(best, end)
                break
    return best
