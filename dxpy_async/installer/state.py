"""State records: small files by which the next run sees that nothing has changed.

One is in an environment and says what the last sync depended on: facts (options, versions, digests, as text) and
files, each with the stamp it had. When all of them are the same, the environment is as that sync left it. Anything
else, a file that cannot be read or a doubt included, means only that the next run has to look properly.

Another is in the cache, for each project whose lock was found up to date, and says the same of that (`lock_record`).

*A file that changes twice within one tick of its clock keeps its stamp.* As in git's index, a stamp is therefore only
worth something when the file was at rest for a tick before the stamp was taken; see `take_stamps` and `write_state`.

This module decides how fast `nothing changed` is said, so it imports nothing that a bare interpreter has not loaded.
"""

from __future__ import annotations

import os
import time

STATE_NAME = "dxpy-state"
LINK_MARK = "dxpy-links"
"""The file that is in an environment while it may have symbolic links into the store."""

LOCK_RECORDS = "locks-v1"
"""The cache's bucket of records about locks."""

_FIRST_LINE = "dxpy-state 1"
_MOST_BYTES = 1024 * 1024
_PRIME = 2**61 - 1
_FINE_TICK_NS = 10_000_000
"""Kernels advance file times every 1 to 10 ms."""
_COARSE_TICK_NS = 2_000_000_000
"""What FAT needs, and more than file systems that count whole seconds need."""
_SET_ASIDE_NS = 1_000_000_000
MOST_HELD = 8
"""How many requests one record remembers."""
NO_REQUEST = "\0"
"""What an environment holds exactly, when somebody added to what was asked for."""
_UNSURE = "?"
"""A stamp that is never equal to any."""
_MISSING = "-"


def take_stamps(paths: list[str], now_ns: int) -> dict[str, str]:
    """The stamps of files as they are now, to be taken *before* they are read and given to `write_state` afterwards.

    `now_ns` is the wall clock. A file that changed within the last tick gets a stamp that never matches.
    """
    return {path: _stamp(path, now_ns) for path in paths}


def record_environment(
    env_dir: str,
    facts: dict[str, str],
    files: list[str],
    python: str,
    sites: list[str],
    count: int,
    stamps: dict[str, str],
) -> bool:
    """Record an environment that follows from `facts` and `files`, which had `stamps` when they were read.

    `python` is its interpreter, `sites` are its site directories.
    """
    for site in sites:
        try:
            # The first import of a top-level module makes this directory; made now, that is no change later.
            os.makedirs(f"{site}{os.sep}__pycache__", exist_ok=True)
            _set_aside(site)
        except OSError:
            continue  # then `write_state` waits until the clock has moved on
    watched = [*files, f"{env_dir}{os.sep}pyvenv.cfg", python, *sites]
    return write_state(env_dir, facts, watched, count, stamps)


def _set_aside(directory: str) -> None:
    """Give a directory a time of change at which it surely was not changed: any later change shows at once.

    Without that the record would have to wait for the next tick of the clock, 10 ms.
    """
    facts = os.stat(directory)
    os.utime(directory, ns=(facts.st_atime_ns, facts.st_mtime_ns - _SET_ASIDE_NS))


def write_state(
    env_dir: str, facts: dict[str, str], watched: list[str], count: int, stamps: dict[str, str] | None = None
) -> bool:
    """Record that the environment in `env_dir` holds `count` distributions and follows from `facts` and `watched`.

    Files in `stamps` keep the stamp they had when they were read; the others are stamped here, at rest: the call waits
    some 10 ms for that when one has only just changed, as `site-packages` usually has. The environment's lock must be
    held. Gives False, with no record left, when the disk does not take it: the next run then looks properly.
    """
    target = f"{env_dir}{os.sep}{STATE_NAME}"
    beside = f"{target}.new"
    try:
        taken = dict(stamps or {})
        rest = [path for path in watched if path not in taken]
        taken.update(take_stamps(rest, _wait_for_rest(rest, beside)))
        with open(beside, "wb") as file:
            file.write(_encode(facts, {path: taken[path] for path in watched}, count))
        os.replace(beside, target)
    except OSError:
        drop_state(env_dir)
        return False
    return True


