"""`dxpy cache`: look at or clean the store."""

from __future__ import annotations

import argparse

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output, count
from dxpy_async.store.store import Store


def run(arguments: argparse.Namespace, output: Output) -> int:
    with settings_of(arguments, None) as settings:
        if arguments.action == "dir":
            output.data(str(settings.cache_dir))
            return 0
        files, size = Store(settings.cache_dir).clear()
    if not files:
        output.say(f"Nothing to clean at {settings.cache_dir}")
        return 0
    output.say(f"Removed {count(files, 'file')} ({readable_size(size)}) from {settings.cache_dir}")
    return 0


def readable_size(size: int) -> str:
    """Bytes as people read them: `812 B`, `3.4 MiB`."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
