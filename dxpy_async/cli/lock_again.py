"""`dxpy lock` where the lock is missing and memory knows it: answered from some `stat`s and the first bytes of pages.

`lock_warm` notes what is asked (`note_question`): by which text of pyproject.toml, interpreters and variables, and
under which key the answer is remembered. While those are the same, so is the question, in whatever directory. Any doubt
goes to the full program.

    hints-v1/noted/<digest>     a state record; its number is context, index and key, one after the other
"""

from __future__ import annotations

import os
import time

from blake3 import blake3

from dxpy_async.cli import quick
from dxpy_async.core.places import ENVIRONMENT_NAME, LOCK_NAME
from dxpy_async.errors import FormatError
from dxpy_async.formats.remembered import BUCKET, Remembered, decode_remembered, remembered_path
from dxpy_async.index.freshness import is_fresh, kept_page
from dxpy_async.installer.state import unchanged_since, write_record
from dxpy_async.project.config_places import SETTINGS_NAME
from dxpy_async.project.pin_files import NAMES
from dxpy_async.project.replacing import replace_file

_SIZES = (8, 16, 32)
"""Bytes of the context of a question, of the name that the cache has for the index, and of the key of the question."""
_NAME_BYTES = 16


_SAYING_HOW = ("DXPY_OFFLINE", "DXPY_LOCKED", "DXPY_NO_CACHE")
"""Variables by which a lock that is missing is another matter."""


def note_question(cache_dir: str, project_text: bytes, stamps: dict[str, str], *names: str) -> None:
    """Note what a project without lock and environment asks: context, index and key, as hexadecimal digits.

    That follows from the text of its pyproject.toml, from the files in `stamps`, and from the variables.
    """
    path, facts = _note(cache_dir, project_text)
    write_record(path, facts, stamps, int("".join(names), 16))


def answer() -> int | None:
    """Write the lock that is missing and give the exit code; None when the full program must."""
    started = time.perf_counter()
    place = quick.lock_place()
    if place is None or quick.chosen_environment() or any(os.environ.get(name) for name in _SAYING_HOW):
        return None
    root, cache_dir = place
    if quick.may_be_member(root):
        return None
    if any(os.path.lexists(f"{root}/{name}") for name in (LOCK_NAME, ENVIRONMENT_NAME, SETTINGS_NAME, *NAMES)):
        return None
    try:
        with open(f"{root}/pyproject.toml", "rb") as file:
            number = unchanged_since(*_note(cache_dir, file.read()))
        remembered = _recall(cache_dir, number) if number is not None else None
        if remembered is None:
            return None
        replace_file(f"{root}/{LOCK_NAME}", remembered.answer)
    except (OSError, OverflowError):  # the full program meets it too and says what it means; a note of another form
        return None
    return quick.say("Resolved", remembered.packages, started)


def _note(cache_dir: str, project_text: bytes) -> tuple[str, dict[str, str]]:
    """Where the note about a project lies, and the facts in it."""
    facts = quick.lock_facts(blake3(project_text).hexdigest(), os.environ)
    digest = blake3("\0".join(facts.values()).encode("utf-8", "surrogateescape")).hexdigest(_NAME_BYTES)
    return f"{cache_dir}/{BUCKET}/noted/{digest}", facts


def _recall(cache_dir: str, number: int) -> Remembered | None:
    """The answer that was noted as `number`, if it certainly holds and there is nothing more to say."""
    context, index, key = _parts(number)
    path = remembered_path(cache_dir, context.hex(), key)
    try:
        with open(path, "rb") as file:
            remembered = decode_remembered(file.read(), path)
        os.utime(path)
    except (FileNotFoundError, FormatError):
        return None
    if remembered.key != key or remembered.warnings or remembered.archives:
        return None
    now, pages = time.time(), f"{cache_dir}/pages-v1/{index.hex()}"
    for seen in remembered.pages:
        kept = kept_page(f"{pages}/{seen.project}") if seen.place == 0 else None
        if kept is None or kept.identity != seen.identity or not is_fresh(kept.validated_at, kept.lifetime, now):
            return None
    return remembered


def _parts(number: int) -> list[bytes]:
    data, parts = number.to_bytes(sum(_SIZES), "big"), []
    for size in _SIZES:
        parts.append(data[:size])
        data = data[size:]
    return parts
