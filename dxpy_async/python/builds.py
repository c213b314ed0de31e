"""Builds of Python that can be installed as they are: their archives' names, and which of them is the one to take.

    cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz
    cpython-3.14.0+20251014-aarch64-apple-darwin-freethreaded-install_only.tar.gz

are what the project python-build-standalone publishes: version, release (a day), machine and system, kind. Only the
`install_only` kinds are for installing; the others carry what a build of one's own needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

from packaging.version import InvalidVersion, Version

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.python.requests import PythonRequest, is_within

_ARCHIVE = (
    r"cpython-(?P<version>[0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)\+(?P<release>[0-9]{8})-"
    r"(?P<triple>[a-z0-9_]+-(?:unknown-linux-[a-z]+|apple-darwin|pc-windows-msvc))(?:-shared)?-"
    r"(?P<threads>freethreaded-)?install_only(?P<stripped>_stripped)?\.tar\.gz"
)
_SUM = r"(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<name>[^/\\\s]+)"
_KEY = (
    r"(?P<implementation>[a-z]+)-(?P<version>[0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)(?P<threads>\+freethreaded)?-"
    r"(?P<system>[a-z]+)-(?P<machine>[a-z0-9_]+)-(?P<libc>[a-z]+)"
)

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "armv7l": "armv7", "x86": "i686", "i386": "i686"}


class Machine(NamedTuple):
    """What a build runs on, in the words of the archives: `linux`, `x86_64`, `gnu`."""

    system: str
    machine: str
    libc: str

    @classmethod
    def of(cls, target: TargetEnvironment, *, is_64bit: bool) -> Self:
        """That of an interpreter that runs there."""
        name = target.markers["platform_machine"].lower()
        name = _MACHINES.get(name, name)
        if not is_64bit and name in ("x86_64", "aarch64"):
            name = {"x86_64": "i686", "aarch64": "armv7"}[name]
        system = {"darwin": "macos", "win32": "windows"}.get(target.markers["sys_platform"], "linux")
        if system != "linux":
            return cls(system, name, "none")
        musl = any("musllinux" in str(tag) for tag in target.tags)
        return cls(system, name, "musl" if musl else "gnueabihf" if name == "armv7" else "gnu")

    @property
    def triple(self) -> str:
        systems = {"macos": "apple-darwin", "windows": "pc-windows-msvc"}
        return f"{self.machine}-{systems.get(self.system, f'unknown-linux-{self.libc}')}"


class PythonKey(NamedTuple):
    """One installed build by its directory's name: `cpython-3.12.7-linux-x86_64-gnu`."""

    implementation: str
    version: str
    free_threaded: bool
    machine: Machine

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """None for a name that is none."""
        match = re.fullmatch(_KEY, name)
        if match is None:
            return None
        machine = Machine(match["system"], match["machine"], match["libc"])
        return cls(match["implementation"], match["version"], match["threads"] is not None, machine)

    def __str__(self) -> str:
        threads = "+freethreaded" if self.free_threaded else ""
        return "-".join((self.implementation, self.version + threads, *self.machine))

    @property
    def minor_name(self) -> str:
        """The name of the executable for this minor version: `python3.12`."""
        major, minor, *_ = self.version.split(".")
        return f"python{major}.{minor}{'t' if self.free_threaded else ''}"

    @property
    def order(self) -> tuple[Version, bool]:
        """Newest last, and of the same version that with threads first."""
        return Version(self.version), not self.free_threaded

    def fits(self, request: PythonRequest) -> bool:
        """Whether this is of the kind that is asked for."""
        if request.key is not None:
            return request.key == str(self)
        return (
            request.is_version
            and request.implementation in (None, self.implementation)
            and request.free_threaded in (None, self.free_threaded)
            and is_within(self.version, request.specifier)
        )


class PythonBuild(NamedTuple):
    """One archive that can be installed. `release` is the day it was published in, like `20241016`."""

    filename: str
    release: str
    sha256: str
    key: PythonKey
    stripped: bool


def parse_sums(text: str, machine: Machine) -> Iterator[PythonBuild]:
    """The builds for `machine` in a release's listing, lines of a digest and a file name; other files are passed over.

    Source: the file SHA256SUMS of each release of python-build-standalone
    """
    for line in text.splitlines():
        listed = re.fullmatch(_SUM, line.strip())
        match = re.fullmatch(_ARCHIVE, listed["name"]) if listed is not None else None
        if listed is None or match is None or match["triple"] != machine.triple:
            continue
        key = PythonKey("cpython", match["version"], match["threads"] is not None, machine)
        yield PythonBuild(
            listed["name"], match["release"], listed["sha256"].lower(), key, match["stripped"] is not None
        )


def best_build(builds: Iterable[PythonBuild], request: PythonRequest, requires_python: str = "") -> PythonBuild | None:
    """The newest version that fits, a final one where there is one, of its newest release, without debug symbols.

    `requires_python` is a specifier in its normal form. Without a word about threads the build is the ordinary one.
    """

    def rank(build: PythonBuild) -> tuple[bool, tuple[Version, bool], str, bool]:
        return not Version(build.key.version).is_prerelease, build.key.order, build.release, build.stripped

    fitting = [build for build in builds if build.key.fits(request) and is_within(build.key.version, requires_python)]
    if request.free_threaded is None and request.key is None:
        fitting = [build for build in fitting if not build.key.free_threaded]
    return max(fitting, key=rank, default=None)


def is_exact(request: PythonRequest) -> bool:
    """Whether only one version can be meant, so that no newer one has to be looked for."""
    if request.key is not None:
        return True
    try:
        Version(request.specifier.removeprefix("=="))
    except InvalidVersion:
        return False
    return request.specifier.startswith("==")
