"""The tags are those of `packaging.tags`, which every other installer uses."""

from __future__ import annotations

import pytest
from packaging import tags

from dxpy_async.core.platform_tags import TagFacts, mac_platforms, platform_tags, supported_tags

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
    libc_version=(2, 31),
    elf=(64, 62, 0),
)


@pytest.mark.parametrize("machine", ["x86_64", "arm64", "i386", "ppc64", "ppc"])
@pytest.mark.parametrize(
    "version", [(10, 0), (10, 3), (10, 4), (10, 5), (10, 6), (10, 9), (10, 15), (10, 16), (11, 0), (13, 6), (26, 1)]
)
def test_mac_platforms_are_those_of_packaging(version: tuple[int, int], machine: str) -> None:
    assert list(mac_platforms(version, machine)) == list(tags.mac_platforms(version, machine))


@pytest.mark.parametrize(
    ("abis", "changes"),
    [
        (["cp312"], {}),
        (["cp312d", "cp312"], {"debug": True}),
        (["cp313t"], {"free_threaded": True, "version": (3, 13), "version_nodot": "313"}),
        (["cp313td", "cp313t"], {"free_threaded": True, "debug": True, "version": (3, 13), "version_nodot": "313"}),
    ],
)
def test_cpython_tags_are_those_of_packaging(abis: list[str], changes: dict[str, object]) -> None:
    facts = LINUX._replace(**changes)  # type: ignore[arg-type]
    platforms = list(platform_tags(facts))
    expected = [
        *tags.cpython_tags(facts.version, abis, platforms),
        *tags.compatible_tags(facts.version, f"cp{facts.version_nodot}", platforms),
    ]
    assert supported_tags(facts) == tuple(dict.fromkeys(map(str, expected)))


def test_pypy_tags_are_those_of_packaging() -> None:
    facts = LINUX._replace(implementation="pypy", version=(3, 10), extension_suffix=".pypy310-pp73-x86_64-linux-gnu.so")
    facts = facts._replace(version_nodot="310")
    platforms = list(platform_tags(facts))
    expected = [
        *tags.generic_tags("pp310", ["pypy310_pp73"], platforms),
        *tags.compatible_tags((3, 10), "pp3", platforms),
    ]
    assert supported_tags(facts) == tuple(dict.fromkeys(map(str, expected)))


def test_native_linux_comes_before_manylinux_from_newest_to_oldest() -> None:
    platforms = list(platform_tags(LINUX))
    assert platforms[:2] == ["linux_x86_64", "manylinux_2_31_x86_64"]
    assert platforms[-2:] == ["manylinux_2_5_x86_64", "manylinux1_x86_64"]
    assert platforms.index("manylinux_2_17_x86_64") + 1 == platforms.index("manylinux2014_x86_64")


def test_other_machines_have_no_manylinux_older_than_2014() -> None:
    platforms = list(platform_tags(LINUX._replace(platform="linux-aarch64", elf=(64, 183, 0))))
    assert platforms[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_machines_without_a_manylinux_profile_have_only_the_native_platform() -> None:
    assert list(platform_tags(LINUX._replace(platform="linux-mips64"))) == ["linux_mips64"]


def test_32bit_arm_needs_hardware_floats_for_manylinux() -> None:
    soft = LINUX._replace(platform="linux-armv7l", bits=32, elf=(32, 40, 0x05000200))
    hard = soft._replace(elf=(32, 40, 0x05000400))
    assert list(platform_tags(soft)) == ["linux_armv7l"]
    assert "manylinux_2_17_armv7l" in platform_tags(hard)


def test_32bit_interpreter_on_64bit_kernel_has_the_32bit_platforms() -> None:
    i686 = LINUX._replace(bits=32, elf=(32, 3, 0))
    assert list(platform_tags(i686))[:2] == ["linux_i686", "manylinux_2_31_i686"]
    arm = LINUX._replace(platform="linux-aarch64", bits=32, elf=(32, 40, 0x05000400))
    assert list(platform_tags(arm))[:2] == ["linux_armv8l", "linux_armv7l"]


def test_musl_gives_musllinux_down_to_zero_and_no_manylinux() -> None:
    facts = LINUX._replace(libc="musl", libc_version=(1, 2))
    assert list(platform_tags(facts)) == [
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    ]


def test_versions_of_glibc_that_the_distribution_refuses_are_left_out() -> None:
    facts = LINUX._replace(refused_glibc=frozenset({17, 5}))
    platforms = list(platform_tags(facts))
    assert "manylinux2014_x86_64" not in platforms
    assert "manylinux_2_18_x86_64" in platforms
    assert platforms[-1] == "manylinux_2_6_x86_64"


@pytest.mark.parametrize(("platform", "tag"), [("win-amd64", "win_amd64"), ("win32", "win32")])
def test_windows_has_the_one_platform_that_sysconfig_names(platform: str, tag: str) -> None:
    facts = LINUX._replace(system="Windows", platform=platform, libc="", elf=None)
    assert list(platform_tags(facts)) == [tag]
    assert supported_tags(facts)[0] == f"cp312-cp312-{tag}"


def test_mac_interpreter_of_32_bits_is_an_i386_one() -> None:
    facts = LINUX._replace(
        system="Darwin", platform="macosx-10.6-i386", bits=32, mac_version=(10, 6), mac_machine="x86_64"
    )
    assert next(platform_tags(facts)) == "macosx_10_6_i386"
