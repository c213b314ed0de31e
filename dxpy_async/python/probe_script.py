"""The program that an interpreter runs to tell about itself: one JSON object on standard output.

It is never imported: it is read as text and given to the interpreter with `-I -S -c`, so that nothing of that
interpreter's packages, `.pth` files or environment variables takes part (but a `_manylinux` module of its
site-packages, which a distribution puts there to say what it cannot run). It must run on every Python from 3.8 on, so
its syntax is old and it imports only the standard library.
"""

# ruff: noqa: UP031 (an older Python must run this)
from __future__ import annotations

import json
import os
import platform
import re
import struct
import subprocess
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from importlib.util import module_from_spec
from typing import Any

MARK = "dxpy-facts:"
"""What the answer begins with; what stands before it in the output is somebody else's."""


def read_elf(path: str) -> dict[str, Any] | None:
    """Class, machine, flags and dynamic loader of an ELF file; None when it is not one."""
    try:
        with open(path, "rb") as file:
            ident = file.read(16)
            if ident[:4] != b"\x7fELF" or ident[4] not in (1, 2) or ident[5] not in (1, 2):
                return None
            order = "<" if ident[5] == 1 else ">"
            wide = ident[4] == 2
            header = struct.Struct(order + ("HHIQQQIHHH" if wide else "HHIIIIIHHH"))
            fields = header.unpack(file.read(header.size))
            machine, program_headers, flags, size, count = fields[1], fields[4], fields[6], fields[8], fields[9]
            segment = struct.Struct(order + ("IIQQQQ" if wide else "IIIII"))
            loader = ""
            for number in range(count):
                file.seek(program_headers + size * number)
                parts = segment.unpack(file.read(segment.size))
                if parts[0] == 3:  # PT_INTERP
                    file.seek(parts[2] if wide else parts[1])
                    loader = os.fsdecode(file.read(parts[5] if wide else parts[4])).strip("\0")
                    break
            return {"bits": 64 if wide else 32, "machine": machine, "flags": flags, "loader": loader}
    except (OSError, struct.error):
        return None


def two_numbers(text: str) -> list[int]:
    """Major and minor of a version text with any junk after them."""
    match = re.search(r"([0-9]+)\.([0-9]+)", text)
    return [int(match.group(1)), int(match.group(2))] if match else [0, 0]


def glibc_version() -> str:
    """The version of the GNU C library in this process, empty when it is another one."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").split()[-1]
    except (AttributeError, OSError, ValueError, IndexError):
        pass
    try:
        import ctypes  # noqa: PLC0415 (not every Python has it, and hardly any needs it)

        version = ctypes.CDLL(None).gnu_get_libc_version
    except (ImportError, OSError, AttributeError, TypeError):
        return ""
    version.restype = ctypes.c_char_p
    text: bytes = version()
    return text.decode("ascii", "replace")


def c_library(elf: dict[str, Any] | None) -> tuple[str, list[int]]:
    """Name and version of the C library: what manylinux and musllinux are about."""
    if elf is not None and "musl" in elf["loader"]:
        # the loader of musl, run without arguments, prints its version among its usage
        text = subprocess.run([elf["loader"]], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, check=False).stderr
        lines = text.decode("utf-8", "replace").split("\n")
        return "musl", two_numbers(lines[1]) if len(lines) > 1 else [0, 0]
    version = glibc_version()
    return ("glibc", two_numbers(version)) if version else ("", [0, 0])


def refused_glibc(site_packages: list[str], newest: int, machine: str) -> list[int]:
    """Minor versions of glibc 2 that this distribution says it cannot run wheels for (PEP 600)."""
    spec = PathFinder.find_spec("_manylinux", site_packages + sys.path)
    if spec is None or spec.loader is None:
        return []
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    legacy = {5: "manylinux1_compatible", 12: "manylinux2010_compatible", 17: "manylinux2014_compatible"}
    refused = []
    for minor in range(newest + 1):
        if hasattr(module, "manylinux_compatible"):
            answer = module.manylinux_compatible(2, minor, machine)
        else:
            answer = getattr(module, legacy.get(minor, ""), None)
        if answer is not None and not answer:
            refused.append(minor)
    return refused


def mac_version() -> list[int]:
    """The version of macOS; a process that runs in the compatibility mode of old SDKs is told 10.16 and asks again."""
    version = platform.mac_ver()[0]
    if two_numbers(version) != [10, 16]:
        return two_numbers(version)
    command = [sys.executable, "-sS", "-c", "import platform; print(platform.mac_ver()[0])"]
    answer = subprocess.run(command, env={"SYSTEM_VERSION_COMPAT": "0"}, stdout=subprocess.PIPE, check=False).stdout
    return two_numbers(answer.decode("ascii", "replace"))


def environment_home() -> str:
    """The `home` of the virtual environment this interpreter belongs to, empty when it belongs to none.

    Without `site`, Pythons before 3.14 do not look for it themselves.
    """
    directory = os.path.dirname(sys.executable)
    for place in (directory, os.path.dirname(directory)):
        try:
            with open(os.path.join(place, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
                for line in file:
                    key, _, value = line.partition("=")
                    if key.strip().lower() == "home":
                        return value.strip()
        except OSError:
            continue
    return ""


def base_executable(home: str) -> str:
    """The interpreter that the environment was made from; this one when it is no environment's."""
    if not home:
        return sys.executable
    own = os.path.basename(sys.executable)
    names = [own, "python%d.%d" % sys.version_info[:2], "python3", "python", "pypy3", "pypy"]
    for name in names:
        path = os.path.join(home, name)
        if os.path.isfile(path):
            return path
    return os.path.join(home, own)


