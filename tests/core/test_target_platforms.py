"""Targets by name: their tags are those of `packaging.tags`, their versions those that uv documents."""

from __future__ import annotations

import re

import pytest
from packaging import tags
from packaging.markers import Marker, default_environment

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.platform_tags import TagFacts, supported_tags
from dxpy_async.core.target_platforms import (
    HERE,
    TargetPython,
    WantedTarget,
    moved,
    parse_platform,
    parse_python,
    platform_of,
    target_environment,
)
from dxpy_async.errors import UsageError

LINUX = TagFacts(
    implementation="cpython",
    version=(3, 12),
    version_nodot="312",
    extension_suffix=".cpython-312-x86_64-linux-gnu.so",
    debug=False,
    free_threaded=False,
    system="Linux",
    platform="linux-x86_64",
    bits=64,
    libc="glibc",
    libc_version=(2, 36),
    elf=(64, 62, 0),
)
HOST = TargetEnvironment(
    {
        "implementation_name": "cpython",
        "implementation_version": "3.12.4",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "6.1",
        "platform_system": "Linux",
        "platform_version": "#1",
        "python_full_version": "3.12.4",
        "python_version": "3.12",
        "sys_platform": "linux",
    },
    supported_tags(LINUX),
)


def glibc(newest: int, machine: str, oldest: int = 17) -> list[str]:
    """Linux platforms, written down by the rule of PEP 600 and the names that came before it."""
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    found = [f"linux_{machine}"]
    for minor in range(newest, oldest - 1, -1):
        found += [f"manylinux_2_{minor}_{machine}", *([f"{legacy[minor]}_{machine}"] if minor in legacy else [])]
    return found


def musl(machine: str) -> list[str]:
    return [f"linux_{machine}", *(f"musllinux_1_{minor}_{machine}" for minor in (2, 1, 0))]


PLATFORMS = {
    "linux": glibc(28, "x86_64", 5),
    "x86_64-unknown-linux-gnu": glibc(28, "x86_64", 5),
    "x86_64-manylinux_2_28": glibc(28, "x86_64", 5),
    "x86_64-manylinux_2_31": glibc(31, "x86_64", 5),
    "x86_64-manylinux2014": glibc(17, "x86_64", 5),
    "manylinux2014_x86_64": glibc(17, "x86_64", 5),
    "aarch64-unknown-linux-gnu": glibc(28, "aarch64"),
    "aarch64-manylinux_2_40": glibc(40, "aarch64"),
    "armv7-unknown-linux-gnueabihf": glibc(28, "armv7l"),
    "i686-unknown-linux-gnu": glibc(28, "i686", 5),
    "powerpc64le-unknown-linux-gnu": glibc(28, "ppc64le"),
    "s390x-unknown-linux-gnu": glibc(28, "s390x"),
    "riscv64-unknown-linux": glibc(39, "riscv64"),
    "riscv64-unknown-linux-gnu": glibc(39, "riscv64"),
    "x86_64-unknown-linux-musl": musl("x86_64"),
    "aarch64-unknown-linux-musl": musl("aarch64"),
    "aarch64-musllinux_1_2": musl("aarch64"),
    "macos": list(tags.mac_platforms((13, 0), "arm64")),
    "aarch64-apple-darwin": list(tags.mac_platforms((13, 0), "arm64")),
    "x86_64-apple-darwin": list(tags.mac_platforms((13, 0), "x86_64")),
    "macosx_14_0_arm64": list(tags.mac_platforms((14, 0), "arm64")),
    "windows": ["win_amd64"],
    "x86_64-pc-windows-msvc": ["win_amd64"],
    "aarch64-pc-windows-msvc": ["win_arm64"],
    "i686-pc-windows-msvc": ["win32"],
    "win_arm64": ["win_arm64"],
}


