"""Where the parts of a distribution go in one environment."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from dxpy_async.core.dataclass import dataclass

SkeletonFacts: TypeAlias = tuple[str, str, str, str, str, tuple[str, ...], bool]
"""What the files of an empty environment depend on: the interpreter's executable, implementation (for people) and
version; the site directory and the scripts directory, both relative; the names beside `python` that start it; and
whether `lib64` is a link to `lib`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallScheme:
    """The directories of one environment (all absolute, all inside `prefix`) and the interpreter its scripts start.

    `headers` is the directory under which each distribution gets one of its own name. `cache_tag` names the
    interpreter's bytecode files (`cpython-312`). The scripts of a `relocatable` one find it from where they lie. On
    Windows scripts are `.exe` launchers; see `installer.scripts`.

    Source: https://docs.python.org/3/library/sysconfig.html#installation-paths
    """

    prefix: Path
    purelib: Path
    platlib: Path
    scripts: Path
    data: Path
    headers: Path
    python: Path
    cache_tag: str
    relocatable: bool = False
    stdlib: Path | None = None
    """Where the interpreter's own modules are, when they lie inside `prefix`: no distribution changes those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationPaths:
    """Where an interpreter has packages of its own, outside of any virtual environment; all absolute.

    `sites` are the directories that it imports packages from, `purelib` among them. The two of the user are relative to
    the directory that the user keeps such things in (`site.USER_BASE`).
    """

    purelib: str
    platlib: str
    scripts: str
    data: str
    stdlib: str
    sites: tuple[str, ...]
    user_purelib: str
    user_scripts: str
