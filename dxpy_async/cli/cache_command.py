"""`dxpy cache`: look at the store, check it, clean it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output, count
from dxpy_async.core.names import normalize
from dxpy_async.core.quantities import parse_size, readable_size
from dxpy_async.core.upload_limits import InvalidUploadLimit, parse_upload_limit
from dxpy_async.errors import UsageError
from dxpy_async.store.store import Store
from dxpy_async.store.upkeep import Entry, Removed, Upkeep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import (
        CacheEntry,
        CacheListDocument,
        CacheRemovalDocument,
        CacheSizeDocument,
        CacheVerifyDocument,
        Files,
    )

DEFAULT_AGE = "30d"
"""What `gc` removes when it is not told what."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    with settings_of(arguments, None) as settings:
        where = settings.cache_dir
        upkeep = Upkeep(Store(where), on_wait=lambda: output.say(f"Waiting for other processes that use {where}"))
        if arguments.action == "dir":
            output.path(str(where))
        elif arguments.action == "size":
            _size(upkeep, where, output)
        elif arguments.action == "list":
            _list(upkeep.entries(), output)
        elif arguments.action == "verify":
            return _verify(upkeep, output)
        elif arguments.action == "prune":
            _say(upkeep.prune(time.time()), where, output)
        elif arguments.action == "gc":
            _collect(upkeep, where, arguments, output)
        else:
            projects = [normalize(name) for name in arguments.packages]
            _say(upkeep.clean(projects, force=arguments.force), where, output)
    return 0


def _size(upkeep: Upkeep, where: Path, output: Output) -> None:
    sizes = upkeep.sizes()
    files, total = (sum(numbers) for numbers in zip((0, 0), *sizes.values(), strict=True))
    rows = [*sizes.items(), ("in all", (files, total))]
    output.data(
        "\n".join(f"{readable_size(size):>10}  {count(number, 'file'):>14}  {what}" for what, (number, size) in rows)
    )
    buckets: dict[str, Files] = {bucket: {"files": number, "bytes": size} for bucket, (number, size) in sizes.items()}
    document: CacheSizeDocument = {
        "schema": "dxpy/cache-size/1",
        "directory": str(where),
        "files": files,
        "bytes": total,
        "buckets": buckets,
    }
    output.document(document)


def _list(entries: Sequence[Entry], output: Output) -> None:
    for entry in entries:
        output.data(f"{readable_size(entry.size):>10}  {_day(entry.used_at)}  {entry.filename}")
    document: CacheListDocument = {"schema": "dxpy/cache-list/1", "packages": list(map(_as_json, entries))}
    output.document(document)


def _as_json(entry: Entry) -> CacheEntry:
    return {
        "name": entry.project,
        "version": entry.version,
        "filename": entry.filename,
        "key": entry.key,
        "files": entry.files,
        "bytes": entry.size,
        "used_at": _day(entry.used_at),
    }


def _verify(upkeep: Upkeep, output: Output) -> int:
    checked = 0

    def counted(entry: Entry) -> None:
        nonlocal checked
        checked += 1
        output.detail(f"checked {entry.filename}")

    damages = upkeep.verify(counted)
    for damage in damages:
        output.warn(f"removed `{damage.filename}`: its file `{damage.file}` {damage.reason}; it will be fetched again")
        for holder in damage.holders:
            output.warn(f"`{holder}` links to it: `dxpy sync` there repairs it")
    output.say(f"Checked {count(checked)}: {len(damages) or 'none'} damaged")
    document: CacheVerifyDocument = {
        "schema": "dxpy/cache-verify/1",
        "checked": checked,
        "damaged": [
            {
                "filename": damage.filename,
                "file": damage.file,
                "reason": damage.reason,
                "environments": list(map(str, damage.holders)),
            }
            for damage in damages
        ],
    }
    output.document(document)
    return 1 if damages else 0


def _collect(upkeep: Upkeep, where: Path, arguments: argparse.Namespace, output: Output) -> None:
    older_than = arguments.older_than or (DEFAULT_AGE if arguments.max_size is None else None)
    age = None if older_than is None else _age(older_than)
    most = None if arguments.max_size is None else parse_size(arguments.max_size)
    removed = upkeep.collect(time.time(), unused_for=age, most=most, dry_run=arguments.dry_run)
    _say(removed, where, output, dry_run=arguments.dry_run)


def _age(text: str) -> int:
    """Seconds in what people write. Raises UsageError."""
    try:
        limit = parse_upload_limit(text)
    except InvalidUploadLimit:
        limit = None
    if limit is None or limit.moment is not None:
        raise UsageError(f"`--older-than {text}` is no length of time: write it like `30d` or `12 hours`")
    return limit.age


def _say(removed: Removed, where: Path, output: Output, *, dry_run: bool = False) -> None:
    document: CacheRemovalDocument = {
        "schema": "dxpy/cache-removal/1",
        "directory": str(where),
        "dry_run": dry_run,
        "packages": list(map(_as_json, removed.entries)),
        "files": removed.files,
        "bytes": removed.size,
    }
    output.document(document)
    would = "Would remove" if dry_run else "Removed"
    for entry in removed.entries:
        said = f"{would.lower()} {entry.filename} ({readable_size(entry.size)}, last used {_day(entry.used_at)})"
        if dry_run:
            output.say(said)
        else:
            output.detail(said)
    if not removed.files and not removed.entries:
        output.say(f"Nothing to clean at {where}")
        return
    packages = f"{count(len(removed.entries))}, " if removed.entries else ""
    output.say(f"{would} {packages}{count(removed.files, 'file')} ({readable_size(removed.size)}) from {where}")


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(moment))
