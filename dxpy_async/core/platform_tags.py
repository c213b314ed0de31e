"""The wheel tags that an interpreter accepts, best first, computed from facts about it and nothing else.

The order is: this interpreter with its own ABI, then the stable ABI, then no ABI, then the stable ABI of older
interpreters, then pure Python; and inside each, the platforms from the most to the least specific.

    system    platforms
    Linux     `linux_<arch>`, then `manylinux_2_N` from its glibc down, with the legacy names, or `musllinux_1_N`
    Darwin    `macosx_<version>_<format>` from the running version down, with the fat formats of each
    others    the platform as `sysconfig` spells it (`win_amd64`, `freebsd_14_1_release_amd64`)

Source: https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SHORT_NAMES = {"python": "py", "cpython": "cp", "pypy": "pp", "ironpython": "ip", "jython": "jy"}

_MANYLINUX_ARCHITECTURES = frozenset({"x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "loongarch64", "riscv64"})

_OLDEST_GLIBC = 17
"""glibc 2.17, what manylinux2014 stands for: the oldest that any architecture but x86 has tags for."""

_OLDEST_GLIBC_X86 = 5

_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""By minor version of glibc 2."""

_ELF_386, _ELF_ARM = 3, 40
_ARM_ABI_MASK, _ARM_ABI_5, _ARM_HARD_FLOAT = 0xFF000000, 0x05000000, 0x00000400


class TagFacts(NamedTuple):
    """What the tags of an interpreter depend on, as the interpreter itself reports it.

    `implementation` is `sys.implementation.name`, `version` major and minor, `version_nodot` what `sysconfig` calls so
    (`312`), `extension_suffix` its `EXT_SUFFIX`, `system` is `platform.system()`, `platform` is
    `sysconfig.get_platform()`, `bits` the width of a pointer. `libc` is `glibc`, `musl` or empty; `refused_glibc` are
    the minor versions of glibc 2 that the distribution forbids through its `_manylinux` module. `elf` is class (32 or
    64), machine and flags of the executable, None when it is not an ELF file. `mac_version` and `mac_machine` are
    those of macOS, empty elsewhere.
    """

    implementation: str
    version: tuple[int, int]
    version_nodot: str
    extension_suffix: str
    debug: bool
    free_threaded: bool
    system: str
    platform: str
    bits: int
    libc: str = ""
    libc_version: tuple[int, int] = (0, 0)
    refused_glibc: frozenset[int] = frozenset()
    elf: tuple[int, int, int] | None = None
    mac_version: tuple[int, int] = (0, 0)
    mac_machine: str = ""


def supported_tags(facts: TagFacts) -> tuple[str, ...]:
    """All tags the interpreter accepts, best first, each once, like `cp312-cp312-manylinux_2_17_x86_64`."""
    return tags_on_platforms(facts, tuple(platform.lower() for platform in platform_tags(facts)))


def tags_on_platforms(facts: TagFacts, platforms: tuple[str, ...]) -> tuple[str, ...]:
    """`supported_tags` where the platform parts, best first, are known; what `facts` say of the machine is not read."""
    if facts.implementation == "cpython":
        own = _cpython_tags(facts, platforms)
        interpreter = f"cp{facts.version_nodot}"
    else:
        own = _other_tags(facts, platforms)
        interpreter = "pp3" if facts.implementation == "pypy" else ""
    return tuple(dict.fromkeys((*own, *_pure_tags(facts.version, platforms, interpreter))))


def _cpython_tags(facts: TagFacts, platforms: tuple[str, ...]) -> Iterator[str]:
    major, minor = facts.version
    interpreter = f"cp{major}{minor}"
    stable_abi = "abi3t" if facts.free_threaded else "abi3"
    for abi in (*_cpython_abis(facts), stable_abi, "none"):
        for platform in platforms:
            yield f"{interpreter}-{abi}-{platform}"
    for older in range(minor - 1, 1, -1):
        for platform in platforms:
            yield f"cp{major}{older}-{stable_abi}-{platform}"


def _cpython_abis(facts: TagFacts) -> tuple[str, ...]:
    """The native ABIs: of a debug build its own first, then the one of release builds, which it can load too."""
    release = f"cp{facts.version[0]}{facts.version[1]}{'t' if facts.free_threaded else ''}"
    return (f"{release}d", release) if facts.debug else (release,)


def _other_tags(facts: TagFacts, platforms: tuple[str, ...]) -> Iterator[str]:
    name = _SHORT_NAMES.get(facts.implementation, facts.implementation)
    interpreter = f"{name}{facts.version_nodot}".lower()
    for abi in (*_other_abis(facts.extension_suffix), "none"):
        for platform in platforms:
            yield f"{interpreter}-{abi}-{platform}"


def _other_abis(extension_suffix: str) -> tuple[str, ...]:
    """The ABI in an `EXT_SUFFIX`: `.pypy310-pp73-x86_64-linux-gnu.so` gives `pypy310_pp73`."""
    parts = extension_suffix.split(".")
    if len(parts) < 3 or not parts[1]:
        return ()
    words = parts[1].split("-")
    if words[0] == "cpython" and len(words) > 1:
        return (f"cp{words[1]}",)
    counts = {"pypy": 2, "graalpy": 3}
    count = next((number for name, number in counts.items() if words[0].startswith(name)), len(words))
    return (_with_underscores("-".join(words[:count])).lower(),)


