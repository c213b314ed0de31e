"""Distributions for others: sdists and wheels of a project, of members of a workspace, or of an sdist, as files.

what is to be built        `plan_distributions`: projects and where the files go; nothing is run
sdist ──► wheel            the wheel is built from the sdist, so that an sdist that lacks something is noticed
each is looked into        name, version and files agree, and are those of what was built
all are put into place     by rename, and only when all that was asked for is there
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from packaging.version import Version

from dxpy_async.builds.backends import SDIST, WHEEL, Kind
from dxpy_async.builds.distributions import (
    ATTESTATION_ENDING,
    SDIST_ENDINGS,
    Distribution,
    UnpackedSdist,
    is_distribution_name,
    read_built_wheel,
    unpack_sdist,
)
from dxpy_async.builds.fingerprints import fingerprint
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import DIST_NAME
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.engine.building import Builder
from dxpy_async.engine.events import Listener, Warned
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.errors import BuildFailed, FormatError, InvalidSource, ProjectNotFound, UsageError
from dxpy_async.index.finishing import in_thread
from dxpy_async.project.pyproject import Project, ProjectFile
from dxpy_async.project.workspaces import open_project
from dxpy_async.store.store import Store

T = TypeVar("T")

_CHUNK = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What to build, and where to. Neither `sdist` nor `wheel`: an sdist, and a wheel from that."""

    sdist: bool = False
    wheel: bool = False
    """Of both, the wheel is built from the source tree as well."""
    out_dir: Path | None = None
    """None: `dist` beside the project (of a workspace: in its root), or the directory that the sdist is in."""
    packages: tuple[ProjectName, ...] = ()
    """These members of the workspace."""
    all_packages: bool = False
    """All members of the workspace that are packages."""
    clear: bool = False
    """Remove other distributions from the directory once the new ones are built."""
    gitignore: bool = True
    """Put a `.gitignore` into the directory that has git ignore it, where there is none."""
    dry_run: bool = False
    """Build and look, but put nothing into the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltDistribution:
    """A wheel or sdist that was built. `files` are the paths in it; `size` in bytes, `sha256` in hex."""

    path: Path
    project: ProjectName
    version: Version
    is_wheel: bool
    size: int
    sha256: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSource:
    """Something to build: a directory, or an sdist. `project` is what its pyproject.toml says, if it says it."""

    place: Path
    is_sdist: bool = False
    project: Project | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.project.name if self.project is not None else self.place.name


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionPlan:
    """What is to be built, and the directory that it goes to. `around` is the project or workspace it is of."""

    sources: tuple[BuildSource, ...]
    out_dir: Path
    around: Project | None = None


BuilderFor = Callable[[Project | None, str], Awaitable[Builder]]
"""Who builds for a project, or else for a `requires-python`."""


def plan_distributions(source: Path, options: BuildOptions) -> DistributionPlan:
    """What `source` (absolute), a directory or an sdist, is. Raises UsageError, InvalidSource and ProjectError."""
    if source.is_dir():
        return _plan_directory(source, options)
    if not source.is_file():
        raise InvalidSource(str(source), "there is no such file or directory")
    if not source.name.endswith(SDIST_ENDINGS):
        raise UsageError(f"`{source}` is neither a directory nor an sdist", hints=("an sdist is a `.tar.gz`",))
    if options.sdist or options.packages or options.all_packages:
        raise UsageError(f"of the sdist `{source.name}` nothing but its wheel can be built")
    return DistributionPlan(
        sources=(BuildSource(place=source, is_sdist=True),), out_dir=_out_dir(options) or source.parent
    )


def _plan_directory(root: Path, options: BuildOptions) -> DistributionPlan:
    around = project_of_source(root)
    if around is None and (options.packages or options.all_packages):
        raise UsageError(f"there is no project in `{root}`, so it has no members")
    out_dir = _out_dir(options) or (around.root if around is not None else root) / DIST_NAME
    if around is None:
        return DistributionPlan(sources=(BuildSource(place=root),), out_dir=out_dir)
    asked = SyncOptions(packages=options.packages, all_packages=options.all_packages).meant(around)
    is_named = bool(options.packages) or asked == (around.meant,)
    meant = [each for each in asked if each.name and (is_named or each.is_packaged)]
    if not meant:
        raise InvalidSource(
            str(root), "no member of the workspace is a package", hints=("a package has a [build-system]",)
        )
    sources = tuple(BuildSource(place=each.root, project=each) for each in meant)
    return DistributionPlan(sources=sources, out_dir=out_dir, around=around)


def project_of_source(root: Path) -> Project | None:
    """The project in the directory `root`, or its workspace seen from there; None when its file has no [project]."""
    try:
        file = ProjectFile.read(root)
    except ProjectNotFound:
        return None
    return open_project(root) if "project" in file.document or file.workspace() is not None else None


def _out_dir(options: BuildOptions) -> Path | None:
    if options.out_dir is None:
        return None
    place = Path(os.path.abspath(options.out_dir))
    if place.exists() and not place.is_dir():
        raise UsageError(f"nothing can be put into `{place}`, which is a file")
    return place


class Distributing:
    """Carries out one plan. `builder_for` gives who builds."""

    def __init__(self, store: Store, builder_for: BuilderFor, on_event: Listener) -> None:
        self._store, self._builder_for, self._on_event = store, builder_for, on_event

    async def build(self, plan: DistributionPlan, options: BuildOptions) -> tuple[BuiltDistribution, ...]:
        """All of it, or nothing. Raises BuildError leaves, StoreError and OSError."""
        with self._store.staging_directory() as staging:
            places = [staging / str(number) for number in range(len(plan.sources))]
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(self._build(source, plan.around, options, place))
                    for source, place in zip(plan.sources, places, strict=True)
                ]
            made = [each for task in running for each in task.result()]
            built = [await in_thread(_measured, each, plan.out_dir) for each in made]
            if not options.dry_run:
                await in_thread(_put_in_place, [each.path for each in made], plan.out_dir, options)
        return tuple(built)

    async def _build(
        self, source: BuildSource, around: Project | None, options: BuildOptions, staging: Path
    ) -> list[Distribution]:
        unpacked = staging / "source"
        unpacked.mkdir(parents=True)
        if source.is_sdist:
            sdist = await in_thread(unpack_sdist, source.place, unpacked)
            builder = await self._builder_for(None, sdist.distribution.requires_python)
            return [await self._wheel_of(sdist, builder, staging)]
        if source.project is not None and not source.project.has_build_system:
            self._on_event(Warned(f"`{source.label}` has no [build-system], so it is built by setuptools"))
        builder = await self._builder_for(around, "")
        if options.wheel and not options.sdist:
            return [await self._wheel(await _tree(source), builder, staging)]
        sdist = await self._sdist(await _tree(source), builder, staging, unpacked)
        if options.wheel:
            return [sdist.distribution, await self._wheel(await _tree(source), builder, staging)]
        if options.sdist:
            return [sdist.distribution]
        return [sdist.distribution, await self._wheel_of(sdist, builder, staging)]

    async def _sdist(self, tree: SourceTree, builder: Builder, staging: Path, unpacked: Path) -> UnpackedSdist:
        path = await builder.distribution(tree, SDIST, staging, on_event=self._on_event)
        sdist = await in_thread(_looked_into, lambda: unpack_sdist(path, unpacked), tree, SDIST)
        _check(sdist.distribution, tree, SDIST)
        return sdist

    async def _wheel_of(self, sdist: UnpackedSdist, builder: Builder, staging: Path) -> Distribution:
        path = sdist.distribution.path
        tree = SourceTree(
            root=sdist.root,
            label=path.name,
            identity=f"sdist {await in_thread(_sha256, path)}",
            is_sdist=True,
            is_disposable=True,
            name=sdist.distribution.project,
            version=sdist.distribution.version,
        )
        return await self._wheel(tree, builder, staging)

    async def _wheel(self, tree: SourceTree, builder: Builder, staging: Path) -> Distribution:
        path = await builder.distribution(tree, WHEEL, staging, on_event=self._on_event)
        wheel = await in_thread(_looked_into, lambda: read_built_wheel(path), tree, WHEEL)
        _check(wheel, tree, WHEEL)
        return wheel


async def _tree(source: BuildSource) -> SourceTree:
    """A directory as it is now."""
    project = source.project
    return SourceTree(
        root=source.place,
        label=source.label,
        identity=f"directory {await in_thread(fingerprint, source.place)}",
        is_local=True,
        name=project.name if project is not None else None,
        version=Version(project.version) if project is not None and project.version is not None else None,
    )


def _looked_into(look: Callable[[], T], tree: SourceTree, kind: Kind) -> T:
    try:
        return look()
    except FormatError as error:
        raise BuildFailed(tree.label, f"its backend made a {kind.what} that is not one: {error}") from error


def _check(made: Distribution, tree: SourceTree, kind: Kind) -> None:
    """Raise BuildFailed when it is of another project or version than what it was built from."""
    if (tree.name or made.project, tree.version or made.version) != (made.project, made.version):
        raise BuildFailed(
            tree.label,
            f"its backend made a {kind.what} of `{made.project}` {made.version}, "
            f"not of `{tree.name or made.project}` {tree.version or made.version}",
        )


def _measured(made: Distribution, out_dir: Path) -> BuiltDistribution:
    return BuiltDistribution(
        path=out_dir / made.filename,
        project=made.project,
        version=made.version,
        is_wheel=made.is_wheel,
        size=made.path.stat().st_size,
        sha256=_sha256(made.path),
        files=made.files,
    )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_in_place(files: Iterable[Path], out_dir: Path, options: BuildOptions) -> None:
    """Copy `files` beside their places in `out_dir`, and rename them when all are there."""
    out_dir.mkdir(parents=True, exist_ok=True)
    ignored = out_dir / ".gitignore"
    if options.gitignore and not ignored.exists():
        ignored.write_text("*\n")
    copies: dict[Path, Path] = {}
    try:
        for file in files:
            beside = copies[file] = out_dir / f".{file.name}.{os.urandom(8).hex()}"
            _copy(file, beside)
        if options.clear:
            _clear(out_dir)
        for file, beside in copies.items():
            os.replace(beside, out_dir / file.name)
    finally:
        for beside in copies.values():
            beside.unlink(missing_ok=True)


def _copy(file: Path, to: Path) -> None:
    with open(file, "rb") as source, open(to, "xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())


def _is_of_a_build(filename: str) -> bool:
    return is_distribution_name(filename) or (
        filename.endswith(ATTESTATION_ENDING)
        and is_distribution_name(filename.removesuffix(ATTESTATION_ENDING).rpartition(".")[0])
    )


def _clear(directory: Path) -> None:
    """Remove the distributions and their attestations, and nothing else that somebody may keep there."""
    for path in directory.iterdir():
        if not path.name.startswith(".") and _is_of_a_build(path.name):
            path.unlink()
