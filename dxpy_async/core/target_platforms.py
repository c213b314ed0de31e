"""Machines that are not at hand, by name, and what an interpreter on one of them would be.

    name                                          stands for                              as a wheel's platform
    linux                                         x86_64-unknown-linux-gnu
    macos                                         aarch64-apple-darwin
    windows                                       x86_64-pc-windows-msvc
    aarch64-unknown-linux-gnu                     glibc 2.28 (RISC-V, which began later: 2.39)   manylinux_2_28_aarch64
    aarch64-unknown-linux-musl                    musl 1.2                                musllinux_1_2_aarch64
    x86_64-manylinux_2_31, x86_64-manylinux2014   glibc of that version                   manylinux_2_31_x86_64
    x86_64-apple-darwin                           macOS 13.0                              macosx_13_0_x86_64
    aarch64-pc-windows-msvc                       any Windows                             win_arm64

A platform may be named in either way. The names and the versions that they stand for are uv's, so that the same words
give the same answer. What a name cannot tell, the release and the version of the system, is empty, again as with uv.

Source: https://docs.astral.sh/uv/reference/cli/#uv-pip-compile--python-platform
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.platform_tags import TagFacts, platform_tags, tags_on_platforms
from dxpy_async.errors import UsageError

_LINUX_CPUS = {
    "x86_64": "x86_64",
    "aarch64": "aarch64",
    "i686": "i686",
    "armv7": "armv7l",
    "powerpc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
"""From what triples call a processor to what Linux does."""

_GLIBC = "2_28"
_GLIBC_OF = {"riscv64": "2_39"}
_MUSL = "1_2"

_ALIASES = {
    "linux": "manylinux_2_28_x86_64",
    "macos": "macosx_13_0_arm64",
    "windows": "win_amd64",
    "aarch64-apple-darwin": "macosx_13_0_arm64",
    "x86_64-apple-darwin": "macosx_13_0_x86_64",
    "x86_64-pc-windows-msvc": "win_amd64",
    "aarch64-pc-windows-msvc": "win_arm64",
    "i686-pc-windows-msvc": "win32",
}

_LINUX_TRIPLE = r"(?P<cpu>[a-z0-9_]+)-unknown-linux(?:-(?P<libc>gnu|musl)(?:eabihf)?)?"
_CPU_AND_PROFILE = r"(?P<cpu>[a-z0-9_]+)-(?P<profile>(?:many|musl)linux[0-9_]+)"
_WHEEL_PLATFORM = r"(?P<system>manylinux|musllinux|macosx)_(?P<major>[0-9]{1,2})_(?P<minor>[0-9]{1,2})_(?P<machine>\w+)"
_LEGACY_PROFILES = {"manylinux2014": "manylinux_2_17", "manylinux2010": "manylinux_2_12", "manylinux1": "manylinux_2_5"}

_WINDOWS_MACHINES = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
_ELF_OF = {"i686": (32, 3, 0), "armv7l": (32, 40, 0x05000400)}
"""Class, machine and flags of executables, which manylinux asks about on 32 bits: x86, and ARM with hardware floats."""

_CPYTHON = TagFacts(
    implementation="cpython",
    version=(3, 0),
    version_nodot="30",
    extension_suffix="",
    debug=False,
    free_threaded=False,
    system="",
    platform="",
    bits=64,
)
"""A CPython of no version on no machine yet."""

_PYTHON = r"3\.(?P<minor>[0-9]{1,2})(?:\.(?P<patch>[0-9]{1,3}))?(?P<pre>(?:a|b|rc)[0-9]{1,2})?(?P<threads>t?)"


@dataclass(frozen=True, slots=True)
class TargetPlatform:
    """A kind of machine: the platforms whose wheels it takes, best first, and its marker values."""

    tags: tuple[str, ...]
    markers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TargetPython:
    """A CPython of that version: `minor` of Python 3, `full` like `3.12.0`."""

    minor: int
    full: str
    free_threaded: bool = False


@dataclass(frozen=True, slots=True)
class WantedTarget:
    """What was asked for instead of the interpreter and the machine at hand; None leaves that to them."""

    python: TargetPython | None = None
    platform: TargetPlatform | None = None

    @classmethod
    def parse(cls, python_version: str | None = None, platform: str | None = None) -> WantedTarget:
        """From texts like `3.12` and `windows`. Raises UsageError."""
        return cls(
            parse_python(python_version) if python_version is not None else None,
            parse_platform(platform) if platform is not None else None,
        )


HERE = WantedTarget()
"""The interpreter and the machine at hand."""


def parse_python(text: str) -> TargetPython:
    """A version like `3.12` (its first release), `3.12.4`, `3.14.0rc1` or `3.13t`. Raises UsageError."""
    match = re.fullmatch(_PYTHON, text.strip())
    if match is None:
        raise UsageError(f"`{text}` is not a version of Python 3", hints=("name one like `3.12` or `3.12.4`",))
    full = f"3.{int(match['minor'])}.{int(match['patch'] or 0)}{match['pre'] or ''}"
    return TargetPython(int(match["minor"]), full, bool(match["threads"]))


def parse_platform(text: str) -> TargetPlatform:
    """The platform of that name. Raises UsageError."""
    name = text.strip().lower()
    tag = _ALIASES.get(name) or _linux_tag(name) or name
    platform = _windows(tag) or _versioned(tag)
    if platform is None:
        raise _unknown(text)
    return platform


def _linux_tag(name: str) -> str | None:
    """What wheels call the Linux that a triple, or a processor and a profile, names."""
    if match := re.fullmatch(_LINUX_TRIPLE, name):
        machine = _LINUX_CPUS.get(match["cpu"])
        if machine is None:
            return None
        if match["libc"] == "musl":
            return f"musllinux_{_MUSL}_{machine}"
        return f"manylinux_{_GLIBC_OF.get(machine, _GLIBC)}_{machine}"
    if match := re.fullmatch(_CPU_AND_PROFILE, name):
        machine = _LINUX_CPUS.get(match["cpu"], match["cpu"])
        return f"{_LEGACY_PROFILES.get(match['profile'], match['profile'])}_{machine}"
    for legacy, profile in _LEGACY_PROFILES.items():
        if name.startswith(f"{legacy}_"):
            return profile + name.removeprefix(legacy)
    return None


def _windows(tag: str) -> TargetPlatform | None:
    machine = _WINDOWS_MACHINES.get(tag)
    return TargetPlatform((tag,), _markers("nt", "win32", "Windows", machine)) if machine is not None else None


def _versioned(tag: str) -> TargetPlatform | None:
    """The platform of a wheel's platform part with a version in it; None when there is no such."""
    match = re.fullmatch(_WHEEL_PLATFORM, tag)
    if match is None:
        return None
    version, machine = (int(match["major"]), int(match["minor"])), match["machine"]
    facts = _CPYTHON._replace(
        system="Linux",
        platform=f"linux-{machine}",
        bits=32 if machine in _ELF_OF else 64,
        libc="glibc",
        libc_version=version,
        elf=_ELF_OF.get(machine),
    )
    markers = _markers("posix", "linux", "Linux", machine)
    if match["system"] == "musllinux":
        facts = facts._replace(libc="musl")
    elif match["system"] == "macosx":
        facts = facts._replace(system="Darwin", mac_version=version, mac_machine=machine)
        markers = _markers("posix", "darwin", "Darwin", machine)
    tags = tuple(platform_tags(facts))
    known = machine in ("x86_64", "arm64") if match["system"] == "macosx" else machine in _LINUX_CPUS.values()
    return TargetPlatform(tags, markers) if known and tag in tags else None


