"""The bill of materials of `dxpy export`. Loaded only for that: the library that knows the format takes 0.1 s."""

from __future__ import annotations

import os

from dxpy_async.core.locks import Lock
from dxpy_async.errors import UsageError
from dxpy_async.formats.cyclonedx import write_cyclonedx
from dxpy_async.installer.licences import licences_in
from dxpy_async.project.pyproject import Project

_EPOCH = "SOURCE_DATE_EPOCH"


def text(lock: Lock, project: Project, form: str) -> str:
    """All that is in `lock`, with the licences of what is installed in the project's environment."""
    versions = {package.name: package.version for package in lock.packages}
    licences = licences_in(project.environment, versions)
    return write_cyclonedx(lock, form, version=project.meant.version, licences=licences, timestamp=_timestamp())


def _timestamp() -> int | None:
    """Source: https://reproducible-builds.org/specs/source-date-epoch/"""
    given = os.environ.get(_EPOCH, "")
    if given and not (given.isascii() and given.isdigit() and len(given) <= 11):
        raise UsageError(f"the variable {_EPOCH} is `{given}`, which is no number of seconds since 1970")
    return int(given) if given else None