def implementation_version() -> str:
    """`implementation_version` of the markers, by the recipe of the specification."""
    info = sys.implementation.version
    version = "%d.%d.%d" % info[:3]
    return version if info.releaselevel == "final" else version + info.releaselevel[0] + str(info.serial)


def install_paths() -> dict[str, str]:
    """Where a virtual environment of this interpreter has its parts, relative to its root."""
    names = sysconfig.get_scheme_names()
    scheme = "venv" if "venv" in names else "nt" if os.name == "nt" else "posix_prefix"
    root = os.path.join(os.sep, "environment")
    variables = {"base": root, "platbase": root, "installed_base": root, "installed_platbase": root}
    paths = sysconfig.get_paths(scheme, variables)
    return {name: os.path.relpath(paths[name], root) for name in ("purelib", "platlib", "scripts")}


def own_paths() -> dict[str, Any]:
    """Where this interpreter installs what is for all its users, what it imports from, and where users have theirs."""
    import site  # noqa: PLC0415 (with `-S` this changes nothing)

    paths = sysconfig.get_paths()
    user = "nt_user" if os.name == "nt" else "posix_user"
    if hasattr(sysconfig, "get_preferred_scheme"):  # since 3.10
        user = sysconfig.get_preferred_scheme("user")
    base = os.path.join(os.sep, "user")
    theirs = sysconfig.get_paths(user, {"userbase": base})
    own = {name: paths[name] for name in ("purelib", "platlib", "scripts", "data", "stdlib")}
    sites = [own["purelib"], own["platlib"], *site.getsitepackages()]
    return {
        **own,
        "sites": sorted(set(sites), key=sites.index),
        "user_purelib": os.path.relpath(theirs["purelib"], base),
        "user_scripts": os.path.relpath(theirs["scripts"], base),
    }


def facts() -> dict[str, Any]:
    """Everything there is to tell."""
    elf = read_elf(sys.executable)
    system = platform.system()
    libc, libc_version = c_library(elf) if system == "Linux" else ("", [0, 0])
    home = environment_home()
    debug = sysconfig.get_config_var("Py_DEBUG")
    if debug is None:  # Windows does not say; there only debug builds load `_d.pyd`
        debug = hasattr(sys, "gettotalrefcount") or "_d.pyd" in EXTENSION_SUFFIXES
    site_packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    refused = refused_glibc(site_packages, libc_version[1], platform.machine()) if libc == "glibc" else []
    mac = system == "Darwin"
    version_nodot = sysconfig.get_config_var("py_version_nodot") or "%d%d" % sys.version_info[:2]
    return {
        "prefix": sys.prefix if not home else os.path.dirname(os.path.dirname(sys.executable)),
        "base_prefix": sys.base_prefix,
        "base_executable": base_executable(home),
        "in_environment": bool(home),
        "cache_tag": sys.implementation.cache_tag or "",
        "paths": install_paths(),
        "own_paths": own_paths(),
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": implementation_version(),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": system,
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "python_version": ".".join(platform.python_version_tuple()[:2]),
            "sys_platform": sys.platform,
        },
        "tags": {
            "implementation": sys.implementation.name,
            "version": list(sys.version_info[:2]),
            "version_nodot": version_nodot,
            "extension_suffix": sysconfig.get_config_var("EXT_SUFFIX") or "",
            "debug": bool(debug),
            "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
            "system": system,
            "platform": sysconfig.get_platform(),
            "bits": 8 * struct.calcsize("P"),
            "libc": libc,
            "libc_version": libc_version,
            "refused_glibc": refused,
            "elf": [elf["bits"], elf["machine"], elf["flags"]] if elf else None,
            "mac_version": mac_version() if mac else [0, 0],
            "mac_machine": platform.mac_ver()[2] if mac else "",
        },
    }


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(facts()) + "\n")
