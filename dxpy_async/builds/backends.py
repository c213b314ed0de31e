"""Asking a build backend: the hooks of PEP 517 and PEP 660, each a process of the interpreter it is asked with.

Nothing that a backend answers is believed before it has been looked at: it is somebody else's program.

Source: https://packaging.python.org/en/latest/specifications/pyproject-toml/#declaring-build-system-dependencies,
https://peps.python.org/pep-0517/, https://peps.python.org/pep-0660/
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

from pyproject_hooks import (
    BackendUnavailable,
    BuildBackendHookCaller,
    HookMissing,
    UnsupportedOperation,
)

from dxpy_async.builds.diagnoses import diagnose
from dxpy_async.builds.processes import ProcessFailed, run_program
from dxpy_async.core import parsers
from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.errors import BuildFailed
from dxpy_async.formats.source_metadata import BuildSystem

T = TypeVar("T")

LOG_NAME = "build.log"

_KILLED = 9
"""The signal that nobody can ignore."""

_KEPT_VARIABLES = frozenset({"PYTHONHASHSEED", "PYTHONWARNINGS", "PYTHONUTF8"})


class Kind(NamedTuple):
    """What is asked for, and the hooks that are about it."""

    what: str
    build: str
    requires: str
    prepare: str = ""


WHEEL = Kind("wheel", "build_wheel", "get_requires_for_build_wheel", "prepare_metadata_for_build_wheel")
EDITABLE = Kind(
    "editable wheel", "build_editable", "get_requires_for_build_editable", "prepare_metadata_for_build_editable"
)
SDIST = Kind("source distribution", "build_sdist", "get_requires_for_build_sdist")


class Surroundings(NamedTuple):
    """What a backend is run with: an interpreter and the variables of its process.

    `is_isolated`: the environment is for builds alone, and has what the tree says that it requires.
    """

    python: Path
    variables: Mapping[str, str]
    is_isolated: bool = True


def surroundings(python: Path, prefix: Path, environ: Mapping[str, str]) -> Surroundings:
    """Those of the environment at `prefix`, whose interpreter is `python`.

    Of `environ` is left out what changes where Python finds modules. No bytecode is written, which would be left in
    directories that are built in place.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON") or name in _KEPT_VARIABLES}
    path = os.pathsep.join([str(python.parent), *filter(None, [environ.get("PATH", os.defpath)])])
    return Surroundings(
        python,
        {
            **kept,
            "PATH": path,
            "VIRTUAL_ENV": str(prefix),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
        },
    )


