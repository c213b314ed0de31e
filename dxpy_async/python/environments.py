"""Virtual environments: made by dxpy itself, and those that are there already, dxpy's or anybody's, as values.

    <root>/
      pyvenv.cfg                      what makes it one: where its interpreter is; comes into being last
      bin/python, python3, python3.X  links to the interpreter; with the activation scripts
      lib/python3.X/site-packages     lib64 is a link to lib where systems have both
      .gitignore, CACHEDIR.TAG        keep it out of repositories and backups

While an environment is being made its pyvenv.cfg has another name, so that one whose making was interrupted is known
for what it is, and made anew by the next try. On Windows executables are copies of the launcher that Python ships for
this purpose; that part has not been run.

Source: https://packaging.python.org/en/latest/specifications/virtual-environments/
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import InterpreterError, InvalidEnvironment
from dxpy_async.python.activation import activation_scripts, batch_scripts
from dxpy_async.python.probing import Interpreter, environment_python, probe
from dxpy_async.python.skeletons import (
    CONFIGURATION,
    LOCK_FILE,
    UNFINISHED,
    begin,
    can_be_at,
    default_prompt,
    finish,
    make_skeleton,
    write,
)

if TYPE_CHECKING:
    from dxpy_async.core.schemes import SkeletonFacts

__all__ = [
    "CONFIGURATION",
    "LOCK_FILE",
    "VirtualEnvironment",
    "create_environment",
    "open_environment",
    "skeleton_facts",
]

_CONFIGURATION_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class VirtualEnvironment:
    """An environment at `root` (absolute) with the interpreter it was made from and the places of its parts.

    `system_site_packages`: whether it sees what is installed into that interpreter. `is_virtual` is false for other
    places that packages are installed in (`python.places`).
    """

    root: Path
    interpreter: Interpreter
    scheme: InstallScheme
    system_site_packages: bool = False
    is_virtual: bool = True

    @property
    def python(self) -> Path:
        """The environment's own executable."""
        return self.scheme.python


# --- those that are there ---------------------------------------------------------------------------------------------


def open_environment(root: Path, *, cache_dir: Path) -> VirtualEnvironment | None:
    """The environment at `root` (absolute), whoever made it. None when there is nothing yet or nothing finished.

    Raises InvalidEnvironment for something that is no environment, and for one that does not work any more: its
    interpreter is gone, or has become another version.
    """
    configuration = _read_configuration(root)
    if configuration is None:
        return None
    if not configuration.get("home"):
        raise _broken(root, f"its {CONFIGURATION} does not say where its interpreter is")
    python = environment_python(root)
    if python is None:
        raise _broken(root, "it has no interpreter")
    if not python.exists():
        raise _broken(root, f"its interpreter `{os.path.realpath(python)}` is gone")
    try:
        interpreter = probe(python, cache_dir=cache_dir)
    except InterpreterError as error:
        raise _broken(root, f"its interpreter does not work: {error}") from error
    # another patch release takes over what was installed, another minor version does not look for it where it is
    made_with = configuration.get("version_info") or configuration.get("version") or interpreter.version
    if made_with.split(".")[:2] != interpreter.version.split(".")[:2]:
        raise _broken(root, f"it was made with Python {made_with}, and its interpreter is {interpreter.version} now")
    relocatable, system = (
        configuration.get(key, "").lower() == "true" for key in ("relocatable", "include-system-site-packages")
    )
    return VirtualEnvironment(root, interpreter, _scheme(root, interpreter, python, relocatable), system)