@pytest.mark.parametrize("name", PLATFORMS)
@pytest.mark.parametrize(("version", "abi"), [("3.9", "cp39"), ("3.12", "cp312"), ("3.13t", "cp313t")])
def test_tags_are_those_that_packaging_generates(name: str, version: str, abi: str) -> None:
    target = target_environment(parse_python(version), parse_platform(name))
    number = int(abi[3:].rstrip("t"))
    expected = [
        *tags.cpython_tags((3, number), [abi], PLATFORMS[name]),
        *tags.compatible_tags((3, number), f"cp3{number}", PLATFORMS[name]),
    ]
    assert target.tags == tuple(dict.fromkeys(map(str, expected)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linux", ("posix", "linux", "Linux", "x86_64")),
        ("aarch64-unknown-linux-musl", ("posix", "linux", "Linux", "aarch64")),
        ("macos", ("posix", "darwin", "Darwin", "arm64")),
        ("x86_64-apple-darwin", ("posix", "darwin", "Darwin", "x86_64")),
        ("windows", ("nt", "win32", "Windows", "AMD64")),
        ("aarch64-pc-windows-msvc", ("nt", "win32", "Windows", "ARM64")),
        ("i686-pc-windows-msvc", ("nt", "win32", "Windows", "x86")),
    ],
)
def test_markers_are_all_there_and_say_what_is_known(name: str, expected: tuple[str, ...]) -> None:
    markers = target_environment(parse_python("3.12"), parse_platform(name)).markers
    assert markers.keys() == default_environment().keys()
    assert tuple(markers[key] for key in ("os_name", "sys_platform", "platform_system", "platform_machine")) == expected
    assert (markers["platform_release"], markers["platform_version"]) == ("", "")
    assert markers["python_full_version"] == markers["implementation_version"] == "3.12.0"
    assert not Marker('platform_release >= "20"').evaluate(dict(markers))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.12", TargetPython(12, "3.12.0")),
        ("3.8.17", TargetPython(8, "3.8.17")),
        (" 3.13t", TargetPython(13, "3.13.0", free_threaded=True)),
        ("3.14.0rc1", TargetPython(14, "3.14.0rc1")),
        ("3.14a2", TargetPython(14, "3.14.0a2")),
    ],
)
def test_a_version_without_its_last_part_is_the_first_of_it(text: str, expected: TargetPython) -> None:
    assert parse_python(text) == expected


def test_a_release_candidate_has_the_marker_that_it_has_itself() -> None:
    markers = target_environment(parse_python("3.14.0rc1"), parse_platform("linux")).markers
    assert (markers["python_full_version"], markers["implementation_version"]) == ("3.14.0rc1", "3.14.0c1")


@pytest.mark.parametrize("text", ["", "3", "2.7", "4.0", "3.x", "3.123", ">=3.12", "pypy3.10", "3.12.0.1", "٣.12"])
def test_what_is_not_a_version_of_python_3_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"^`{re.escape(text)}` is not a version of Python 3$"):
        parse_python(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("linuxx", "did you mean `linux`?"),
        ("x86_64-unknown-linux-gun", "did you mean `x86_64-unknown-linux-gnu`"),
        ("plan9", "name `linux`, `macos` or `windows`, a triple like"),
        ("aarch64-manylinux_2_12", "did you mean"),  # manylinux began there with 2.17
        ("macosx_14_2_arm64", "name `linux`"),  # from 11 on, no minor version is counted
        ("vax-unknown-linux-gnu", "did you mean"),
        ("manylinux_2_28_vax", "did you mean"),
        ("any", "name `linux`"),
        ("", "name `linux`"),
    ],
)
def test_an_unknown_platform_is_refused_with_close_names(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"^`{re.escape(text)}` is no platform that dxpy knows$") as caught:
        parse_platform(text)
    assert caught.value.hints()[0].startswith(hint)


def test_the_platform_of_an_environment_is_all_that_another_python_there_needs() -> None:
    other = target_environment(parse_python("3.9.2"), platform_of(HOST))
    assert other.tags == supported_tags(LINUX._replace(version=(3, 9), version_nodot="39"))
    assert other.markers["platform_release"] == "6.1"
    assert other.describe() == "CPython 3.9.2 on linux x86_64"


@pytest.mark.parametrize("name", ["windows", "macos", "aarch64-unknown-linux-musl"])
def test_an_interpreter_that_is_moved_stays_what_it_is(name: str) -> None:
    platform = parse_platform(name)
    there = moved(HOST, platform)
    assert there.tags == target_environment(parse_python("3.12.4"), platform).tags
    assert there.markers == {**HOST.markers, **platform.markers}


def test_a_pypy_that_is_moved_keeps_its_abi() -> None:
    facts = LINUX._replace(
        implementation="pypy",
        version=(3, 10),
        version_nodot="310",
        extension_suffix=".pypy310-pp73-x86_64-linux-gnu.so",
    )
    there = moved(TargetEnvironment(HOST.markers, supported_tags(facts)), parse_platform("windows"))
    assert there.tags == supported_tags(facts._replace(system="Windows", platform="win-amd64"))


def test_what_is_wanted_is_parsed_once() -> None:
    assert WantedTarget.parse() == HERE
    wanted = WantedTarget.parse("3.12", "windows")
    assert (wanted.python, wanted.platform) == (parse_python("3.12"), parse_platform("windows"))
    with pytest.raises(UsageError, match="no platform"):
        WantedTarget.parse("3.12", "nowhere")