class Backend:
    """The build backend of one source tree. Its methods block until the backend has answered or `stop` is set.

    `root` is the tree's, `label` what messages call it, `work` a directory for logs. `config` is handed to the backend
    as it is. All methods raise BuildFailed.
    """

    def __init__(
        self,
        system: BuildSystem,
        *,
        root: Path,
        label: str,
        work: Path,
        runs_in: Surroundings,
        config: Mapping[str, tuple[str, ...]],
        timeout: float | None,
        stop: Event,
    ) -> None:
        self._system, self._root, self._label, self._work = system, root, label, work
        self._runs_in, self._timeout, self._stop = runs_in, timeout, stop
        self._config = {key: values[0] if len(values) == 1 else list(values) for key, values in config.items()}
        self._caller = BuildBackendHookCaller(
            str(root),
            system.backend,
            backend_path=list(system.backend_path) or None,
            runner=self._run,
            python_executable=str(runs_in.python),
        )

    def requires(self, kind: Kind) -> tuple[Requirement, ...]:
        """What it needs, beyond what the tree says, to build this."""
        answer = self._ask(kind.requires, lambda hook: hook(self._config))
        if not isinstance(answer, list) or not all(isinstance(each, str) for each in answer):
            raise self._failed(f"`{kind.requires}` gave {_kind(answer)}, not a list of requirements")
        try:
            return tuple([parse_requirement(text) for text in answer])
        except parsers.requirements.InvalidRequirement as error:
            why = str(error).partition("\n")[0]
            raise self._failed(f"`{kind.requires}` gave what is no requirement: {why}") from error

    def metadata(self, kind: Kind, into: Path) -> bytes | None:
        """The METADATA of the wheel that it would build; None when it can only be known by building it.

        `into` is an empty directory for it to write to.
        """
        try:
            answer = self._ask(kind.prepare, lambda hook: hook(str(into), self._config, _allow_fallback=False))
        except HookMissing:
            return None
        place = into / self._named(answer, kind.prepare, ".dist-info") / "METADATA"
        try:
            with open(place, "rb") as file:
                data = file.read(METADATA_BYTES + 1)
        except OSError as error:
            raise self._failed(f"`{kind.prepare}` made no METADATA: {error.strerror}") from error
        if len(data) > METADATA_BYTES:
            raise self._failed(f"`{kind.prepare}` made METADATA of more than {METADATA_BYTES} bytes")
        return data

    def build(self, kind: Kind, into: Path) -> Path:
        """What it builds: a file in the empty directory `into`."""
        try:
            answer = self._ask(kind.build, lambda hook: hook(str(into), self._config))
        except HookMissing as error:
            hints = ("install it as it is, without `editable`",) if kind is EDITABLE else ()
            raise self._failed(f"its backend `{self._system.backend}` cannot build {_a(kind)}", hints=hints) from error
        except UnsupportedOperation as error:
            raise self._failed(
                f"its backend `{self._system.backend}` says that it cannot build {_a(kind)}", output=error.traceback
            ) from error
        ending = ".tar.gz" if kind is SDIST else ".whl"
        built = into / self._named(answer, kind.build, ending)
        if built.is_symlink() or not built.is_file():
            raise self._failed(f"`{kind.build}` promised `{built.name}`, but made no such file")
        return built

    def _named(self, answer: object, hook: str, ending: str) -> str:
        """The name that a hook gave, of something directly in the directory that it was given."""
        if not isinstance(answer, str):
            raise self._failed(f"`{hook}` gave {_kind(answer)}, not a name")
        if os.path.basename(answer) != answer or "\\" in answer or "\0" in answer:
            raise self._failed(f"`{hook}` gave a path outside of the directory that it was given: {answer[:200]!r}")
        if not answer.endswith(ending):
            raise self._failed(f"`{hook}` gave {answer[:200]!r}, which does not end in `{ending}`")
        return answer

    def _ask(self, hook: str, call: Callable[[Callable[..., object]], T]) -> T:
        try:
            return call(getattr(self._caller, hook))
        except ProcessFailed as error:
            hints = diagnose(error.output, label=self._label)
            if error.reason.startswith("took longer"):
                hints.append("`--build-timeout` gives it more time")
            if error.status is not None and error.status == -_KILLED:
                hints.append("a system that runs out of memory kills programs like this")
            reason = f"`{hook}` of `{self._system.backend}` {error.reason}"
            raise self._failed(reason, output=error.output, hints=hints) from error
        except BackendUnavailable as error:
            hint = f"`build-system.requires` has to name what provides `{self._system.backend}`"
            if not self._runs_in.is_isolated:
                requires = ", ".join(f"`{each}`" for each in self._system.requires)
                hint = f"without build isolation what it requires has to be installed before: {requires}"
            raise self._failed(
                f"its backend `{self._system.backend}` cannot be imported",
                output=str(error).strip("\n"),
                hints=(hint,),
            ) from error
        except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
            # the answer is a file that is not there, is not JSON, or not the JSON that is agreed upon
            raise self._failed(f"`{hook}` of `{self._system.backend}` ended without an answer: {error}") from error

    def _run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        run_program(
            cmd,
            cwd=Path(cwd or self._root),
            environ={**self._runs_in.variables, **(extra_environ or {})},
            log=self._work / LOG_NAME,
            timeout=self._timeout,
            stop=self._stop,
        )
        _drop_warnings(Path(cmd[-1]) / "output.json")

    def _failed(self, reason: str, *, output: str = "", hints: tuple[str, ...] | list[str] = ()) -> BuildFailed:
        return BuildFailed(self._label, reason, output=output, hints=hints)


def _drop_warnings(answer: Path) -> None:
    """Leave out of an answer what pyproject-hooks would say to our user: it is for the authors of the source tree.

    A filter of warnings is not enough, since it belongs to the whole process. Raises OSError and ValueError.
    """
    with open(answer, encoding="utf-8") as file:
        content = json.load(file)
    if content.pop("warnings", None):
        with open(answer, "w", encoding="utf-8") as file:
            json.dump(content, file)


def _a(kind: Kind) -> str:
    return f"{'an' if kind.what[0] in 'aeiou' else 'a'} {kind.what}"


def _kind(answer: object) -> str:
    return "nothing" if answer is None else f"a {type(answer).__name__}"