def _read_configuration(root: Path) -> dict[str, str] | None:
    """The keys (lower case) and values of a pyvenv.cfg; None when there is nothing yet or nothing finished."""
    try:
        with open(root / CONFIGURATION, "rb") as file:
            text = file.read(_CONFIGURATION_BYTES).decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        if not _is_blank(_entries(root)):
            raise InvalidEnvironment(
                f"`{root}` is not a virtual environment: it has no {CONFIGURATION}",
                hints=("remove the directory, or choose another one",),
            ) from None
        return None
    except OSError as error:
        raise InvalidEnvironment(f"`{root}` cannot be read: {error.strerror}") from error
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _entries(root: Path) -> list[str] | None:
    """What is in the directory, None when there is none. Raises InvalidEnvironment when it is something else."""
    try:
        return os.listdir(root)
    except FileNotFoundError:
        if os.path.islink(root):
            raise InvalidEnvironment(
                f"`{root}` is a link to `{os.readlink(root)}`, which does not exist", hints=("remove the link",)
            ) from None
        return None
    except NotADirectoryError:
        if not os.path.lexists(root):
            raise InvalidEnvironment(
                f"no environment can be at `{root}`: what it would lie in is not a directory",
                hints=("choose another place",),
            ) from None
        raise InvalidEnvironment(
            f"`{root}` is not a directory", hints=("remove it, or choose another place for the environment",)
        ) from None
    except OSError as error:
        raise InvalidEnvironment(f"`{root}` cannot be read: {error.strerror}") from error


def _is_blank(entries: list[str] | None) -> bool:
    """Whether nothing would be lost by making an environment there: nothing is, or one whose making was interrupted."""
    return not entries or UNFINISHED in entries or entries == [LOCK_FILE]


def _broken(root: Path, reason: str) -> InvalidEnvironment:
    return InvalidEnvironment(
        f"the environment `{root}` does not work: {reason}", hints=("make it again with `dxpy venv --clear`",)
    )


def _scheme(root: Path, interpreter: Interpreter, python: Path, relocatable: bool) -> InstallScheme:
    purelib, platlib = root / interpreter.purelib, root / interpreter.platlib
    if platlib != purelib and os.path.realpath(platlib) == os.path.realpath(purelib):
        platlib = purelib  # lib64 is a link to lib: one directory, one name
    return InstallScheme(
        prefix=root,
        purelib=purelib,
        platlib=platlib,
        scripts=root / interpreter.scripts,
        data=root,
        headers=root / "include" / "site" / purelib.parent.name,
        python=python,
        cache_tag=interpreter.cache_tag,
        relocatable=relocatable,
    )


# --- making one -------------------------------------------------------------------------------------------------------


def create_environment(
    root: Path,
    interpreter: Interpreter,
    *,
    prompt: str | None = None,
    clear: bool = False,
    force: bool = False,
    beside_others: bool = False,
    system_site_packages: bool = False,
    relocatable: bool = False,
) -> VirtualEnvironment:
    """Make an environment at `root` (absolute), with nothing installed in it.

    What is there is in the way: `clear` removes an environment, with `force` any directory, and `beside_others` makes
    it among files that are none of its own. The prompt is the directory's name when none is given, the name of the
    directory around it for `.venv`. A `relocatable` one can be moved as a whole. Raises InvalidEnvironment when it is
    not to be made there, and when the disk does not let it be made.
    """
    _check_place(root, interpreter)
    entries = _entries(root)
    try:
        if entries:
            _make_room(root, interpreter, entries, clear=clear, force=force, beside_others=beside_others)
        return _make(root, interpreter, prompt or default_prompt(str(root)), system_site_packages, relocatable)
    except OSError as error:
        at = f" ({error.filename})" if error.filename else ""
        raise InvalidEnvironment(f"the environment `{root}` cannot be made: {error.strerror}{at}") from error


def _check_place(root: Path, interpreter: Interpreter) -> None:
    if not root.is_absolute():
        raise ValueError(f"the path of an environment must be absolute: {root}")
    text = str(root)
    if not can_be_at(text):
        raise InvalidEnvironment(
            f"an environment cannot be at {text!r}: a shell would not find its executables in a directory of that name",
            hints=(f"choose a path without {os.pathsep!r} and control characters",),
        )
    if os.path.realpath(interpreter.executable).startswith(os.path.join(os.path.realpath(root), "")):
        raise InvalidEnvironment(f"`{root}` holds the very interpreter that the environment would be made with")


