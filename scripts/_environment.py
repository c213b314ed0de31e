"""The environments that the scripts here make for themselves, inside the clone and nowhere else.

Everything goes below `.dxpy-dev/`, which git ignores: one virtual environment per purpose, and the caches. An
environment is made anew when `pyproject.toml`, the interpreter or the clone's place changed, and else used as it is.

This file, and the scripts that import it, keep to syntax that Python 3.6 can parse: on an old Python they shall say
what is wrong, not stumble over themselves.
"""

import os
import shutil
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the very message for those who have an older one
    _newer = [name for name in (f"python3.{minor}" for minor in range(15, 10, -1)) if shutil.which(name)]
    _way_out = (
        f"run it again with `{_newer[0]}`, which is on this machine"
        if _newer
        else "install a newer Python beside this one (the system's own can stay) and run it again with that"
    )
    sys.exit(
        f"error: dxpy needs Python 3.11 or newer; this is Python {sys.version_info[0]}.{sys.version_info[1]} "
        f"({sys.executable})\n\nhint: {_way_out}"
    )

import hashlib
import importlib.util
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The clone."""

PLACE = ROOT / ".dxpy-dev"
"""Where everything goes that the scripts make."""

_DISTURBING = frozenset({"VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "__PYVENV_LAUNCHER__"})


class EnvironmentProblem(Exception):
    """Something on this machine keeps a script from doing its work; the text says what, and what helps."""


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The surrounding variables without those that send Python or pip somewhere else, and pip's cache in the clone."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON") and name not in _DISTURBING}
    return {**kept, "PIP_CACHE_DIR": str(PLACE / "pip"), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}


def base_interpreter() -> str:
    """The interpreter itself, also when this one runs inside a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def group_requirements(groups: Mapping[str, Any], name: str) -> list[str]:
    """The requirements of one dependency group, included groups unfolded.

    pip reads groups itself from 25.1 on, but a new environment has whatever pip its Python brought along.
    Source: https://packaging.python.org/en/latest/specifications/dependency-groups/
    """
    requirements: list[str] = []
    for entry in groups[name]:
        requirements += [entry] if isinstance(entry, str) else group_requirements(groups, entry["include-group"])
    return requirements


def stamp(pyproject: bytes, groups: Sequence[str]) -> str:
    """What an environment is made from, in one text; another text means that it has to be made anew."""
    facts = [sys.version, base_interpreter(), str(ROOT), *groups]
    return hashlib.sha256(pyproject + "\0".join(facts).encode()).hexdigest()


def is_fresh(environment: Path, wanted: str) -> bool:
    """Whether an environment was finished from the same facts and its interpreter is still there."""
    written = environment / "stamp"
    return program(environment, "python").exists() and written.is_file() and written.read_text() == wanted


def program(environment: Path, name: str) -> Path:
    """Where a program of a virtual environment lies."""
    return environment / (f"Scripts/{name}.exe" if os.name == "nt" else f"bin/{name}")


def prepare(name: str, *, groups: Sequence[str] = ()) -> Path:
    """Make the environment `name` with this clone (editable) and the dependency groups in it, unless it is there."""
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    environment, wanted = PLACE / name, stamp(pyproject, groups)
    if is_fresh(environment, wanted):
        return environment
    require_venv()
    table = tomllib.loads(pyproject.decode())
    requirements = [line for group in groups for line in group_requirements(table["dependency-groups"], group)]
    say(f"Setting up {environment.relative_to(ROOT)} (the first time only; a minute or so)")
    if environment.exists():
        shutil.rmtree(environment)
    run([sys.executable, "-m", "venv", str(environment)], shown=f"python -m venv {environment.relative_to(ROOT)}")
    python = str(program(environment, "python"))
    run(
        [python, "-m", "pip", "install", "--quiet", "--editable", str(ROOT), *requirements],
        shown=" ".join(["pip install --editable .", *(f"--group {group}" for group in groups)]),
    )
    # Written last: an environment without it was not finished.
    (environment / "stamp").write_text(wanted)
    return environment


def require_venv() -> None:
    """Some Linux distributions ship Python in parts and leave out the one that makes environments: say which."""
    missing = [module for module in ("venv", "ensurepip") if importlib.util.find_spec(module) is None]
    if missing:
        raise EnvironmentProblem(
            f"this Python ({sys.executable}) comes without {' and '.join(missing)}, which make virtual environments"
            f"\n\nhint: on Debian and Ubuntu `sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv`"
            " adds them; elsewhere, look for a package like it or use a Python from python.org"
        )


def require_room(*needs: tuple[str | os.PathLike[str], int]) -> None:
    """Say at once when a disk has less than all that these places on it need, in MiB."""
    wanted: dict[int, int] = {}
    for place, mebibytes in needs:
        device = os.stat(place).st_dev
        wanted[device] = wanted.get(device, 0) + mebibytes
        free = shutil.disk_usage(place).free >> 20
        if free < wanted[device]:
            raise EnvironmentProblem(
                f"too little room on the disk of {os.fspath(place)}: this needs {wanted[device]} MiB, and {free} MiB"
                " are free\n\nhint: make room, or let TMPDIR and the clone be on another disk"
            )


def say(text: str) -> None:
    """One line from the script itself, in order with what the commands print."""
    print(f"\n{text}", flush=True)


def run(command: Sequence[str], *, shown: str = "", cwd: Path = ROOT, more: Mapping[str, str] | None = None) -> None:
    """Show a command (or `shown` in its place), then run it with `more` variables; when it fails, end with its code."""
    print(f"$ {shown or shlex.join(command)}", flush=True)
    code = subprocess.call(command, cwd=cwd, env={**clean_environ(os.environ), **(more or {})})
    if code:
        # A negative code is the signal that ended it; shells say 128 + n.
        raise SystemExit(128 - code if code < 0 else code)


def main(script: Callable[[], None]) -> None:
    """Run a script; what keeps it from working is one message, and Ctrl-C needs none."""
    try:
        script()
    except EnvironmentProblem as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
