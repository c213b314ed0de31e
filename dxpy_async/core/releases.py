"""What an index tells about a project: its releases, their files, and core metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import overload

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.wheel_names import is_wheel_name


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionFile:
    """One wheel or sdist of a release, as a project page lists it.

    `url` is absolute (`file://` for local files). `size` in bytes and `upload_time` in microseconds since 1970 UTC are
    None when the index does not say. `hashes` maps algorithm to hex digest. `yanked` is None when it is not, else the
    reason, which may be empty. `metadata_hashes` is None when no separate metadata file is announced, else its digests,
    possibly none.
    """

    filename: str
    url: str
    hashes: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    upload_time: int | None = None
    requires_python: str = ""
    yanked: str | None = None
    metadata_hashes: Mapping[str, str] | None = None

    @property
    def is_wheel(self) -> bool:
        """Whether it can be installed as it is: a wheel, or a DPP package."""
        return is_wheel_name(self.filename)


class LazyVersions(Sequence[Version]):
    """Versions that are parsed when they are looked at: `parse` makes one of its text.

    A page has thousands, and a resolution finds its way among them by their packed keys.
    """

    __slots__ = ("_parse", "_parsed", "texts")

    def __init__(self, texts: Sequence[str], parse: Callable[[str], Version]) -> None:
        self.texts, self._parse = texts, parse
        self._parsed: list[Version | None] = [None] * len(texts)

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, place: int) -> Version: ...
    @overload
    def __getitem__(self, place: slice) -> LazyVersions: ...
    def __getitem__(self, place: int | slice) -> Version | LazyVersions:
        if isinstance(place, slice):
            return LazyVersions(self.texts[place], self._parse)
        version = self._parsed[place]
        if version is None:
            version = self._parsed[place] = self._parse(self.texts[place])
        return version

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LazyVersions) and self.texts == other.texts:
            return True
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


class ProjectPage:
    """The releases of one project on one index: `versions` newest first, and the files of each.

    Files are decoded when a version is looked at, because a resolution looks at few of the many versions of a page.
    `keys`, where they are known, are `key_table` of the versions, oldest first. `index_url` never carries credentials.
    `identity` tells the page of an index from what it was or will be; empty for other pages. `index_of` tells from
    which index a version is, where that is not one for all.
    """

    __slots__ = ("_files_of", "_index_of", "identity", "index_url", "keys", "project", "versions")

    def __init__(
        self,
        project: ProjectName,
        versions: Sequence[Version],
        files_of: Callable[[Version], tuple[DistributionFile, ...]],
        *,
        index_url: str,
        keys: bytes | None = None,
        identity: bytes = b"",
        index_of: Callable[[Version], str] | None = None,
    ) -> None:
        self.project, self.versions, self.index_url, self.keys = project, versions, index_url, keys
        self.identity = identity
        self._files_of, self._index_of = files_of, index_of

    def index_url_of(self, version: Version) -> str:
        """The index that `version` is from."""
        return self.index_url if self._index_of is None else self._index_of(version)

    def files(self, version: Version) -> tuple[DistributionFile, ...]:
        """The wheels and sdists of `version`, in the page's order; empty for a version that is not on the page."""
        return self._files_of(version)

    def says_the_same(self, other: ProjectPage) -> bool:
        """Whether both have the same versions with the same files, in whatever form they came."""
        return self.versions == other.versions and all(
            self.files(version) == other.files(version) for version in self.versions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """What a resolution needs of a distribution's METADATA.

    Source: https://packaging.python.org/en/latest/specifications/core-metadata/
    """

    name: ProjectName
    version: Version
    requires_python: str = ""
    requirements: tuple[Requirement, ...] = ()
    extras: frozenset[ExtraName] = frozenset()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An answer too: the index has no such project, or a release's metadata cannot be had or is invalid.

    `reason` completes the sentence "`flask` 3.0 is not usable: …" or "`flsk` …"; `hints` are ways out.
    """

    reason: str
    hints: tuple[str, ...] = ()
