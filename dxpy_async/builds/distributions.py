"""Wheels and sdists as files that go out to others: looked into as strictly as when they are installed.

What dxpy would refuse to install it neither calls built nor publishes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.builds.source_archives import unpack_source_archive
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.wheel_names import parse_wheel_name
from dxpy_async.errors import InvalidMetadata, InvalidSourceArchive, InvalidWheel
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.wheel import WheelFile, read_wheel
from dxpy_async.formats.zip_archive import ZipArchive

SDIST_ENDINGS = (".tar.gz", ".zip")
"""How the names of sdists end that are made, or taken by indexes, today."""
ATTESTATION_ENDING = ".attestation"
"""How the names of attestations end, which lie beside what they are of: `<file>.publish.attestation`."""
METADATA_NAME, PKG_INFO_NAME = "METADATA", "PKG-INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A wheel or sdist whose name, archive and metadata agree. `files` are the paths in it, in order."""

    path: Path
    project: ProjectName
    version: Version
    requires_python: str
    is_wheel: bool
    tag: str
    """Which Pythons it is for, as in its name: `py3`, or `source`."""
    metadata: bytes
    """METADATA or PKG-INFO, as it stands there."""
    files: tuple[str, ...]

    @property
    def filename(self) -> str:
        return self.path.name


class UnpackedSdist(NamedTuple):
    """An sdist that was looked into, and the directory with its pyproject.toml or setup.py."""

    distribution: Distribution
    root: Path


def is_distribution_name(filename: str) -> bool:
    """Whether a file of that name can go to an index: a wheel, or an sdist."""
    return filename.endswith((".whl", *SDIST_ENDINGS))


def read_distribution(path: Path, scratch: Path) -> Distribution:
    """The wheel or sdist at `path`; `scratch` is an empty directory for an sdist. Raises as those below."""
    return read_built_wheel(path) if path.name.endswith(".whl") else unpack_sdist(path, scratch).distribution


def read_built_wheel(path: Path) -> Distribution:
    """The wheel at `path`, the digests of all its files compared. Raises InvalidWheel, InvalidMetadata and OSError."""
    filename = path.name
    with ZipArchive.open(path, filename) as archive:
        contents = read_wheel(archive, filename)
        for file in contents.files:
            _check_digest(archive, file, filename)
        member = next(each for each in archive.members if each.name == f"{contents.dist_info}/{METADATA_NAME}")
        metadata = archive.read(member)
        files = tuple(sorted(each.name for each in archive.members if not each.is_directory))
    named = parse_wheel_name(filename)
    read = parse_core_metadata(metadata, origin=filename, project=named.project, version=None)
    return Distribution(
        path=path,
        project=read.name,
        version=read.version,
        requires_python=read.requires_python,
        is_wheel=True,
        tag=filename.split("-")[-3],
        metadata=metadata,
        files=files,
    )


def _check_digest(archive: ZipArchive, file: WheelFile, filename: str) -> None:
    digest = hashlib.new(file.algorithm)
    for chunk in archive.chunks(file.member):
        digest.update(chunk)
    if digest.digest() != file.digest:
        raise InvalidWheel(filename, f"has a file `{file.member.name}` whose {file.algorithm} is not that in RECORD")


def unpack_sdist(path: Path, into: Path) -> UnpackedSdist:
    """The sdist at `path`, unpacked below the empty directory `into`.

    Raises InvalidSourceArchive, InvalidMetadata for one without PKG-INFO or with that of another, and OSError.
    """
    filename = path.name
    stem = next((filename.removesuffix(ending) for ending in SDIST_ENDINGS if filename.endswith(ending)), None)
    if stem is None:
        raise InvalidSourceArchive(filename, f"is no sdist: its name does not end in {' or '.join(SDIST_ENDINGS)}")
    root = unpack_source_archive(path, filename, into)
    metadata = _pkg_info(root, filename)
    read = parse_core_metadata(metadata, origin=filename, project=None, version=None)
    if not _is_named(stem, read.name, read.version):
        raise InvalidMetadata(filename, f"has a {PKG_INFO_NAME} of `{read.name}` {read.version}, which its name is not")
    distribution = Distribution(
        path=path,
        project=read.name,
        version=read.version,
        requires_python=read.requires_python,
        is_wheel=False,
        tag="source",
        metadata=metadata,
        files=tuple(sorted(each.relative_to(into).as_posix() for each in into.rglob("*") if not each.is_dir())),
    )
    return UnpackedSdist(distribution, root)


def _pkg_info(root: Path, filename: str) -> bytes:
    place = root / PKG_INFO_NAME
    if place.is_symlink() or not place.is_file():
        raise InvalidSourceArchive(filename, f"has no {PKG_INFO_NAME} in its top directory")
    if os.path.getsize(place) > METADATA_BYTES:
        raise InvalidSourceArchive(filename, f"has a {PKG_INFO_NAME} of more than {METADATA_BYTES} bytes")
    return place.read_bytes()


def _is_named(stem: str, project: ProjectName, version: Version) -> bool:
    """Whether `name-version` says this. Older names of projects, and versions, may have dashes in them."""
    parts = stem.split("-")
    for place in range(1, len(parts)):
        try:
            if normalize("-".join(parts[:place])) == project and Version("-".join(parts[place:])) == version:
                return True
        except InvalidVersion:
            continue
    return False
