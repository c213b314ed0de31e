"""The real interpreters of this machine, found when the tests run."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path


@lru_cache
def real_interpreter(version: str) -> Path | None:
    """The real path of `python<version>`; None when there is none."""
    directories = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if Path(entry).name != "shims"]
    roots = [os.environ.get("PYENV_ROOT"), *(str(Path(entry).parent) for entry in os.environ["PATH"].split(os.pathsep))]
    for root in roots:
        directories += [str(path) for path in sorted(Path(root or ".", "versions").glob(f"{version}.*/bin"))]
    directories.append(str(Path(sys.executable).resolve().parent))
    found = shutil.which(f"python{version}", path=os.pathsep.join(directories))
    return Path(os.path.realpath(found)) if found else None


def can_compile() -> bool:
    """Whether extensions for the interpreter of these tests can be compiled here."""
    return shutil.which("cc") is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()