def read_state(env_dir: str) -> dict[str, object] | None:
    """The record as `{"facts": {…}, "watched": {path: stamp}, "count": n}`; None when there is none, or garbage."""
    return _read(f"{env_dir}{os.sep}{STATE_NAME}")


def unchanged(env_dir: str, facts: dict[str, str], *, exact: bool = True) -> int | None:
    """How many distributions the environment holds for `facts`, if these are the same and nothing has changed.

    None otherwise, and when it holds others besides and is to be `exact`. An environment can hold what several requests
    ask for, the fact `request`; the other facts are the same for all of them.
    """
    state = read_state(env_dir)
    if state is None:
        return None
    counts = _held(state, facts)
    request = facts.get("request", "")
    if request not in counts or (exact and request != _facts(state).get("request", "")):
        return None
    watched = state["watched"]
    return counts[request] if isinstance(watched, dict) and are_as_stamped(watched) else None


def held_requests(env_dir: str, facts: dict[str, str]) -> tuple[dict[str, int], str, dict[str, str]] | None:
    """What the environment holds as it is now, for those whose other facts are these; None when nothing is known.

    Each request with how many distributions it asks for, the one of them that is held exactly, or NO_REQUEST, and the
    stamps that this follows from. The environment's lock must be held.
    """
    state = read_state(env_dir)
    watched = state["watched"] if state is not None else None
    if state is None or not isinstance(watched, dict) or not are_as_stamped(watched):
        return None
    counts = _held(state, facts)
    return (counts, _facts(state).get("request", ""), watched) if counts else None


def facts_with_held(facts: dict[str, str], held: dict[str, int]) -> dict[str, str]:
    """`facts` of a record for an environment that holds these requests too; the newest last, of which some are kept."""
    newest = list(held.items())[-MOST_HELD:]
    return {**facts, "held": "\0".join(f"{count} {request}" for request, count in newest)} if newest else facts


def _facts(state: dict[str, object]) -> dict[str, str]:
    facts = state["facts"]
    return facts if isinstance(facts, dict) else {}


def _held(state: dict[str, object], facts: dict[str, str]) -> dict[str, int]:
    """How many distributions each request that is held asks for; none when the other facts are not the same."""
    recorded = dict(_facts(state))
    request, held = recorded.pop("request", ""), recorded.pop("held", "")
    if recorded != {name: value for name, value in facts.items() if name != "request"}:
        return {}
    counts = {}
    for entry in held.split("\0") if held else ():
        number, _, text = entry.partition(" ")
        counts[text] = int(number)
    count = state["count"]
    if request != NO_REQUEST and isinstance(count, int):
        counts[request] = count
    return counts


def lock_record(cache_dir: str, root: str) -> str:
    """The path of the record about the lock of the project in `root`; facts name the root too, should two share it."""
    return os.sep.join((cache_dir, LOCK_RECORDS, f"{_checksum(os.fsencode(root)):x}"))


def write_record(path: str, facts: dict[str, str], stamps: dict[str, str], count: int) -> None:
    """Record at `path` that `count` follows from `facts` and the files in `stamps`. Others may do so at the same time.

    Nothing is recorded when a stamp is unsure, or when the disk does not take it: the next run then looks properly.
    """
    if _UNSURE in stamps.values():
        return
    beside = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(beside, "wb") as file:
            file.write(_encode(facts, stamps, count))
        os.replace(beside, path)
    except OSError:
        try:
            os.unlink(beside)
        except OSError:
            return  # it was not even made, or the disk is beyond help; nobody reads it


def unchanged_since(path: str, facts: dict[str, str]) -> int | None:
    """The count of the record at `path`, if `facts` are the same and nothing has changed, else None."""
    state = _read(path)
    if state is None or state["facts"] != facts:
        return None
    watched, count = state["watched"], state["count"]
    if not isinstance(watched, dict) or not isinstance(count, int):
        return None
    return count if are_as_stamped(watched) else None


