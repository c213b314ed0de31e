"""What a request for a Python can be.

3  3.12  3.12.1  3.13t  3.13+freethreaded   that version; `t` for the free-threaded build
>=3.11,<3.13                                a version within those bounds
cpython@3.12  cpython3.12  cp312  pypy      that implementation, of that version
python3.12  python                          the executable of that name on PATH
cpython-3.12.7-linux-x86_64-gnu             one that dxpy has installed, by the name of its directory
./bin/python  .venv  /opt/py                an executable, or the directory of an environment or installation
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.specifiers import allows, normal_specifier
from dxpy_async.errors import UsageError
from dxpy_async.python.probing import Interpreter, environment_python


class PythonRequest(NamedTuple):
    """A request taken apart: `path`, or `name` on PATH, or `key`, or a version (specifier) of an implementation."""

    path: str | None = None
    name: str | None = None
    key: str | None = None
    implementation: str | None = None
    specifier: str = ""
    minor: tuple[int, int] | None = None
    """Major and minor, when the request names them: the executable `python3.12` is then worth a first look."""
    free_threaded: bool | None = False
    """None: either will do."""

    @property
    def is_version(self) -> bool:
        """Whether it is about what an interpreter is, not about where it is."""
        return self.path is None and self.name is None and self.key is None

    def fits(self, interpreter: Interpreter) -> bool:
        """Whether an interpreter is of the version and implementation that is asked for."""
        return (
            self.implementation in (None, interpreter.implementation)
            and self.free_threaded in (None, interpreter.free_threaded)
            and is_within(interpreter.version, self.specifier)
        )


ANY = PythonRequest()

# Texts, compiled by `re` when they are first used, which in most runs is never.
_VERSION = (
    r"(?P<version>[0-9]+(?:\.[0-9]+){0,2}(?:(?:a|b|rc)[0-9]+)?)(?P<threads>t|\+freethreaded)?(?P<plain>\+default)?"
)
_IMPLEMENTATION = r"(?i:(?P<name>cpython|pypy|graalpy)(?:(?:@|-)?(?P<rest>[0-9<>=!~].*))?)"
_SHORT = r"(?i:(?P<name>cp|pp)(?:(?P<major>[0-9])(?P<minor>[0-9]{1,2})(?P<threads>t?))?)"
_SHORT_NAMES = {"cp": "cpython", "pp": "pypy"}
_KEY = r"[a-z]+-[0-9]+\.[0-9]+\.[0-9]+[a-z0-9]*(?:\+[a-z]+)?-[a-z]+-[a-z0-9_]+-[a-z]+"
_VERSION_NAME = r"(?:python|pypy|graalpy)[0-9.]*t?(?:\.exe)?"


def parse_request(text: str) -> PythonRequest:
    """Raises UsageError for a version or range that does not parse."""
    request = text.strip()
    if not request:
        raise UsageError("the requested Python is empty", hints=("name a version like `3.12`, or a path",))
    if re.fullmatch(_KEY, request):
        return PythonRequest(key=request, free_threaded=None)
    if match := re.fullmatch(_IMPLEMENTATION, request):
        return _version_request(match["rest"] or "", match["name"].lower())
    if (match := re.fullmatch(_SHORT, request)) and not os.path.isdir(request):
        version = f"{match['major']}.{match['minor']}{match['threads']}" if match["major"] else ""
        return _version_request(version, _SHORT_NAMES[match["name"].lower()])
    if request[0] in "0123456789<>=!~" and os.sep not in request:
        return _version_request(request, None)
    named_directory = os.path.isdir(request) and environment_python(Path(request)) is not None
    if os.sep in request or (os.altsep and os.altsep in request) or named_directory:
        return PythonRequest(path=request, free_threaded=None)
    return PythonRequest(name=request, free_threaded=None)


def _version_request(text: str, implementation: str | None) -> PythonRequest:
    if not text:
        return PythonRequest(implementation=implementation, free_threaded=None)
    if match := re.fullmatch(_VERSION, text):
        version = match["version"]
        whole = version.count(".") == 2 or not version.replace(".", "").isdigit()
        parts = re.findall(r"\d+", version)
        return PythonRequest(
            implementation=implementation,
            specifier=f"=={version}" if whole else f"=={version}.*",
            minor=(int(parts[0]), int(parts[1])) if len(parts) > 1 else None,
            free_threaded=match["threads"] is not None,
        )
    try:
        return PythonRequest(implementation=implementation, specifier=normal_specifier(text))
    except parsers.specifiers.InvalidSpecifier as error:
        raise UsageError(
            f"`{text}` is neither a Python version nor a range of versions",
            hints=("name a version like `3.12`, a range like `>=3.11,<3.13`, or a path",),
        ) from error


def python_specifier(text: str) -> str:
    """`text` in its normal form. Raises UsageError for one that is no specifier."""
    try:
        return normal_specifier(text)
    except parsers.specifiers.InvalidSpecifier as error:
        raise UsageError(f"`{text}` is not a range of Python versions") from error


def is_within(version: str, specifier: str) -> bool:
    """Whether a Python of that version is allowed by a specifier in its normal form."""
    try:
        return allows(specifier, Version(version))
    except InvalidVersion:  # what that means is a matter of the operator
        return parsers.specifiers.SpecifierSet(specifier).contains(version, prereleases=True)


def contradicts(request: str, requires_python: str) -> bool:
    """Whether no version that `request` names could satisfy `requires_python`. Of ranges that is not told."""
    wanted = parse_request(request)
    required = python_specifier(requires_python)
    if wanted.minor is None or not required:
        return False
    version = wanted.specifier.removeprefix("==")
    if not version.endswith(".*"):
        return not is_within(version, required)
    return not any(is_within(f"{version[:-1]}{patch}", required) for patch in range(100))
