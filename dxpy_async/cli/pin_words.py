"""The pins in another tool's lock, and what is said of them: which were kept, and what pinned nothing."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.cli.output import Output, count
from dxpy_async.core.locks import Lock
from dxpy_async.core.pins import WantedPin, choose_pins, lost_pins, pins_of
from dxpy_async.errors import LockError, UsageError
from dxpy_async.formats.foreign_locks import ForeignPins, read_pins

_MOST_NAMED = 3


def foreign_pins(file: str, output: Output) -> tuple[WantedPin, ...]:
    """The pins in `file`; what of it pins nothing is told."""
    try:
        content = Path(file).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"there is no file `{file}` to take pins from") from error
    found = read_pins(content, file=file)
    if not found.pins:
        raise LockError(f"`{file}` pins nothing")
    say_without_pins(file, found, output)
    return found.pins


def say_without_pins(file: str, found: ForeignPins, output: Output) -> None:
    """Tell what of a file pins nothing."""
    if found.left_out:
        more = f" and {len(found.left_out) - _MOST_NAMED} more" if len(found.left_out) > _MOST_NAMED else ""
        output.warn(f"not all of `{file}` pins a version; left out: {', '.join(found.left_out[:_MOST_NAMED])}{more}")


def say_what_was_kept(file: str, pins: tuple[WantedPin, ...], lock: Lock, output: Output) -> None:
    """Tell how many pins the lock kept, and which it did not."""
    chosen, locked = choose_pins(pins, lock.environment), pins_of(lock)
    kept = sum(locked.get(name) == version for name, version in chosen.items())
    unneeded = len(chosen.keys() - locked.keys())
    aside = f"; {count(unneeded, 'other')} the project does not need" if unneeded else ""
    output.say(f"Kept {kept} of {count(len(chosen), 'pin')} of `{file}`{aside}")
    for lost in lost_pins(lock, chosen):
        output.warn(f"{lost.name} {lost.version} was not kept, it is {lost.taken} now: {lost.reason}")
