"""Distributions that can be published: found, looked into, and made ready to be sent, each with its attestations."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.builds.distributions import ATTESTATION_ENDING, Distribution, is_distribution_name, read_distribution
from dxpy_async.core.dataclass import dataclass
from dxpy_async.errors import PublishError
from dxpy_async.formats.attestations import ATTESTATION_BYTES, check_attestation
from dxpy_async.formats.descriptions import check_description
from dxpy_async.formats.upload_form import Fields, metadata_fields
from dxpy_async.index.uploads import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyFile:
    """A file that is ready to be sent."""

    distribution: Distribution
    digests: Digests
    fields: Fields
    attestations: int

    @property
    def filename(self) -> str:
        return self.distribution.filename


def make_ready(path: Path, scratch: Path, *, attested: bool) -> ReadyFile:
    """The distribution at `path`, whose archive, metadata and attestations are in order; `scratch` is empty.

    Raises FormatError leaves, which name the file, and OSError.
    """
    distribution, digests = read_distribution(path, scratch), Digests.of(path)
    fields = _form_of(distribution, digests)
    attestations = _attestations(path, digests.sha256) if attested else []
    if attestations:
        fields.append(("attestations", f"[{','.join(attestations)}]"))
    return ReadyFile(distribution=distribution, digests=digests, fields=fields, attestations=len(attestations))


def _attestations(path: Path, sha256: str) -> list[str]:
    """Those that lie beside `path`, as `<file>.publish.attestation`."""
    return [
        check_attestation(_start_of(each), origin=each.name, filename=path.name, sha256=sha256)
        for each in sorted(path.parent.glob(f"{glob.escape(path.name)}.*{ATTESTATION_ENDING}"))
    ]


def find_distributions(files: Iterable[str | Path]) -> list[Path]:
    """The wheels and sdists that are meant, wheels first. Raises PublishError when there are none, or one twice.

    Of directories and patterns everything else is passed over; a file that is named has to be a distribution.
    """
    found: dict[Path, None] = {}
    for each in files:
        path = Path(each)
        if path.is_dir():
            found |= dict.fromkeys(_distributions_of(path.iterdir()))
        elif path.exists() or not glob.has_magic(str(each)):
            if not path.is_file():
                raise PublishError(f"there is no file `{each}`", hints=("`dxpy build` makes distributions in `dist`",))
            if not is_distribution_name(path.name) and not path.name.endswith(ATTESTATION_ENDING):
                raise PublishError(f"`{each}` is neither a wheel nor an sdist")
            found |= dict.fromkeys(_distributions_of([path]))
        else:
            found |= dict.fromkeys(_distributions_of(map(Path, glob.glob(str(each)))))
    if not found:
        where = ", ".join(f"`{each}`" for each in files)
        raise PublishError(f"there are no distributions in {where}", hints=("make them with `dxpy build`",))
    names: dict[str, Path] = {}
    for path in found:
        if (other := names.setdefault(path.name, path)) != path:
            raise PublishError(f"`{path.name}` is there twice: `{other}` and `{path}`")
    return sorted(found, key=lambda path: (not path.name.endswith(".whl"), path.name))


def _distributions_of(paths: Iterable[Path]) -> list[Path]:
    return [
        Path(os.path.abspath(path))
        for path in paths
        if is_distribution_name(path.name) and not path.name.startswith(".") and path.is_file()
    ]


def _start_of(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(ATTESTATION_BYTES + 1)


def _form_of(distribution: Distribution, digests: Digests) -> Fields:
    metadata = metadata_fields(distribution.metadata, origin=distribution.filename)
    check_description(metadata, origin=distribution.filename)
    return [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("filetype", "bdist_wheel" if distribution.is_wheel else "sdist"),
        ("pyversion", distribution.tag),
        *metadata,
        *digests.fields(),
    ]
