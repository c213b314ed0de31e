"""Names of projects, extras and dependency groups, in their normalised form."""

from __future__ import annotations

import re
from typing import NewType

ProjectName = NewType("ProjectName", str)
"""A project's name, normalised: lower case, runs of `-`, `_` and `.` made one `-`. Made only by `normalize`."""

ExtraName = NewType("ExtraName", str)
"""An extra's name, normalised like a project's."""

GroupName = NewType("GroupName", str)
"""A dependency group's name, normalised like a project's."""

_RUNS = re.compile(r"[-_.]+")
_VALID = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE | re.ASCII)


def is_valid_name(text: str) -> bool:
    """Whether `text` may name a project, an extra or a group, in any spelling.

    Source: https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    return _VALID.fullmatch(text) is not None


def normalize(text: str) -> ProjectName:
    """The one spelling under which a project is compared, looked up and stored."""
    return ProjectName(_RUNS.sub("-", text).lower())


def normalize_extra(text: str) -> ExtraName:
    """The one spelling under which an extra is compared."""
    return ExtraName(_RUNS.sub("-", text).lower())


def normalize_group(text: str) -> GroupName:
    """The one spelling under which a dependency group is compared."""
    return GroupName(_RUNS.sub("-", text).lower())
