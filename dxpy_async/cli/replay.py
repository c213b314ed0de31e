"""`dxpy sync` into an environment that is not there yet, when the same sync was done before: made from its blueprint.

Everything that decides what the sync comes to is in the blueprint's key: the bytes of pyproject.toml and dxpy.lock, the
options, the variables and what says where interpreters are. So there is nothing to parse and nothing to select, and
whoever makes the same environment again (a build machine, a second clone, a deleted `.venv`) waits for the links alone.
At any doubt the next rung of the ladder takes over, which also writes the blueprints.

Like `quick` this loads next to nothing: `typing`, `re` or `dataclasses` alone take longer than a hundred packages.
"""

from __future__ import annotations

import gc
import os
import sys
import time

from blake3 import blake3

from dxpy_async.cli.output import Output, count, duration, wants_color
from dxpy_async.cli.quick import SEARCHED, state_facts
from dxpy_async.core.places import COMPILING, ENVIRONMENT_NAME, LOCK_NAME, PROJECT_NAME
from dxpy_async.errors import DxpyError
from dxpy_async.installer.assembling import Assembly
from dxpy_async.installer.blueprints import Blueprint, blueprint_time, kernel_of
from dxpy_async.installer.state import record_environment, take_stamps
from dxpy_async.project.cache_place import absolute_cache_dir
from dxpy_async.project.config_places import config_files, projects_above
from dxpy_async.project.pin_files import first_request, project_pins
from dxpy_async.python.skeletons import LOCK_FILE, can_be_at, make_skeleton
from dxpy_async.store.locks import FileLock, is_held
from dxpy_async.store.root_files import root_place, write_root
from dxpy_async.store.unsealed_notes import was_left_open

_DAY_NS = 24 * 60 * 60 * 1_000_000_000
_NEEDLESS = ("--offline", "--no-progress")
"""Flags that change nothing about a sync that only links."""
_SWITCHES = ("no_dev", "all_groups", "all_extras", "compile_bytecode", "allow_overwrites", "no_config")
_VALUES = ("link_mode", "extra", "group", "no_group")
_LISTS = ("extra", "group", "no_group")
_REQUEST = (
    *("index_url", "extra_index_url", "find_links", "python", "link_mode", "resolution", "prerelease"),
    *("prerelease_package", "exclude_newer", "exclude_newer_package", "constraint", "override", "compile_bytecode"),
    *("allow_overwrites", "extra", "all_extras", "group", "no_group", "no_dev", "all_groups", "python_preference"),
    *("no_extra", "no_default_groups", "dev", "only_group", "only_dev", "package", "all_packages"),
    *("no_install_project", "no_install_workspace", "no_install_package", "no_install_local"),
    *("no_index", "index_strategy", "no_config", "config_file"),
    *("no_build", "no_build_package", "no_binary", "no_binary_package", "no_build_isolation"),
    *("no_build_isolation_package", "config_setting", "config_settings_package", "build_constraint", "build_timeout"),
    *("no_sources", "no_sources_package"),
)
"""The flags that decide what a sync does, in the order in which they stand in its state record."""
_FILES = ("DXPY_BUILD_CONSTRAINT", "DXPY_CONSTRAINT", "DXPY_OVERRIDE", "DXPY_CONFIG_FILE", "UV_CONFIG_FILE")
"""Variables by which more than the two files is read."""


