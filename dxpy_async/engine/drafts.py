"""Changes to the requirements of a project that are tried out before anything is written: adding and removing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, field, replace
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName
from dxpy_async.core.pins import pins_of
from dxpy_async.core.places import LOCK_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import Settings
from dxpy_async.engine.locking import LockOptions, LockOutcome
from dxpy_async.errors import InvalidProject, ProjectError, ProjectNotFound
from dxpy_async.formats.dpl import build_dpl
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.editing import (
    DEPENDENCIES,
    DependencyList,
    ListKind,
    drop_requirements,
    lists_with,
    put_requirements,
    requirements_in,
)
from dxpy_async.project.locked_roots import roots_of
from dxpy_async.project.pyproject import FILE_NAME, Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.source_editing import (
    SourceEntry,
    drop_sources,
    located_in,
    put_index,
    put_source,
    put_version,
    source_entries,
)
from dxpy_async.project.source_tables import NONE_PASSED_OVER, PassedOver
from dxpy_async.project.workspaces import open_project


class Bounds(StrEnum):
    """What is written for a requirement that was added without a version, once it is known which one was picked."""

    LOWER = "lower"
    """`>=1.2.3`"""
    MAJOR = "major"
    """`>=1.2.3,<2.0.0`"""
    MINOR = "minor"
    """`>=1.2.3,<1.3.0`"""
    EXACT = "exact"
    """`==1.2.3`"""
    NONE = "none"

    def around(self, version: Version) -> str:
        """The specifier that these bounds are for `version`."""
        public = version.public
        match self:
            case Bounds.LOWER:
                return f">={public}"
            case Bounds.EXACT:
                return f"=={version}"
            case Bounds.MAJOR | Bounds.MINOR:
                return f"<{_next(version, self)},>={public}"
            case Bounds.NONE:
                return ""


def _next(version: Version, bounds: Bounds) -> str:
    """The first version that `bounds` leave out. Before 1.0 the first number that is not zero counts as the major."""
    release = [*version.release, 0, 0, 0][: max(3, len(version.release))]
    place = 0 if bounds is Bounds.MAJOR else 1
    if bounds is Bounds.MAJOR and release[0] == 0:
        place = next((at for at, number in enumerate(release) if number), 0)
    numbers = [*release[:place], release[place] + 1, *[0] * (len(release) - place - 1)]
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A pyproject.toml as it is and as it would be.

    `new` are the requirements of it that were not there before, `changed` those that were there in another form, and
    `sources` say where projects come from of which it did not say so before. `lock_before` is its lock's content.
    """

    root: Path
    where: DependencyList
    before: bytes
    after: bytes
    project: Project
    new: tuple[Requirement, ...] = ()
    changed: tuple[Requirement, ...] = ()
    sources: Mapping[ProjectName, SourceEntry] = field(default_factory=dict)
    lock_before: bytes | None = None
    passed_over: PassedOver = NONE_PASSED_OVER
    """Sources that do not count."""

    def with_bounds(self, bounds: Bounds, lock: Lock) -> Draft:
        """The draft with bounds around the versions in `lock` for new requirements that have none."""
        pins, file = pins_of(lock), str(self.root / FILE_NAME)
        located = located_in(parse(decode(self.after, file), file))
        bounded = [
            each._replace(specifier=bounds.around(pins[each.name]))
            for each in self.new
            if not each.specifier and each.url is None and each.name in pins and each.name not in located
        ]
        if not bounded or bounds is Bounds.NONE:
            return self
        kept = {(each.name, each.marker): each for each in self.new} | {
            (each.name, each.marker): each for each in bounded
        }
        after = put_requirements(self.after, self.where, bounded, file=file)
        return replace(self, after=after, project=self._opened(after), new=tuple(kept.values()))

    def _opened(self, content: bytes) -> Project:
        return open_project(self.root, content, passed_over=self.passed_over)

    def save(self, lock: Lock | None) -> bool:
        """Write the project file and, if there is one, its lock: both or none. Whether the lock changed.

        Raises ProjectError when somebody changed the project file meanwhile.
        """
        file = self.root / FILE_NAME
        if read_content(file) != self.before:
            raise ProjectError(
                f"`{file}` was changed by somebody else meanwhile; nothing was written", hints=("try again",)
            )
        replace_file(file, self.after)
        if lock is None:
            return False
        try:
            return replace_file(self.project.root / LOCK_NAME, build_dpl(lock))
        except BaseException:
            replace_file(file, self.before)
            raise

    def take_back(self, saved: bytes) -> bool:
        """Make the project file, which is still `saved`, and its lock what they were. False: somebody changed it."""
        file, lock = self.root / FILE_NAME, self.project.root / LOCK_NAME
        if read_content(file) != saved:
            return False
        replace_file(file, self.before)
        if self.lock_before is not None:
            replace_file(lock, self.lock_before)
        else:
            lock.unlink(missing_ok=True)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOutcome:
    """What adding or removing requirements came to: what is new or changed, as it is written, and the lock.

    `content` is what the project file has now.
    """

    new: tuple[Requirement, ...]
    changed: tuple[Requirement, ...]
    content: bytes
    lock: LockOutcome


