"""Keeping a finished sync as a blueprint, by which the same environment is made again without deciding anything."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.names import ProjectName
from dxpy_async.core.schemes import InstallScheme, SkeletonFacts
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.syncing import SyncPlan
from dxpy_async.errors import DxpyError
from dxpy_async.installer.blueprints import (
    Blueprint,
    Part,
    Wheel,
    kernel_of,
    write_part,
)
from dxpy_async.installer.folding import Fold, fold, sites_files
from dxpy_async.installer.parts import make_part
from dxpy_async.installer.state import take_stamps
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import VirtualEnvironment, skeleton_facts
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, searched_places
from dxpy_async.store.bytecode import STAMP, read_bytecode
from dxpy_async.store.store import Store, StoredWheel

_PLACES = ("prefix", "purelib", "platlib", "scripts", "data", "headers", "python")


class SketchedWheel(NamedTuple):
    """One wheel of a sketch, by the SHA-256 of its archive, and what its `.dist-info` says of it."""

    name: ProjectName
    version: str
    sha256: str
    requested: bool
    direct_url: str | None


class Sketch(NamedTuple):
    """What a blueprint says, all but what each wheel puts into an environment. All of it are plain values.

    `places` are the directories and the interpreter of the environment that was filled, in the order of `_PLACES`;
    `cache_tag` is its interpreter's. The others are those of `Blueprint`.
    """

    key: str
    cache_dir: str
    places: tuple[str, ...]
    cache_tag: str
    stamps: dict[str, str]
    kernel: str
    skeleton: SkeletonFacts
    prompt: str
    checked: bool
    symlinks: bool
    locked: int
    message: str
    wheels: tuple[tuple[ProjectName, str, str, bool, str | None], ...]


def sketch_of(
    plan: SyncPlan,
    environment: VirtualEnvironment,
    project: Project,
    settings: Settings,
    search: SearchPlaces,
    *,
    key: str,
    checked: bool,
    locked: int,
) -> Sketch | None:
    """What to keep of a sync that has just filled a new environment; None for what only the full installer can do.

    `checked` tells whether the lock was found to answer the project, `locked` how many releases it has.
    """
    named_here = settings.python is not None and os.sep in settings.python and not os.path.isabs(settings.python)
    if settings.link_mode not in (LinkMode.HARDLINK, LinkMode.SYMLINK) or named_here or os.name == "nt":
        return None
    if settings.allow_overwrites or plan.changes.leaving or plan.changes.keep or environment.scheme.relocatable:
        return None
    wheels: list[tuple[ProjectName, str, str, bool, str | None]] = []
    for item in plan.selection.packages:
        wanted, sha256 = plan.wanted[item.package.name], item.sha256
        if sha256 is None or item.is_built:
            return None
        wheels.append((item.package.name, wanted.version, sha256, wanted.requested, wanted.direct_url))
    return Sketch(
        key,
        str(settings.cache_dir),
        tuple([str(getattr(environment.scheme, place)) for place in _PLACES]),
        environment.scheme.cache_tag,
        stamps_of_choice(environment.interpreter, settings, search),
        kernel_of(os.uname()),
        skeleton_facts(environment.interpreter),
        project.name,
        checked,
        settings.link_mode is LinkMode.SYMLINK,
        locked,
        "",
        tuple(wheels),
    )


def keep(sketch: Sketch, store: Store, *, is_compiling: bool) -> None:
    """Keep what `sketch` says as a blueprint, if all the wheels are still there; the environment need not be.

    `is_compiling` says that bytecode is missing which is on its way.
    """
    stamps = {**sketch.stamps, **take_stamps([f"{sketch.cache_dir}/{STAMP}"], time.time_ns())}
    wheels = [SketchedWheel(*wheel) for wheel in sketch.wheels]
    try:
        parts = _parts(wheels, store, _scheme_of(sketch), symlinks=sketch.symlinks)
    except (DxpyError, OSError):
        return  # somebody has changed or removed what this is about
    if parts is None:
        return
    first: dict[str, str] = {}
    made: list[Wheel] = []
    for wheel, (key, part) in zip(wheels, parts, strict=True):
        shared = tuple([path for path in _places(part) if first.setdefault(path, wheel.name) != wheel.name])
        weight = len(part.paths) + len(part.links) + len(part.directories) * 3 + 20
        file = write_part(sketch.cache_dir, key, part)
        made.append(Wheel(wheel.name, wheel.version, key, file, weight, wheel.requested, wheel.direct_url, shared))
    Blueprint(
        stamps,
        sketch.kernel,
        sketch.skeleton,
        sketch.prompt,
        sketch.checked,
        sketch.symlinks,
        is_compiling,
        sketch.locked,
        sketch.message,
        made,
    ).write(sketch.cache_dir, sketch.key)


def _scheme_of(sketch: Sketch) -> InstallScheme:
    prefix, purelib, platlib, scripts, data, headers, python = map(Path, sketch.places)
    return InstallScheme(
        prefix=prefix,
        purelib=purelib,
        platlib=platlib,
        scripts=scripts,
        data=data,
        headers=headers,
        python=python,
        cache_tag=sketch.cache_tag,
    )


def _parts(
    wheels: Iterable[SketchedWheel], store: Store, scheme: InstallScheme, *, symlinks: bool
) -> list[tuple[str, Part]] | None:
    """The part of each wheel with the key of its entry; None when one is not to be had."""
    found: dict[ProjectName, StoredWheel] = {}
    for wheel in wheels:
        stored = store.find(wheel.sha256)
        if stored is None:
            return None
        found[wheel.name] = stored
    folds: dict[ProjectName, Fold] = {}
    if symlinks:
        folds = fold({name: sites_files(stored.manifest) for name, stored in found.items()}, lambda _: False)
    parts: list[tuple[str, Part]] = []
    for name, stored in found.items():
        entry = str(stored.directory)
        bytecode = read_bytecode(entry, scheme.cache_tag) or ()
        part = make_part(stored.manifest, entry, scheme, folds.get(name), bytecode)
        if part is None:
            return None
        parts.append((stored.manifest.blake3, part))
    return parts


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