def answer(arguments: list[str], root: str, *, quiet: bool) -> int | None:
    """Carry out `sync` with these arguments for the project at `root`; None when the next rung must."""
    given, environ = _given(arguments), os.environ
    environment = f"{root}/{ENVIRONMENT_NAME}"
    cache_dir = absolute_cache_dir(environ)
    if given is None or cache_dir is None or os.path.lexists(environment) or not can_be_at(root):
        return None
    started = time.perf_counter()
    files = [f"{root}/{PROJECT_NAME}", f"{root}/{LOCK_NAME}", *project_pins(root, environ)]
    files += [*config_files(root, environ), *projects_above(root)]
    request = describe_request(given)
    stamps = take_stamps(files, time.time_ns())
    key = key_of(root, request, environ)
    blueprint = _usable_blueprint(cache_dir, key, frozen="frozen" in given) if key is not None else None
    if blueprint is None:
        return None
    output = Output(verbosity=-1 if quiet else 0, color=wants_color("auto", sys.stderr, dict(environ)))
    locks = [FileLock(f"{environment}/{LOCK_FILE}"), FileLock(f"{cache_dir}/store.lock", shared=True)]
    gc.disable()  # a hundred thousand values that all live to the end
    try:
        if not all(lock.try_acquire() for lock in locks) or os.listdir(environment) != [LOCK_FILE]:
            return None
        resolved, began = time.perf_counter() - started, time.perf_counter()
        site, scripts = blueprint.skeleton[3:5]
        if blueprint.symlinks and was_left_open(cache_dir):
            return None
        if blueprint.symlinks:
            write_root(cache_dir, environment, [wheel.key for wheel in blueprint.wheels])
            files.append(root_place(cache_dir, environment))
        make_skeleton(environment, blueprint.skeleton, blueprint.prompt)
        assembly = Assembly(environment, site=site, scripts=scripts, cache_dir=cache_dir)
        assembly.install(blueprint.wheels, symlinks=blueprint.symlinks)
        took = time.perf_counter() - began
        python = f"{environment}/{scripts}/python"
        facts = state_facts(request if blueprint.checked else f"{request} frozen".lstrip(), environ)
        record_environment(environment, facts, files, python, [f"{environment}/{site}"], len(blueprint.wheels), stamps)
    except (DxpyError, OSError):
        return None  # what was begun is as after a kill, and the next rung repairs that before it does it properly
    except KeyboardInterrupt:
        output.error("interrupted")
        return 130
    finally:
        gc.enable()
        for lock in locks:
            lock.release()
    output.say(f"Resolved {count(blueprint.locked)} in {duration(resolved)}")
    if blueprint.message:
        output.warn(blueprint.message)
    output.say(f"Installed {count(len(blueprint.wheels))} in {duration(took)}")
    output.changes(("+", wheel.name, wheel.version) for wheel in blueprint.wheels)
    return 0


def describe_request(given: dict[str, object]) -> str:
    """The flags that decide what a sync does, as one text; empty for the plain `dxpy sync`."""
    return " ".join([f"{name}={value!r}" for name in _REQUEST if (value := given.get(name))])


def key_of(root: str, request: str, environ: dict[str, str] | os._Environ[str]) -> str | None:
    """The key of a sync's blueprint; None when one of the two files is not there, or other files are read as well."""
    if any(environ.get(name) for name in _FILES):
        return None
    digest = _circumstances(request, environ)
    try:
        for name in (PROJECT_NAME, LOCK_NAME):
            with open(f"{root}/{name}", "rb") as file:
                digest.update(blake3(file.read()).digest())
        if pin := first_request(project_pins(root, environ)):
            digest.update(pin.encode("utf-8", "surrogateescape"))
        for path in config_files(root, environ):
            if os.path.exists(path):
                with open(path, "rb") as file:
                    digest.update(path.encode("utf-8", "surrogateescape") + blake3(file.read()).digest())
    except OSError:
        return None
    return digest.hexdigest()


def _circumstances(request: str, environ: dict[str, str] | os._Environ[str]) -> blake3:
    """A digest of what a blueprint hangs on besides files: our version, the flags, the variables, the search path."""
    texts = [*state_facts(request, environ).values(), sys.executable, *(environ.get(name, "") for name in SEARCHED)]
    return blake3("\0".join(texts).encode("utf-8", "surrogateescape"))


def _usable_blueprint(cache_dir: str, key: str, *, frozen: bool) -> Blueprint | None:
    """The blueprint of this key, if it may be used: it is of today, and since then nothing has changed.

    One is used for a day, and not after the machine was started again: then the next rung looks at everything once
    more, and the store learns that the wheels are in use.
    """
    written = blueprint_time(cache_dir, key)
    if written is None or written < time.time_ns() - min(_DAY_NS, _running_ns()):
        return None
    blueprint = Blueprint.read(cache_dir, key)
    if blueprint is None or not (frozen or blueprint.checked) or not blueprint.still_fits(kernel_of(os.uname())):
        return None
    if blueprint.compiling and not is_held(f"{cache_dir}/{COMPILING}"):
        return None  # whoever was making bytecode was killed: the next rung starts another
    return blueprint


def _running_ns() -> int:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime_ns(clock) if clock is not None else time.monotonic_ns()


def _given(arguments: list[str]) -> dict[str, object] | None:
    """The flags after `sync` by name; None when there is one whose meaning is not known here."""
    given: dict[str, object] = {}
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        name = flag[2:].replace("-", "_") if flag.startswith("--") else ""
        if argument in ("--frozen", "--locked"):
            given["frozen"] = True if argument == "--frozen" else given.get("frozen")
        elif name in _SWITCHES and not equals:
            given[name] = True
        elif name in _VALUES:
            value = value if equals else next(rest, "")
            if not value or value.startswith("-") or (name == "link_mode" and name in given):
                return None
            if name in _LISTS:
                earlier = given.setdefault(name, [])
                assert isinstance(earlier, list)
                earlier.append(value)
            else:
                given[name] = value
        elif argument not in _NEEDLESS:
            return None
    if given.get("frozen") is None:
        given.pop("frozen", None)
    return given
