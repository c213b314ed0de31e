"""A lock as `requirements.txt`: every release pinned, with the hashes of all its files, for pip and whoever reads that.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

from collections.abc import Collection

from dxpy_async.core.excerpts import excerpt
from dxpy_async.core.locks import Lock
from dxpy_async.formats.pinned_requirements import PinStyle, write_pins

PLAIN = PinStyle(hashes=True, markers=True, annotated=False)


def write_requirements(
    lock: Lock, *, extras: Collection[str] = (), groups: Collection[str] = (), style: PinStyle = PLAIN
) -> str:
    """The text of `requirements.txt` for what the project needs with these of its extras and dependency groups.

    It is for the environment that the lock was made for; a release that only requirements with markers ask for has
    those markers. Without a header in `style` it says what it was made from. Raises ProjectError for an extra or group
    that the lock does not know, and LockError for a release that has no hash though hashes are wanted.
    """
    wanted = excerpt(lock, extras=extras, groups=groups)
    asked_by = {each.name: (lock.project,) if lock.project else () for each in wanted.roots.requirements}
    return write_pins(wanted, asked_by, style)


def header_of(lock: Lock) -> tuple[str, ...]:
    """What the first lines say: what the file was made from, and for which Python."""
    python = (f"for Python {lock.requires_python}",) if lock.requires_python else ()
    return (f"made by dxpy from the lock{f' of {lock.project}' if lock.project else ''}", *python)