def _markers(os_name: str, sys_platform: str, system: str, machine: str) -> dict[str, str]:
    return {
        "os_name": os_name,
        "platform_machine": machine,
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "sys_platform": sys_platform,
    }


def _unknown(text: str) -> UsageError:
    triples = [f"{cpu}-unknown-linux-{libc}" for cpu in _LINUX_CPUS for libc in ("gnu", "musl")]
    close = get_close_matches(text.lower(), [*_ALIASES, *triples, "x86_64-manylinux_2_28", "manylinux_2_28_x86_64"])
    if close:
        hint = f"did you mean {' or '.join(f'`{each}`' for each in close)}?"
    else:
        hint = (
            "name `linux`, `macos` or `windows`, a triple like `aarch64-unknown-linux-gnu`, "
            "or what wheels say, like `manylinux_2_31_x86_64`"
        )
    return UsageError(f"`{text}` is no platform that dxpy knows", hints=(hint,))


def platform_of(environment: TargetEnvironment) -> TargetPlatform:
    """The machine that `environment` is on."""
    platforms = dict.fromkeys(tag.rpartition("-")[2] for tag in environment.tags)
    platforms.pop("any", None)
    names = _markers("", "", "", "")
    return TargetPlatform(tuple(platforms), {name: environment.markers[name] for name in names})


def target_environment(python: TargetPython, platform: TargetPlatform) -> TargetEnvironment:
    """That CPython on that machine."""
    facts = _CPYTHON._replace(
        version=(3, python.minor), version_nodot=f"3{python.minor}", free_threaded=python.free_threaded
    )
    markers = {
        "implementation_name": "cpython",
        # the level is one letter there: https://peps.python.org/pep-0508/#environment-markers
        "implementation_version": python.full.replace("rc", "c"),
        "platform_python_implementation": "CPython",
        "python_full_version": python.full,
        "python_version": f"3.{python.minor}",
    }
    return TargetEnvironment({**markers, **platform.markers}, tags_on_platforms(facts, platform.tags))


def moved(environment: TargetEnvironment, platform: TargetPlatform) -> TargetEnvironment:
    """The interpreter of `environment`, whichever it is, on another machine."""
    kinds: dict[tuple[str, str, bool], None] = {}
    for tag in environment.tags:
        python, abi, name = tag.split("-", 2)
        kinds[python, abi, name == "any"] = None
    tags = tuple(
        f"{python}-{abi}-{name}"
        for python, abi, anywhere in kinds
        for name in (("any",) if anywhere else platform.tags)
    )
    return TargetEnvironment({**environment.markers, **platform.markers}, tags)
