"""Making virtual environments where nothing has to be fetched; shared with the command line."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.errors import InvalidEnvironment
from dxpy_async.python.environments import VirtualEnvironment, create_environment, open_environment
from dxpy_async.python.interpreters import Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class VenvOptions:
    """How an environment is made, and what becomes of what is there; see `create_environment`.

    `allow_existing` keeps an environment that is there, and makes one among other files.
    """

    prompt: str | None = None
    clear: bool = False
    force: bool = False
    allow_existing: bool = False
    system_site_packages: bool = False
    relocatable: bool = False


DEFAULT_OPTIONS = VenvOptions()


@dataclass(frozen=True, slots=True)
class VenvOutcome:
    """An environment that is as it was asked for, and whether it was made just now."""

    environment: VirtualEnvironment
    created: bool


def make_venv(
    root: Path, interpreter: Interpreter, *, options: VenvOptions = DEFAULT_OPTIONS, cache_dir: Path
) -> VenvOutcome:
    """The environment at `root` (absolute): the one that is there if it is what is asked for, else a new one.

    Raises InvalidEnvironment for one that is there and is not, or does not work, unless it is to be cleared.
    """
    existing = _existing(root, options, cache_dir)
    if existing is None:
        made = create_environment(
            root,
            interpreter,
            prompt=options.prompt,
            clear=options.clear,
            force=options.force,
            beside_others=options.allow_existing,
            system_site_packages=options.system_site_packages,
            relocatable=options.relocatable,
        )
        return VenvOutcome(made, created=True)
    if difference := _difference(existing, interpreter, options):
        raise InvalidEnvironment(
            f"there is a virtual environment at `{root}` already, and {difference}",
            hints=("replace it with `--clear`",),
        )
    return VenvOutcome(existing, created=False)


def _existing(root: Path, options: VenvOptions, cache_dir: Path) -> VirtualEnvironment | None:
    if options.clear or not root.is_dir():
        return None
    try:
        return open_environment(root, cache_dir=cache_dir)
    except InvalidEnvironment:
        if options.allow_existing and not (root / "pyvenv.cfg").exists():
            return None
        raise


def _difference(existing: VirtualEnvironment, interpreter: Interpreter, options: VenvOptions) -> str | None:
    """In what way an environment is not what is asked for, in words; None when it is."""
    there = existing.interpreter
    if (there.executable, there.version) != (interpreter.executable, interpreter.version):
        return f"it is one of {there.describe()} at `{there.executable}`"
    if existing.system_site_packages != options.system_site_packages:
        return f"it {'sees' if existing.system_site_packages else 'does not see'} the packages of its interpreter"
    if options.relocatable and not existing.scheme.relocatable:
        return "it cannot be moved"
    return None


def seeds(interpreter: Interpreter) -> tuple[str, ...]:
    """What `--seed` installs: pip, and what came along with it before Python 3.12."""
    major, minor, *_ = interpreter.version.split(".")
    return ("pip",) if (int(major), int(minor)) >= (3, 12) else ("pip", "setuptools", "wheel")