DRAFT_LOCK = LockOptions(dry_run=True)
"""How a draft is locked: it is written with its lock, by `save_draft`."""


def save_draft(draft: Draft, bounds: Bounds, outcome: LockOutcome, settings: Settings) -> EditOutcome:
    """Write `draft`, with `bounds` around what was added without a version, and the lock that was made for it.

    Those bounds are around its pins, so it needs no resolution to become the lock of a project that has them.
    """
    bounded = draft.with_bounds(bounds, outcome.lock)
    lock = replace(outcome.lock, roots=roots_of(bounded.project, settings.resolution.amendments))
    changed = bounded.save(lock)
    return EditOutcome(
        new=bounded.new,
        changed=bounded.changed,
        content=bounded.after,
        lock=replace(outcome, lock=lock, changed=changed),
    )


def draft_addition(
    root: Path,
    where: DependencyList,
    wanted: Sequence[Requirement],
    *,
    sources: Mapping[ProjectName, SourceEntry] | None = None,
    indexes: Sequence[SourceEntry] = (),
    passed_over: PassedOver = NONE_PASSED_OVER,
) -> Draft:
    """The project in `root` with `wanted` among the requirements `where`, and what it says of where they come from.

    Raises ProjectError leaves.
    """
    sources = sources or {}
    file = str(root / FILE_NAME)
    content = _content(root)
    name = open_project(root, content, passed_over=passed_over).meant.name
    before = parse(decode(content, file), file)
    _refuse_dynamic(before, where, file)
    if any(each.name == name and not each.extras for each in wanted):
        raise ProjectError(
            f"`{name}` is this project itself, which cannot require itself",
            hints=(f"rename it (`project.name` in `{file}`) if you mean the project of that name on the index",),
        )
    after = put_requirements(content, where, wanted, file=file)
    for index in indexes:
        after = put_index(after, index, file=file)
    for source_of, source in sources.items():
        after = put_source(after, source_of, source, file=file)
    project = open_project(root, after, passed_over=passed_over)
    were = {(each.name, each.marker): each for each in requirements_in(before, where)}
    are = requirements_in(parse(decode(after, file), file), where)
    return Draft(
        root=root,
        where=where,
        before=content,
        after=after,
        project=project,
        new=tuple(each for each in are if (each.name, each.marker) not in were),
        changed=tuple(each for each in are if were.get((each.name, each.marker), each) != each),
        sources={name: entry for name, entry in sources.items() if source_entries(before).get(name) != entry},
        lock_before=_content_of_lock(project),
        passed_over=passed_over,
    )


