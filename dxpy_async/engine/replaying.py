"""Keeping a finished sync as a blueprint, by which the same environment is made again without deciding anything."""

from __future__ import annotations

import os
import time

from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.compiling_later import compiles_later
from dxpy_async.engine.syncing import SyncPlan
from dxpy_async.errors import DxpyError
from dxpy_async.installer.blueprints import (
    Blueprint,
    Part,
    Wheel,
    kernel_of,
    write_part,
)
from dxpy_async.installer.parts import make_part
from dxpy_async.installer.state import take_stamps
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import VirtualEnvironment, skeleton_facts
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, searched_places
from dxpy_async.store.bytecode import STAMP
from dxpy_async.store.store import StoredWheel


def remember(
    plan: SyncPlan,
    environment: VirtualEnvironment,
    project: Project,
    settings: Settings,
    search: SearchPlaces,
    *,
    key: str,
    checked: bool,
    locked: int,
) -> None:
    """Keep a sync that has just filled a new environment. Nothing is kept of what only the full installer can do.

    `checked` tells whether the lock was found to answer the project, `locked` how many releases it has.
    """
    named_here = settings.python is not None and os.sep in settings.python and not os.path.isabs(settings.python)
    if settings.link_mode not in (LinkMode.HARDLINK, LinkMode.SYMLINK) or named_here or os.name == "nt":
        return
    if compiles_later(settings) and len(plan.bytecode) != len(plan.stored):
        return  # what is made again would never be compiled
    if any(item.is_built for item in plan.selection.packages):
        return  # the blueprint's key knows nothing of source trees
    if settings.allow_overwrites or plan.changes.leaving or len(plan.stored) != len(plan.selection.packages):
        return
    cache_dir = str(settings.cache_dir)
    wheels: list[Wheel] = []
    places: dict[str, str] = {}
    for name, stored in plan.stored.items():
        part = _part(plan, stored, environment)
        if part is None:
            return
        wanted, key_of_entry = plan.wanted[name], stored.manifest.blake3
        shared = tuple([path for path in _places(part) if places.setdefault(path, name) != name])
        weight = len(part.paths) + len(part.links) + len(part.directories) * 3 + 20
        file = write_part(cache_dir, key_of_entry, part)
        wheels.append(
            Wheel(name, wanted.version, key_of_entry, file, weight, wanted.requested, wanted.direct_url, shared)
        )
    Blueprint(
        stamps_of_choice(environment.interpreter, settings, search),
        kernel_of(os.uname()),
        skeleton_facts(environment.interpreter),
        project.name,
        checked,
        settings.link_mode is LinkMode.SYMLINK,
        locked,
        "",
        wheels,
    ).write(cache_dir, key)


def _part(plan: SyncPlan, stored: StoredWheel, environment: VirtualEnvironment) -> Part | None:
    name, store = stored.manifest.name, str(stored.directory)
    try:
        return make_part(stored.manifest, store, environment.scheme, plan.folds.get(name), plan.bytecode.get(name, ()))
    except (DxpyError, OSError):
        return None


def _places(part: Part) -> list[str]:
    """Where the part's files go, in the words of `Wheel.shared`."""
    return [*part.paths, *(f"/{place}" for _, place, _, _ in part.moved)]


def stamps_of_choice(interpreter: Interpreter, settings: Settings, search: SearchPlaces) -> dict[str, str]:
    """What the choice of the interpreter hung on: what is named, or all the places where one could have come up."""
    paths = [str(interpreter.executable), f"{settings.cache_dir}/{STAMP}"]
    if settings.python is None or not os.path.isabs(settings.python):
        paths += searched_places(settings.python, search)
    else:
        paths.append(settings.python)
    return take_stamps(paths, time.time_ns())