def are_as_stamped(stamps: dict[str, str]) -> bool:
    """Whether all these files still have the stamps that `take_stamps` gave them."""
    return all(_stamp(path, None) == stamp for path, stamp in stamps.items())


def _read(path: str) -> dict[str, object] | None:
    try:
        with open(path, "rb") as file:
            return _decode(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None


def drop_state(env_dir: str) -> None:
    """Forget the record: done before anything in the environment is changed."""
    try:
        os.unlink(f"{env_dir}{os.sep}{STATE_NAME}")
    except (FileNotFoundError, NotADirectoryError):
        return


def _stamp(path: str, now_ns: int | None) -> str:
    """Size, times and inode of a file; with `now_ns`, unsure when it changed within a tick of that."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return _MISSING
    newest = _changed_ns(facts)
    if now_ns is not None and newest + _tick(newest) > now_ns:
        return _UNSURE
    return f"{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}:{facts.st_ino}"


def _tick(time_ns: int) -> int:
    return _FINE_TICK_NS if time_ns % 1_000_000_000 else _COARSE_TICK_NS


def _wait_for_rest(paths: list[str], clock: str) -> int:
    """Wait until no file has changed within the last tick, but not much longer than one; gives the time it is then."""
    newest = max((_newest(path) for path in paths), default=0)
    now_ns = _file_clock(clock)
    for _ in range(5):  # the clock of files itself moves in ticks, and may be a tick behind
        if not now_ns - _FINE_TICK_NS < newest < now_ns + _FINE_TICK_NS:
            break
        time.sleep((newest + _FINE_TICK_NS - now_ns) / 1e9)
        now_ns = _file_clock(clock)
    return now_ns


def _newest(path: str) -> int:
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return 0
    return _changed_ns(facts)


def _changed_ns(facts: os.stat_result) -> int:
    """After when a change would show. Whatever comes into a directory, or goes, sets its first time to the clock's."""
    is_directory = facts.st_mode & 0o170_000 == 0o040_000
    return facts.st_mtime_ns if is_directory else max(facts.st_mtime_ns, facts.st_ctime_ns)


def _file_clock(path: str) -> int:
    """What time it is for the file system of `path`, which is created or overwritten: clocks of servers differ."""
    with open(path, "wb") as file:
        file.write(b"\n")
        file.flush()
        return os.fstat(file.fileno()).st_mtime_ns


def _encode(facts: dict[str, str], watched: dict[str, str], count: int) -> bytes:
    lines = [_FIRST_LINE, str(count), str(len(facts))]
    for name, value in facts.items():
        lines += [_escape(name), _escape(value)]
    for path, stamp in watched.items():
        lines += [_escape(path), stamp]
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    return body + b"%d\n" % _checksum(body)


def _decode(data: bytes) -> dict[str, object] | None:
    end = data.rfind(b"\n", 0, -1) + 1
    body, checksum = data[:end], data[end:]
    if not body or checksum != b"%d\n" % _checksum(body):
        return None
    first, count, facts_count, *rest = body.decode("utf-8", "surrogateescape").split("\n")[:-1]
    split = 2 * int(facts_count)
    if first != _FIRST_LINE or len(rest) % 2 or not 0 <= split <= len(rest):
        return None
    names, values = rest[:split:2], rest[1:split:2]
    paths, stamps = rest[split::2], rest[split + 1 :: 2]
    return {
        "facts": {_unescape(name): _unescape(value) for name, value in zip(names, values, strict=True)},
        "watched": {_unescape(path): stamp for path, stamp in zip(paths, stamps, strict=True)},
        "count": int(count),
    }


def _checksum(body: bytes) -> int:
    """Tells a damaged record; loading `zlib` for its crc32 would cost more than the whole answer."""
    return int.from_bytes(body, "little") % _PRIME


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A")


def _unescape(text: str) -> str:
    return text.replace("%0A", "\n").replace("%25", "%")
