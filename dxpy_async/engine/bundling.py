"""Making a bundle: a directory with all that a lock needs, for installing where there is no network.

    the archives that the lock names, as they are: their hashes are the lock's
    wheels built of git commits, which the manifest knows by the commit
    what building sdists, and the directories of the project itself, requires; and what building that requires
    dxpy-bundle.json, the manifest (`formats.bundle_manifest`), and requirements.txt, for pip

Directories of source stay where they are: they belong to the project, which has to be taken along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import LockedFile, SourceKind
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.selection import Selected, Selection
from dxpy_async.core.target_platforms import HERE, WantedTarget
from dxpy_async.core.wheel_names import tag_rank
from dxpy_async.engine.building import Builder
from dxpy_async.engine.collecting import Collected, Collector, described
from dxpy_async.engine.events import Building, Built, Event, Listener
from dxpy_async.engine.fetching import Fetcher
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.engine.trees import Trees
from dxpy_async.errors import InvalidBundle, StoreError
from dxpy_async.formats.bundle_manifest import (
    BUILD,
    INSTALL,
    MANIFEST_NAME,
    BundledFile,
    BundleManifest,
    parse_manifest,
)
from dxpy_async.index.bundles import Bundle
from dxpy_async.index.finishing import in_thread
from dxpy_async.project.replacing import replace_file

REQUIREMENTS_NAME = "requirements.txt"

SelectForBuild = Callable[[tuple[Requirement, ...]], Awaitable[Selection]]
"""What an environment with these requirements consists of, its source trees located."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What goes into a bundle: what a sync with `sync` would install, for the Python and platform of `target`."""

    sync: SyncOptions = SyncOptions()
    target: WantedTarget = HERE
    with_build_requirements: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOutcome:
    """A bundle. `added` are the names of files that were not there before, `removed` those it needed no more.

    `directories` are the projects whose source is a directory, which is not in the bundle.
    """

    directory: Path
    files: tuple[BundledFile, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files)


class Bundling:
    """The making of one bundle, in the directory of `collector`, for `target`."""

    def __init__(
        self,
        collector: Collector,
        trees: Trees,
        select_for_build: SelectForBuild,
        target: TargetEnvironment,
        on_event: Listener,
    ) -> None:
        self._collector, self._trees, self._target = collector, trees, target
        self._select_for_build, self._on_event = select_for_build, on_event

    async def make(self, selection: Selection, *, with_build_requirements: bool) -> BundleOutcome:
        """Put all of `selection` into the directory, and what is no longer needed out of it."""
        into = self._collector.into
        earlier = await in_thread(_earlier_files, into)
        to_build = [item for item in selection.packages if item.is_built and not _is_git(item)]
        required = await self._required(to_build) if with_build_requirements else []
        items = {item.file.filename: (item, BUILD) for item in required if item.file is not None}
        items |= {item.file.filename: (item, INSTALL) for item in selection.packages if item.file is not None}
        brought = await self._collector.bring_all(file for item, _ in items.values() if (file := item.file))
        files = [_bundled(brought[name], item, purpose) for name, (item, purpose) in items.items()]
        built = [await self._built(item, earlier) for item in selection.packages if _is_git(item)]
        added = {name for name, each in brought.items() if each.is_new}
        added |= {file.filename for file in built if file not in earlier}
        files = sorted([*files, *built], key=lambda file: file.filename)
        removed = sorted({file.filename for file in earlier} - {file.filename for file in files})
        await in_thread(self._conclude, files, removed)
        return BundleOutcome(
            directory=into,
            files=tuple(files),
            added=tuple(sorted(added)),
            removed=tuple(removed),
            directories=tuple(item.package.name for item in to_build if item.file is None),
        )

    async def _required(self, to_build: Iterable[Selected]) -> list[Selected]:
        """What building all of these requires, and what building that requires."""
        found: dict[str, Selected] = {}
        waiting, asked = list(to_build), set[tuple[Requirement, ...]]()
        while waiting:
            told = await self._trees.build_requirements(waiting.pop(), _without_builds(self._on_event))
            requirements = _with_wheel(told)
            if not requirements or requirements in asked:
                continue
            asked.add(requirements)
            for item in (await self._select_for_build(requirements)).packages:
                if item.file is not None and item.file.filename not in found:
                    found[item.file.filename] = item
                    waiting += [item] if item.is_built else []
        return list(found.values())

    async def _built(self, item: Selected, earlier: tuple[BundledFile, ...]) -> BundledFile:
        """The wheel of a git commit: the one that is there, if it was built of the same, else a new one."""
        assert item.tree is not None, "what is built was located"
        into = self._collector.into
        for file in earlier:
            fits = tag_rank(file.filename, self._target.tag_ranks) is not None
            if file.built_from == item.tree.identity and fits and await in_thread(_is_whole, into, file):
                return file
        path = await self._trees.wheel_file(item, into, self._on_event)
        if tag_rank(path.name, self._target.tag_ranks) is None:
            path.unlink()
            raise InvalidBundle(
                f"`{item.package.name}` comes from a git repository, and built on this machine it is `{path.name}`, "
                f"which is not for {self._target.describe()}",
                hints=("make the bundle on a machine of that kind",),
            )
        return await in_thread(_described, path, item)

    def _conclude(self, files: list[BundledFile], removed: list[str]) -> None:
        into, target = self._collector.into, self._target
        platform = f"{target.markers['sys_platform']} {target.markers['platform_machine']}"
        manifest = BundleManifest(python=target.markers["python_full_version"], platform=platform, files=tuple(files))
        try:
            for name in removed:
                (into / name).unlink(missing_ok=True)
            replace_file(into / REQUIREMENTS_NAME, _requirements(files).encode())
            replace_file(into / MANIFEST_NAME, manifest.to_json().encode())
        except OSError as error:
            raise StoreError(f"`{into}` cannot be written: {error.strerror}") from error