def _make_room(
    root: Path, interpreter: Interpreter, entries: list[str], *, clear: bool, force: bool, beside_others: bool
) -> None:
    """Empty the directory if it may be emptied. Interrupted, it is an unfinished environment, which may be, too."""
    if CONFIGURATION in entries:
        if not clear:
            raise InvalidEnvironment(
                f"there is a virtual environment at `{root}` already", hints=("replace it with `--clear`",)
            )
        _check_expendable(root, entries)
        os.replace(root / CONFIGURATION, root / UNFINISHED)
    elif not _is_blank(entries):
        if beside_others and not clear:
            _check_free(root, interpreter, entries)
            return
        if not (clear and force):
            raise InvalidEnvironment(
                f"the directory `{root}` is not empty, and not a virtual environment",
                hints=(f"choose another directory, or let this be emptied by `dxpy venv --clear --force {root}`",),
            )
        _check_expendable(root, entries)
    for name in entries:
        if name not in (CONFIGURATION, UNFINISHED, LOCK_FILE):
            _remove(os.path.join(root, name))


def _check_expendable(root: Path, entries: list[str]) -> None:
    for sign in ("pyproject.toml", ".git"):
        if sign in entries:
            raise InvalidEnvironment(
                f"`{root}` holds `{sign}` too, so it is not cleared",
                hints=("remove the environment's files by hand, or choose another directory",),
            )


def _check_free(root: Path, interpreter: Interpreter, entries: list[str]) -> None:
    """Whether nothing that is there has the name of a part of the environment."""
    parts = {Path(place).parts[0] for place in (interpreter.purelib, interpreter.platlib, interpreter.scripts)}
    taken = sorted(parts.union(("lib64", ".gitignore", "CACHEDIR.TAG")).intersection(entries))
    if taken:
        raise InvalidEnvironment(
            f"no environment can be made among the files in `{root}`: there is `{taken[0]}` already",
            hints=("choose another directory",),
        )


def _remove(path: str) -> None:
    """Remove a file, a link (never what it points to) or a directory with all that is in it."""
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    for directory, subdirectories, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
        for name in subdirectories:
            inner = os.path.join(directory, name)
            os.unlink(inner) if os.path.islink(inner) else os.rmdir(inner)
    os.rmdir(path)


def skeleton_facts(interpreter: Interpreter) -> SkeletonFacts:
    """What an environment's files depend on, of its interpreter."""
    markers = interpreter.target.markers
    short = ".".join(markers["python_version"].split(".")[:2])
    names = ["python3", f"python{short}{'t' if interpreter.free_threaded else ''}"]
    if interpreter.implementation == "pypy":
        names += ["pypy", "pypy3", f"pypy{short}"]
    return (
        str(interpreter.executable),
        markers["platform_python_implementation"],
        interpreter.version,
        interpreter.purelib,
        interpreter.scripts,
        tuple(names),
        interpreter.is_64bit and markers["sys_platform"] not in ("darwin", "win32"),
    )


def _make(
    root: Path, interpreter: Interpreter, prompt: str, system_site_packages: bool, relocatable: bool
) -> VirtualEnvironment:
    base, facts = str(root), skeleton_facts(interpreter)
    python = os.path.join(base, interpreter.scripts, "python")
    if interpreter.is_windows:
        begin(base, facts, prompt, system_site_packages, relocatable)
        os.makedirs(os.path.join(base, interpreter.purelib))
        os.makedirs(os.path.dirname(python), exist_ok=True)
        python = _copy_launchers(interpreter, os.path.dirname(python))
        scripts = activation_scripts(base, interpreter.scripts, prompt, relocatable=relocatable)
        finish(base, interpreter.scripts, {**scripts, **batch_scripts(prompt)})
    else:
        make_skeleton(base, facts, prompt, system_site_packages, relocatable)
    scheme = _scheme(root, interpreter, Path(python), relocatable)
    return VirtualEnvironment(root, interpreter, scheme, system_site_packages)


def _copy_launchers(interpreter: Interpreter, scripts: str) -> str:
    """Copies of Python's own launchers, which read pyvenv.cfg and start the interpreter it names."""
    templates = interpreter.base_prefix / "Lib" / "venv" / "scripts" / "nt"
    for name, other_name in (("python.exe", "venvlauncher.exe"), ("pythonw.exe", "venvwlauncher.exe")):
        sources = (templates / name, templates / other_name, interpreter.executable.with_name(name))
        source = next((path for path in sources if path.exists()), None)
        if source is not None:
            write(os.path.join(scripts, name), source.read_bytes())
    return os.path.join(scripts, "python.exe")
