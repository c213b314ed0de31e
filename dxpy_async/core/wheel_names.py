"""Wheel file names: what they say, and which wheel of a release fits an environment best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar

from dxpy_async.core.names import ProjectName, is_valid_name, normalize


class WheelName(NamedTuple):
    """The parts of `name-version[-build]-python-abi-platform.whl` (or `.dpp`); `version` is text as it stands there."""

    project: ProjectName
    version: str
    build: tuple[int, str]
    """Empty tag: (-1, ""); higher is preferred among wheels that fit equally well."""
    tags: tuple[str, ...]
    """Compressed tag sets expanded: `py2.py3-none-any` gives `py2-none-any` and `py3-none-any`."""


WHEEL_ENDINGS = (".whl", ".dpp")
"""How the names of files end that can be installed as they are: wheels, and DPP packages, which are named like them."""


def is_wheel_name(filename: str) -> bool:
    """Whether a file of that name can be installed as it is, without being built."""
    return filename.endswith(WHEEL_ENDINGS)


@lru_cache(maxsize=65_536)
def parse_wheel_name(filename: str) -> WheelName:
    """Take the file name of a wheel or DPP apart. Raises ValueError, saying what is wrong, for another's name.

    Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
    """
    if not is_wheel_name(filename):
        raise ValueError(f"`{filename}` does not end in .whl")
    parts = filename[:-4].split("-")
    if len(parts) not in (5, 6):
        raise ValueError(f"`{filename}` has {len(parts)} parts between dashes, a wheel's name has five or six")
    name, version, *build, _, _, _ = parts
    if not is_valid_name(name):
        raise ValueError(f"`{filename}` does not begin with a valid project name")
    tags = _expanded("-".join(parts[-3:]))
    return WheelName(normalize(name), version.replace("_", "-"), _build_tag(build, filename), tags)


@lru_cache(maxsize=65_536)
def _expanded(tags: str) -> tuple[str, ...]:
    """`python-abi-platform`, each of which may be several, as tags; thousands of wheels share a few hundred."""
    pythons, abis, platforms = (part.split(".") for part in tags.lower().split("-"))
    return tuple([f"{python}-{abi}-{platform}" for python in pythons for abi in abis for platform in platforms])


def _build_tag(build: list[str], filename: str) -> tuple[int, str]:
    if not build:
        return (-1, "")
    digits = len(build[0]) - len(build[0].lstrip("0123456789"))
    if not digits:
        raise ValueError(f"`{filename}` has a build tag that does not begin with a digit")
    return (int(build[0][:digits]), build[0][digits:])


class NamedFile(Protocol):
    """Anything with a distribution's file name."""

    @property
    def filename(self) -> str: ...


FileT = TypeVar("FileT", bound=NamedFile)


def tag_rank(filename: str, tag_ranks: Mapping[str, int]) -> int | None:
    """How well a wheel fits (0 is best), or None when it does not fit at all or its name is not a wheel's."""
    best = None
    before, *tags = filename[:-4].rsplit("-", 3)
    if len(tags) != 3:
        return None
    for tag in _expanded(filename[len(before) + 1 : -4]):
        rank = tag_ranks.get(tag)
        if rank is not None and (best is None or rank < best):
            best = rank
    if best is None:  # most wheels are for other machines, whatever else is wrong with their names
        return None
    try:
        parse_wheel_name(filename)
    except ValueError:
        return None
    return best


def best_wheel(files: Iterable[FileT], tag_ranks: Mapping[str, int]) -> FileT | None:
    """The wheel that fits best, by tag, then by build tag, then by name so that the choice is always the same."""
    fitting = [
        ((rank, *(_descending(parse_wheel_name(file.filename).build)), file.filename), file)
        for file in files
        if is_wheel_name(file.filename) and (rank := tag_rank(file.filename, tag_ranks)) is not None
    ]
    return min(fitting, key=lambda item: item[0])[1] if fitting else None


def _descending(build: tuple[int, str]) -> tuple[int, tuple[int, ...]]:
    """A key that is the smaller, the greater the build tag: by number, then by text, and `1ab` is greater than `1a`."""
    return (-build[0], (*(-ord(character) for character in build[1]), 1))