async def take_built(
    bundle: Bundle,
    selection: Selection,
    target: TargetEnvironment,
    builder: Builder,
    fetcher: Fetcher,
    listen: Listener,
) -> None:
    """Bring the wheels that `bundle` has of git commits in `selection` into the store, as if `builder` built them."""
    for item in selection.packages:
        if item.file is not None or item.tree is None or builder.built(item.tree) is not None:
            continue
        found = bundle.built_from(item.tree.identity)
        if found is not None and tag_rank(found.filename, target.tag_ranks) is not None:
            url = bundle.url_of(found.filename)
            wheel = LockedFile(filename=found.filename, url=url, size=found.size, hashes={"sha256": found.sha256})
            builder.keep(item.tree, await fetcher.fetch(wheel, on_event=listen))


def _with_wheel(requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    """`requirements`, and what pip installed beside setuptools for a setup.py before that could do without it."""
    names = {requirement.name for requirement in requirements}
    return (*requirements, parse_requirement("wheel")) if "setuptools" in names - {"wheel"} else requirements


def _is_git(item: Selected) -> bool:
    return item.package.source.kind is SourceKind.GIT


def _earlier_files(into: Path) -> tuple[BundledFile, ...]:
    """What the manifest of the bundle that is there lists; nothing when there is none that can be read."""
    place = into / MANIFEST_NAME
    try:
        return parse_manifest(place.read_bytes(), file=str(place)).files
    except (OSError, InvalidBundle):
        return ()


def _is_whole(into: Path, file: BundledFile) -> bool:
    try:
        with (into / file.filename).open("rb") as archive:
            return hashlib.file_digest(archive, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def _bundled(brought: Collected, item: Selected, purpose: str) -> BundledFile:
    return BundledFile(
        filename=brought.path.name,
        project=item.package.name,
        version=item.package.version,
        sha256=brought.sha256,
        size=brought.size,
        purpose=purpose,
    )


def _described(path: Path, item: Selected) -> BundledFile:
    assert item.tree is not None, "what was built was located"
    found = described(path)
    return BundledFile(
        filename=path.name,
        project=item.package.name,
        version=path.name.split("-")[1],
        sha256=found.sha256,
        size=found.size,
        built_from=item.tree.identity,
    )


def _requirements(files: Iterable[BundledFile]) -> str:
    """For pip: `pip install --no-index --find-links DIR -r DIR/requirements.txt`."""
    rows = [
        f"{file.project}=={file.version} --hash=sha256:{file.sha256}\n" for file in files if file.purpose == INSTALL
    ]
    return "".join(
        ["# made by `dxpy bundle`; install with `pip install --no-index --find-links . -r`\n", *sorted(rows)]
    )


def _without_builds(on_event: Listener) -> Listener:
    """Who hears of builds that only ask what is required, and build nothing."""

    def hear(event: Event) -> None:
        if not isinstance(event, (Building, Built)):
            on_event(event)

    return hear
