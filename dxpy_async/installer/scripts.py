"""The commands of an environment: launchers for entry points, and the scripts that wheels bring along.

A launcher is a small Python file whose first line names the environment's interpreter. Windows starts no such file by
its first line, so there a launcher is two files, `name-script.py` and `name.cmd` which starts it; dxpy carries no
`.exe`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import FileConflict, InvalidWheel
from dxpy_async.installer.shebang import RELOCATABLE, shebang

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")

_NAME = re.compile(r"[^/\\:\x00-\x1f\x7f]+")
_REFERENCE = re.compile(
    r"\s*(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*:\s*(?P<attribute>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?:\[[^\]]*\])?\s*"
)
_PROTECTED = re.compile(
    r"(?:python[0-9.]*[dtmw]?|pypy[0-9.]*w?|graalpy[0-9.]*|activate|deactivate)(?:\.exe)?"
    r"|activate(?:_this)?\.(?:csh|fish|ps1|bat|cmd|nu|xsh|py)|deactivate\.bat|pydoc\.bat|pyvenv\.cfg",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(rb"#!python(w?)[^\r\n]*\r?\n")


class Script(NamedTuple):
    """A file for the scripts directory: its name and its bytes; all are executable."""

    name: str
    contents: bytes


def is_protected_script(name: str) -> bool:
    """Whether a file of that name in the scripts directory belongs to the environment itself, on any platform."""
    return _PROTECTED.fullmatch(name) is not None


def check_script_name(name: str, wheel: str) -> None:
    """Raise InvalidWheel for a name that is no plain file name, FileConflict for one of the environment's own."""
    if not _NAME.fullmatch(name) or name in (".", "..") or len(name.encode()) > 200:
        raise InvalidWheel(wheel, f"has a script with an invalid name: {name[:200]!r}")
    if is_protected_script(name):
        raise FileConflict(f"`{wheel}` has a script `{name}`, which would replace a part of the environment itself")


def launchers(entry_points: Mapping[str, Mapping[str, str]], scheme: InstallScheme, wheel: str) -> Iterator[Script]:
    """The files that start a wheel's `console_scripts` and `gui_scripts`; `wheel` names it in errors.

    Source: https://packaging.python.org/en/latest/specifications/entry-points/
    """
    for group in SCRIPT_GROUPS:
        for name, reference in entry_points.get(group, {}).items():
            check_script_name(name, wheel)
            match = _REFERENCE.fullmatch(reference)
            if match is None:
                raise InvalidWheel(
                    wheel, f"has an entry point that is not `module:function`: {name} = {reference[:200]!r}"
                )
            yield from _launcher(name, match["module"], match["attribute"], scheme, windowed=group == "gui_scripts")


def rewrite_shebang(contents: bytes, scheme: InstallScheme) -> bytes | None:
    """A wheel's own script, made to start with the environment's interpreter; None when it does not ask for that.

    It asks by a first line that begins `#!python` or `#!pythonw`; what else is in that line is dropped.

    Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#recommended-installer-features
    """
    match = _PLACEHOLDER.match(contents)
    if match is None:
        return None
    if is_windows(scheme):
        start = f"#!{_interpreter(scheme, windowed=bool(match[1]))}\r\n".encode()
    else:
        start = first_lines(scheme)
    return start + contents[match.end() :]


def first_lines(scheme: InstallScheme) -> bytes:
    """What every script begins with that the environment's interpreter is to run, but on Windows."""
    return RELOCATABLE if scheme.relocatable else shebang(str(scheme.python))


def is_windows(scheme: InstallScheme) -> bool:
    """Whether the environment is one for Windows: its interpreter's name says so."""
    return scheme.python.name.lower().endswith(".exe")


def _launcher(name: str, module: str, attribute: str, scheme: InstallScheme, *, windowed: bool) -> Iterator[Script]:
    start = b"" if is_windows(scheme) else first_lines(scheme)
    imported = attribute.partition(".")[0]
    body = (
        f"import sys\n\nfrom {module} import {imported}\n\n"
        f'if __name__ == "__main__":\n{{argv}}    sys.exit({attribute}())\n'
    )
    if not is_windows(scheme):
        yield Script(name, start + body.format(argv="").encode())
        return
    suffix = "-script.pyw" if windowed else "-script.py"
    argv = f"    sys.argv[0] = sys.argv[0][:-{len(suffix)}]\n"
    yield Script(f"{name}{suffix}", start + body.format(argv=argv).encode())
    interpreter = _interpreter(scheme, windowed=windowed).replace("%", "%%")
    yield Script(f"{name}.cmd", f'@"{interpreter}" "%~dp0{name.replace("%", "%%")}{suffix}" %*\r\n'.encode())


def _interpreter(scheme: InstallScheme, *, windowed: bool) -> str:
    if windowed and is_windows(scheme):
        return str(scheme.python.with_name("pythonw.exe"))
    return str(scheme.python)
