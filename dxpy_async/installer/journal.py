"""The journal of an environment's change: what has been decided, written down before the first old file is touched.

A run that finds a journal carries it out again from the start; every step of it can be done twice. Paths are relative
to the environment, names are those of things in the transaction's directory. The bytes are the fields of all steps,
each ended by a zero byte, after a first line with the version and before a last one with the CRC-32 of all that.
"""

from __future__ import annotations

import os
import zlib
from typing import NamedTuple

_FIRST = b"dxpy-journal 1\n"


class Journal(NamedTuple):
    """The decided steps, in the order in which they are done."""

    hide: tuple[tuple[str, str], ...] = ()
    """Metadata directories of what leaves, and the names under which they are put away."""
    delete: tuple[str, ...] = ()
    """Files of what leaves."""
    place: tuple[tuple[str, str], ...] = ()
    """Files whose place was taken, by name, and their place."""
    show: tuple[tuple[str, str], ...] = ()
    """Metadata directories of what comes, by name, and their place."""

    @property
    def destroys(self) -> bool:
        """Whether something that was there before goes away."""
        return bool(self.hide or self.delete or self.place)


def format_journal(journal: Journal) -> bytes:
    """The bytes that `parse_journal` reads."""
    fields: list[str] = []
    for step, pairs in (("hide", journal.hide), ("place", journal.place), ("show", journal.show)):
        for pair in pairs:
            fields += (step, *pair)
    for path in journal.delete:
        fields += ("delete", path)
    body = _FIRST + b"".join([os.fsencode(field) + b"\0" for field in fields])
    return body + _last_line(body)


def parse_journal(data: bytes) -> Journal | None:
    """The steps; None for bytes that are not a whole journal, which means that nothing was decided."""
    end = data.rfind(b"\n", 0, -1)
    body = data[: max(end, 0)]
    if not body.startswith(_FIRST) or data[end:] != _last_line(body):
        return None
    fields = iter([os.fsdecode(field) for field in body[len(_FIRST) :].split(b"\0")[:-1]])
    pairs: dict[str, list[tuple[str, str]]] = {"hide": [], "place": [], "show": []}
    delete: list[str] = []
    for step in fields:
        if step == "delete":
            delete.append(next(fields))
        else:
            pairs[step].append((next(fields), next(fields)))
    return Journal(tuple(pairs["hide"]), tuple(delete), tuple(pairs["place"]), tuple(pairs["show"]))


def _last_line(body: bytes) -> bytes:
    return b"\n%d\n" % zlib.crc32(body)
