"""What the rungs of `dxpy lock` share: from its flags to values, and what moved since the last lock."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator, Sequence
from pathlib import Path

from dxpy_async.cli.context import upgraded_projects, wanted_target
from dxpy_async.cli.output import Output
from dxpy_async.core.locks import Lock
from dxpy_async.core.pins import WantedPin, pins_of
from dxpy_async.engine.locking import LockOptions, LockOutcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import Lock as LockPart
    from dxpy_async.cli.json_documents import PinChange

_WITHOUT_A_SAY = (
    *("command", "check", "color", "directory", "no_progress", "offline", "output_format", "project", "quiet"),
    "verbose",
)


def is_plain_lock(arguments: argparse.Namespace) -> bool:
    """Whether `dxpy lock` was given nothing that may have a say in what is locked, or in where the cache is."""
    return not any(value for name, value in vars(arguments).items() if name not in _WITHOUT_A_SAY)


def expect_no_garbage() -> None:
    """Let nobody look for garbage while a lock is made of the cache: nearly all of it is kept until the end."""
    gc.set_threshold(500_000)


def lock_options(arguments: argparse.Namespace, *, pins: tuple[WantedPin, ...] = (), anew: bool = False) -> LockOptions:
    """How to lock, by the flags; `pins` and `anew` are as in the options."""
    return LockOptions(
        upgrade=arguments.upgrade,
        upgrade_projects=upgraded_projects(arguments),
        check=arguments.check,
        dry_run=arguments.dry_run,
        pins=pins,
        anew=anew,
        target=wanted_target(arguments),
    )


def report_lock(outcome: LockOutcome, output: Output, *, earlier: Lock | None = None) -> None:
    """What locking came to; `earlier` is what to compare with, if that is not what the file had before."""
    earlier = earlier or outcome.earlier
    say_differences(earlier, outcome.lock, output)
    if output.is_json:
        output.document({"schema": "dxpy/lock/1", **lock_part(outcome, earlier=earlier)})


def report_current(path: Path, packages: int, output: Output) -> None:
    """The same of a lock that is up to date, for programs; people were told in a line."""
    output.document({"schema": "dxpy/lock/1", **_part(path, packages)})


def lock_part(outcome: LockOutcome, *, earlier: Lock | None = None) -> LockPart:
    """What locking came to, as it stands in documents."""
    changes: list[PinChange] = [
        {"name": name, "before": before, "after": after}
        for name, before, after in _differences(earlier or outcome.earlier, outcome.lock)
    ]
    return _part(outcome.path, len(outcome.lock.packages), changes, changed=outcome.changed)


def _part(path: Path, packages: int, changes: Sequence[PinChange] = (), *, changed: bool = False) -> LockPart:
    return {"lock": str(path), "changed": changed, "packages": packages, "changes": list(changes)}


def say_differences(earlier: Lock | None, now: Lock, output: Output) -> None:
    """What moved since the last lock; a first lock has nothing to tell that its summary line did not."""
    for name, before, after in _differences(earlier, now):
        if before is None:
            output.say(f"Added {name} v{after}")
        elif after is None:
            output.say(f"Removed {name} v{before}")
        else:
            output.say(f"Updated {name} v{before} -> v{after}")


def _differences(earlier: Lock | None, now: Lock) -> Iterator[tuple[str, str | None, str | None]]:
    """The projects of which `now` has another version than `earlier`, by name, with both; None where there is none."""
    if earlier is None:
        return
    before = {name: str(version) for name, version in pins_of(earlier).items()}
    after = {name: str(version) for name, version in pins_of(now).items()}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)
