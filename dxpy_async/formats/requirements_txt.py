"""A lock as `requirements.txt`: every release pinned, with the hashes of all its files, for pip and whoever reads that.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from dxpy_async.core.excerpts import excerpt, reach_markers
from dxpy_async.core.locked_sources import directory_of_source, git_of_source
from dxpy_async.core.locks import Lock, LockedPackage, SourceKind
from dxpy_async.errors import LockError

_ALGORITHMS = ("sha256", "sha384", "sha512")
"""What pip takes for `--hash`, preferred first."""
_HEX = re.compile(r"[0-9a-fA-F]+")


def write_requirements(
    lock: Lock, *, extras: Collection[str] = (), groups: Collection[str] = (), hashes: bool = True
) -> str:
    """The text of `requirements.txt` for what the project needs with these of its extras and dependency groups.

    It is for the environment that the lock was made for; a release that only requirements with markers ask for has
    those markers. Raises ProjectError for an extra or group that the lock does not know, and LockError for a release
    that has no hash though hashes are wanted.
    """
    wanted = excerpt(lock, extras=extras, groups=groups)
    markers = reach_markers(wanted)
    lines = [f"# made by dxpy from the lock{f' of {lock.project}' if lock.project else ''}"]
    if lock.requires_python:
        lines.append(f"# for Python {lock.requires_python}")
    for package in wanted.packages:
        if (directory := directory_of_source(package.source)) is not None and directory.is_virtual:
            continue  # only what it requires is installed
        lines += _pin(package, markers.get(package.name, ""), hashes=hashes)
    return "\n".join(lines) + "\n"


def _pin(package: LockedPackage, marker: str, *, hashes: bool) -> Iterator[str]:
    pin = pinned(package)
    if marker:
        pin += f" ; {marker}"
    if not pin.isprintable():
        raise LockError(f"{pin!r} cannot stand in requirements.txt")
    found = pip_hashes(package) if hashes and not package.source.kind.is_tree else []
    yield f"{pin} \\" if found else pin
    for each in found[:-1]:
        yield f"    --hash={each} \\"
    if found:
        yield f"    --hash={found[-1]}"


def pinned(package: LockedPackage, *, with_extras: bool = False) -> str:
    """The release as a requirement; paths are relative to the directory of the lock, where the file is to lie."""
    source = package.source
    extras = f"[{','.join(package.extras)}]" if with_extras and package.extras else ""
    name = f"{package.name}{extras}"
    if (directory := directory_of_source(source)) is not None:
        path = f"{directory.path}/{directory.subdirectory}" if directory.subdirectory else directory.path
        path = path if path.startswith(("/", "../")) else f"./{path}"
        return f"-e {path}{extras}" if directory.is_editable else f"{path}{extras}"
    if source.kind is SourceKind.GIT:
        return f"{name} @ {git_of_source(source).at_commit}"
    if source.kind is SourceKind.DIRECT:
        return f"{name} @ {source.url}"
    return f"{name}=={package.version}"


def pip_hashes(package: LockedPackage) -> list[str]:
    """A hash of each file of the release, as pip takes them, sorted. Raises LockError when none has any."""
    files = [*package.wheels, *([package.sdist] if package.sdist is not None else [])]
    found = set()
    for file in files:
        found.update(
            [f"{name}:{file.hashes[name]}" for name in _ALGORITHMS if _HEX.fullmatch(file.hashes.get(name, ""))][:1]
        )
    if not found:
        raise LockError(
            f"`{package.name}` {package.version} has no file with a hash that requirements.txt can hold",
            hints=("export without hashes",),
        )
    return sorted(found)
