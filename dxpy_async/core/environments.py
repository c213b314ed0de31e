"""The machine and interpreter that a resolution or an installation is for, as a value.

Nothing below the engine looks at the interpreter it runs in; everything is asked of a `TargetEnvironment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass


@dataclass(frozen=True)
class TargetEnvironment:
    """One concrete environment: its marker values and the wheel tags it accepts, best first.

    `markers` holds the eleven variables of PEP 508 without `extra`; `tags` are texts like `cp312-cp312-linux_x86_64`.

    Source: https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
    """

    markers: Mapping[str, str]
    tags: tuple[str, ...]

    @cached_property
    def python_version(self) -> Version:
        """The full version of the interpreter, what `requires-python` is held against."""
        return Version(self.markers["python_full_version"])

    @cached_property
    def tag_ranks(self) -> Mapping[str, int]:
        """Each tag's place in `tags`; the lower, the better the wheel fits."""
        return {tag: rank for rank, tag in enumerate(self.tags)}

    def describe(self) -> str:
        """For people: `CPython 3.12.1 on linux x86_64`."""
        return describe_markers(self.markers)


def describe_markers(markers: Mapping[str, str]) -> str:
    """The environment with these marker values, for people; what is not known is left out."""
    python = markers.get("platform_python_implementation", "Python"), markers.get("python_full_version", "")
    machine = markers.get("sys_platform", ""), markers.get("platform_machine", "")
    return " on ".join(words for each in (python, machine) if (words := " ".join(filter(None, each))))