def draft_removal(
    root: Path, where: DependencyList, names: Iterable[ProjectName], *, passed_over: PassedOver = NONE_PASSED_OVER
) -> Draft:
    """The project in `root` without `names` among the requirements `where`. Raises ProjectError leaves."""
    file = str(root / FILE_NAME)
    content = _content(root)
    open_project(root, content, passed_over=passed_over)
    document = parse(decode(content, file), file)
    listed = {each.name for each in requirements_in(document, where)}
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if name not in listed:
            hints = _places_of(name, document) or _names_like(name, listed)
            raise ProjectError(f"`{name}` is not among `{where}`", hints=hints)
    after = drop_requirements(content, where, wanted, file=file)
    project = open_project(root, after, passed_over=passed_over)
    left = parse(decode(after, file), file)
    unused = [name for name in wanted if not lists_with(left, name) and not _requires(project, name)]
    after = drop_sources(after, unused, file=file)
    project = open_project(root, after, passed_over=passed_over)
    lock_before = _content_of_lock(project)
    return Draft(
        root=root,
        where=where,
        before=content,
        after=after,
        project=project,
        lock_before=lock_before,
        passed_over=passed_over,
    )


def _requires(project: Project, name: ProjectName) -> bool:
    """Whether a member of the workspace requires `name`: what the root says of it counts for all."""
    members = [member.project for member in project.members]
    return any(
        requirement.name == name
        for each in members
        for listed in (
            each.dependencies,
            *each.optional_dependencies.values(),
            *each.dependency_groups.values(),
        )
        for requirement in listed
    )


def draft_version(root: Path, version: Version, *, passed_over: PassedOver = NONE_PASSED_OVER) -> Draft:
    """The project in `root` with `version` as its own. Raises ProjectError leaves."""
    content = _content(root)
    require_static_version(open_project(root, content, passed_over=passed_over).meant)
    after = put_version(content, str(version), file=str(root / FILE_NAME))
    project = open_project(root, after, passed_over=passed_over)
    lock_before = _content_of_lock(project)
    return Draft(
        root=root,
        where=DEPENDENCIES,
        before=content,
        after=after,
        project=project,
        lock_before=lock_before,
        passed_over=passed_over,
    )


def require_static_version(project: Project) -> Version:
    """The version that the file of `project` says. Raises InvalidProject when a build backend says it."""
    if project.version is None:
        raise InvalidProject(
            str(project.file),
            "`project.version` is dynamic: the build backend says what it is",
            hints=("change it where the build backend reads it from",),
        )
    return Version(project.version)


def _content_of_lock(project: Project) -> bytes | None:
    try:
        return (project.root / LOCK_NAME).read_bytes()
    except FileNotFoundError:
        return None


def _places_of(name: ProjectName, document: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"it is in `{place}`: `dxpy remove {_flags_for(place)}{name}`" for place in lists_with(document, name))


def _flags_for(place: DependencyList) -> str:
    match place.kind:
        case ListKind.PROJECT | ListKind.SCRIPT:
            return ""
        case ListKind.EXTRA:
            return f"--optional {place.name} "
        case ListKind.GROUP:
            return "--dev " if place.name == "dev" else f"--group {place.name} "


def _names_like(name: ProjectName, listed: Iterable[ProjectName]) -> tuple[str, ...]:
    close = get_close_matches(name, listed, n=2)
    return (f"did you mean {' or '.join(f'`{each}`' for each in close)}?",) if close else ()


def _content(root: Path) -> bytes:
    try:
        return read_content(root / FILE_NAME)
    except FileNotFoundError as error:
        raise ProjectNotFound(str(root)) from error


def _refuse_dynamic(document: dict[str, Any], where: DependencyList, file: str) -> None:
    key = {ListKind.PROJECT: "dependencies", ListKind.EXTRA: "optional-dependencies"}.get(where.kind)
    if key in document["project"].get("dynamic", []):
        raise InvalidProject(
            file,
            f"`project.{key}` is dynamic: the build backend says what is in it",
            hints=("add it where the build backend reads it from", "or to a group: `dxpy add --group NAME …`"),
        )
