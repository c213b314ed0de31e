"""What the rungs of `dxpy lock` share: from its flags to values, and what moved since the last lock."""

from __future__ import annotations

import argparse
import gc

from dxpy_async.cli.context import wanted_target
from dxpy_async.cli.output import Output
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import normalize
from dxpy_async.core.pins import WantedPin, pins_of
from dxpy_async.engine.locking import LockOptions

_WITHOUT_A_SAY = ("command", "check", "color", "directory", "no_progress", "offline", "project", "quiet", "verbose")


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
        upgrade_projects=tuple(map(normalize, arguments.upgrade_package)),
        check=arguments.check,
        dry_run=arguments.dry_run,
        pins=pins,
        anew=anew,
        target=wanted_target(arguments),
    )


def say_differences(earlier: Lock | None, now: Lock, output: Output) -> None:
    """What moved since the last lock; a first lock has nothing to tell that its summary line did not."""
    if earlier is None:
        return
    before = {name: str(version) for name, version in pins_of(earlier).items()}
    after = {name: str(version) for name, version in pins_of(now).items()}
    for name in sorted(before.keys() | after.keys()):
        match before.get(name), after.get(name):
            case None, str(added):
                output.say(f"Added {name} v{added}")
            case str(removed), None:
                output.say(f"Removed {name} v{removed}")
            case was, becomes if was != becomes:
                output.say(f"Updated {name} v{was} -> v{becomes}")
            case _:
                pass
