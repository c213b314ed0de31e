"""The files that make a directory an environment, from a few facts of the interpreter, with hardly an import.

The facts are a plain tuple so that they can be kept in a record and used again where loading what makes them out of an
interpreter would cost five times as much as making the environment.
"""

from __future__ import annotations

import os

from dxpy_async.python.activation import activation_scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxpy_async.core.schemes import SkeletonFacts

CONFIGURATION = "pyvenv.cfg"

UNFINISHED = ".pyvenv.cfg.unfinished"
"""What pyvenv.cfg is called until everything else is there."""

LOCK_FILE = ".lock"
"""The file by whose lock processes take turns in an environment; it may be there before and outlives a clearing."""

_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# An environment that dxpy can make again.\n"
"""Source: https://bford.info/cachedir/"""


def can_be_at(root: str) -> bool:
    """Whether shells can find executables in a directory of that name."""
    return os.pathsep not in root and not any(character < " " or character == "\x7f" for character in root)


def default_prompt(root: str) -> str:
    """The directory's name, that of the directory around it for `.venv`."""
    parent, name = os.path.split(root)
    return (os.path.basename(parent) if name == ".venv" else name) or "venv"


def make_skeleton(
    root: str, facts: SkeletonFacts, prompt: str, system_site_packages: bool = False, relocatable: bool = False
) -> None:
    """Make an environment at `root` (absolute; blank or not there), for systems with links. Raises OSError."""
    executable, _, _, purelib, scripts_name, names, lib64 = facts
    scripts = f"{root}{os.sep}{scripts_name}"
    begin(root, facts, prompt, system_site_packages, relocatable)
    os.makedirs(f"{root}{os.sep}{purelib}")
    if lib64:
        os.symlink("lib", f"{root}{os.sep}lib64")
    os.makedirs(scripts, exist_ok=True)
    os.symlink(executable, f"{scripts}{os.sep}python")
    for name in names:
        os.symlink("python", f"{scripts}{os.sep}{name}")
    finish(root, scripts_name, activation_scripts(root, scripts_name, prompt, relocatable=relocatable))


def begin(root: str, facts: SkeletonFacts, prompt: str, system_site_packages: bool, relocatable: bool = False) -> None:
    """Make the directory, and the configuration under its first name."""
    executable, implementation, version, *_ = facts
    shown = "".join(character if character.isprintable() else " " for character in prompt)
    lines = {
        "home": os.path.dirname(executable),
        "implementation": implementation,
        "version_info": version,
        "include-system-site-packages": "true" if system_site_packages else "false",
        "prompt": shown,
        "executable": executable,
    }
    if relocatable:
        lines["relocatable"] = "true"
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())
    try:
        os.mkdir(root)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(root, exist_ok=True)
    write(f"{root}{os.sep}{UNFINISHED}", text.encode("utf-8", "surrogateescape"))


def finish(root: str, scripts_name: str, activation: Mapping[str, bytes]) -> None:
    """Add what does not depend on the interpreter, and give the configuration its name."""
    for name, content in activation.items():
        write(f"{root}{os.sep}{scripts_name}{os.sep}{name}", content)
    write(f"{root}{os.sep}.gitignore", b"*\n")
    write(f"{root}{os.sep}CACHEDIR.TAG", _CACHE_TAG)
    os.rename(f"{root}{os.sep}{UNFINISHED}", f"{root}{os.sep}{CONFIGURATION}")


def write(path: str, content: bytes) -> None:
    """Write a whole file."""
    # three system calls; `open` makes six, and a third of the time of making an environment goes into its small files
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        written = os.write(descriptor, content)
        while written < len(content):  # a disk that fills up takes a part first
            written += os.write(descriptor, content[written:])
    finally:
        os.close(descriptor)