def _pure_tags(version: tuple[int, int], platforms: tuple[str, ...], interpreter: str) -> Iterator[str]:
    major, minor = version
    pythons = (f"py{major}{minor}", f"py{major}", *(f"py{major}{older}" for older in range(minor - 1, -1, -1)))
    for python in pythons:
        for platform in platforms:
            yield f"{python}-none-{platform}"
    if interpreter:
        yield f"{interpreter}-none-any"
    for python in pythons:
        yield f"{python}-none-any"


def platform_tags(facts: TagFacts) -> Iterator[str]:
    """The platform parts of the tags, best first."""
    if facts.system == "Darwin":
        machine = facts.mac_machine if facts.bits == 64 else _mac_32bit(facts.mac_machine)
        return mac_platforms(facts.mac_version, machine)
    if facts.system == "Linux" and facts.platform.startswith("linux"):
        return _linux_platforms(facts)
    return iter((_with_underscores(facts.platform),))


def _linux_platforms(facts: TagFacts) -> Iterator[str]:
    _, _, machine = _with_underscores(facts.platform).partition("_")
    if facts.bits == 32:
        machine = {"x86_64": "i686", "aarch64": "armv8l"}.get(machine, machine)
    machines = ("armv8l", "armv7l") if machine == "armv8l" else (machine,)
    for name in machines:
        yield f"linux_{name}"
    if facts.libc == "glibc" and _fits_manylinux(facts.elf, machines):
        for name in machines:
            yield from _manylinux(facts, name)
    if facts.libc == "musl":
        major, newest = facts.libc_version
        for name in machines:
            for minor in range(newest, -1, -1):
                yield f"musllinux_{major}_{minor}_{name}"


def _manylinux(facts: TagFacts, machine: str) -> Iterator[str]:
    major, newest = facts.libc_version
    if major != 2:  # there has been no other glibc; what a 3.0 would be compatible with is for its tags to say
        return
    oldest = _OLDEST_GLIBC_X86 if machine in ("x86_64", "i686") else _OLDEST_GLIBC
    for minor in range(newest, oldest - 1, -1):
        if minor in facts.refused_glibc:
            continue
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY_MANYLINUX:
            yield f"{_LEGACY_MANYLINUX[minor]}_{machine}"


def _fits_manylinux(elf: tuple[int, int, int] | None, machines: tuple[str, ...]) -> bool:
    """Whether manylinux is defined for the machine; on 32 bits only for x86 and for ARM with hardware floats."""
    if "armv7l" in machines:
        return (
            elf is not None
            and elf[:2] == (32, _ELF_ARM)
            and elf[2] & _ARM_ABI_MASK == _ARM_ABI_5
            and bool(elf[2] & _ARM_HARD_FLOAT)
        )
    if "i686" in machines:
        return elf is not None and elf[:2] == (32, _ELF_386)
    return not _MANYLINUX_ARCHITECTURES.isdisjoint(machines)


def mac_platforms(version: tuple[int, int], machine: str) -> Iterator[str]:
    """The platforms of a Mac with macOS `version`, newest first.

    Up to 10.16 each release raised the minor number, from 11 on the major one. Binaries for 10.x run on x86-64 with 11
    and later; on ARM only the universal ones can have such an old number.
    """
    if (10, 0) <= version < (11, 0):
        for minor in range(version[1], -1, -1):
            yield from _mac_formats((10, minor), machine)
    if version >= (11, 0):
        for major in range(version[0], 10, -1):
            yield from _mac_formats((major, 0), machine)
        for minor in range(16, 3, -1):
            if machine == "x86_64":
                yield from _mac_formats((10, minor), machine)
            else:
                yield f"macosx_10_{minor}_universal2"


def _mac_formats(version: tuple[int, int], machine: str) -> Iterator[str]:
    fat: tuple[str, ...] = ()
    if machine in ("x86_64", "i386"):
        if version < (10, 4):
            return
        fat = ("intel", "fat64", "fat3") if machine == "x86_64" else ("intel", "fat3", "fat")
    elif machine == "ppc64":
        if not (10, 4) <= version <= (10, 5):
            return
        fat = ("fat64",)
    elif machine == "ppc":
        if version > (10, 6):
            return
        fat = ("fat3", "fat")
    universal2 = ("universal2",) if machine in ("arm64", "x86_64") else ()
    universal = ("universal",) if machine in ("x86_64", "i386", "ppc64", "ppc", "intel") else ()
    for name in (machine, *fat, *universal2, *universal):
        yield f"macosx_{version[0]}_{version[1]}_{name}"


def _mac_32bit(machine: str) -> str:
    return "ppc" if machine.startswith("ppc") else "i386"


def _with_underscores(text: str) -> str:
    return text.replace(".", "_").replace("-", "_").replace(" ", "_")
