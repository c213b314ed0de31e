"""Places for packages that are no virtual environments: an interpreter's own, its user's, any directory, any prefix.

    an interpreter's own    where its `sysconfig` says; others may look after it (EXTERNALLY-MANAGED)
    its user's              below the directory that `site` calls the user's base
    a directory             packages right in it, commands in `bin`: for PYTHONPATH, or to be packed
    a prefix                the layout of an installation below any directory

Sources: https://docs.python.org/3/library/sysconfig.html#installation-paths,
https://packaging.python.org/en/latest/specifications/externally-managed-environments/
"""

from __future__ import annotations

import os
from configparser import Error, RawConfigParser
from pathlib import Path

from dxpy_async.core.schemes import InstallScheme
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.probing import Interpreter

MARKER = "EXTERNALLY-MANAGED"


def own_place(interpreter: Interpreter) -> VirtualEnvironment:
    """Where `interpreter` has packages for all of its users."""
    paths = interpreter.own_paths
    prefix, stdlib = Path(paths.data), Path(paths.stdlib)
    scheme = InstallScheme(
        prefix=prefix,
        purelib=Path(paths.purelib),
        platlib=Path(paths.platlib),
        scripts=Path(paths.scripts),
        data=prefix,
        headers=_headers(prefix, interpreter),
        python=interpreter.executable,
        cache_tag=interpreter.cache_tag,
        stdlib=stdlib if stdlib.is_relative_to(prefix) else None,
    )
    return VirtualEnvironment(prefix, interpreter, scheme, is_virtual=False)


def user_place(interpreter: Interpreter, base: Path) -> VirtualEnvironment:
    """Where `interpreter` finds the packages of the user whose base directory is `base`."""
    site = base / interpreter.own_paths.user_purelib
    scheme = _scheme(base, site, base / interpreter.own_paths.user_scripts, interpreter)
    return VirtualEnvironment(base, interpreter, scheme, is_virtual=False)


def directory_place(directory: Path, interpreter: Interpreter) -> VirtualEnvironment:
    """A directory (absolute) that packages are put into as they are."""
    scheme = _scheme(directory, directory, directory / "bin", interpreter)
    return VirtualEnvironment(directory, interpreter, scheme, is_virtual=False)


def prefix_place(prefix: Path, interpreter: Interpreter) -> VirtualEnvironment:
    """A prefix (absolute) with the layout that `interpreter` gives its environments."""
    scheme = _scheme(prefix, prefix / interpreter.purelib, prefix / interpreter.scripts, interpreter)
    return VirtualEnvironment(prefix, interpreter, scheme, is_virtual=False)


def external_manager(interpreter: Interpreter) -> str | None:
    """What the marker of `interpreter` says about who looks after its packages; None where there is none.

    A marker that says nothing that can be read still counts: the text is empty.
    """
    marker = os.path.join(interpreter.own_paths.stdlib, MARKER)
    if not os.path.isfile(marker):
        return None
    parser = RawConfigParser()
    try:
        parser.read(marker, encoding="utf-8")
        return parser.get("externally-managed", "error", fallback="").strip()
    except (Error, OSError, UnicodeDecodeError):
        return ""


def _scheme(prefix: Path, site: Path, scripts: Path, interpreter: Interpreter) -> InstallScheme:
    return InstallScheme(
        prefix=prefix,
        purelib=site,
        platlib=site,
        scripts=scripts,
        data=prefix,
        headers=_headers(prefix, interpreter),
        python=interpreter.executable,
        cache_tag=interpreter.cache_tag,
    )


def _headers(prefix: Path, interpreter: Interpreter) -> Path:
    return prefix / "include" / f"python{'.'.join(interpreter.version.split('.')[:2])}"
