"""DPP packages as files: made of wheels, made wheels again, verified. Synchronous, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from dxpy_async.core.limits import ARCHIVE_BYTES
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.errors import DxpyError, InvalidPackage, InvalidWheel, UsageError
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_archive import read_package, wheel_filename, write_wheel
from dxpy_async.formats.dpp_builder import DppBuilder
from dxpy_async.formats.zip_archive import ZipArchive
from dxpy_async.python.compiling import compile_sources, request_of_tag
from dxpy_async.python.interpreters import SearchPlaces, find_interpreter

_COPY_BYTES = 1024**2


def build_package(
    wheel: Path,
    output: Path,
    *,
    fat: bool,
    tags: Sequence[str] = (),
    search: SearchPlaces,
    environ: Mapping[str, str],
    cache_dir: Path,
) -> None:
    """Write the package of `wheel` to `output`, with code compiled for the interpreters of `tags`, which must be there.

    Raises InvalidWheel, InvalidMetadata, InvalidPackage, InterpreterError and UsageError; then `output` is as it was.
    """
    if not wheel.name.endswith(".whl"):
        raise UsageError(f"`{wheel}` is not a wheel: its name does not end in .whl")
    try:
        sha256, digest = _digests(wheel)
        with ZipArchive.open(wheel, wheel.name) as archive, _replacing(output) as out:
            builder = DppBuilder.from_wheel(archive, wheel.name, sha256=sha256, blake3=digest, fat=fat)
            for tag in tags:
                interpreter = find_interpreter(request_of_tag(tag), search=search, cache_dir=cache_dir)
                builder.add_bytecode(tag, compile_sources(interpreter, builder.python_sources(), environ=environ))
            builder.write(out)
    except OSError as error:
        raise _failure(error, f"make a package of `{wheel}`") from error


def rebuild_wheel(package: Path, directory: Path) -> Path:
    """Write the wheel of a fat package into `directory`, and give its path. Raises InvalidPackage and InvalidWheel."""
    try:
        with DppPackage.open(package, verify=Verify.EVERYTHING) as opened:
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / wheel_filename(opened)
            with _replacing(path) as out:
                write_wheel(opened, out)
            return path
    except OSError as error:
        raise _failure(error, f"make a wheel of `{package}`") from error


def verify_package(path: Path) -> None:
    """Compare everything in a package with everything else in it. Raises InvalidPackage and other FormatErrors."""
    with DppPackage.open(path, verify=Verify.EVERYTHING) as package:
        package.check()
        if package.is_fat:
            read_package(package, wheel_filename(package))
        if package.is_described:
            told = parse_core_metadata(
                package.core_metadata, origin=f"METADATA of {path}", project=package.name, version=None
            )
            _check_description(package, told, str(path))


def _check_description(package: DppPackage, told: CoreMetadata, file: str) -> None:
    pairs = {
        "dependencies": (package.dependencies, told.requirements),
        "extras": (package.extras, tuple(sorted(told.extras))),
        "requires-python": (package.requires_python, told.requires_python),
    }
    for what, (said, read) in pairs.items():
        if said != read:
            raise InvalidPackage(file, f"has {what} that are not those of its METADATA")


def _digests(wheel: Path) -> tuple[str, str]:
    sha256, digest = hashlib.sha256(), blake3()
    with wheel.open("rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > ARCHIVE_BYTES:
            raise InvalidWheel(str(wheel), f"has {size} bytes, an archive may have {ARCHIVE_BYTES}")
        while chunk := file.read(_COPY_BYTES):
            sha256.update(chunk)
            digest.update(chunk)
    return sha256.hexdigest(), digest.hexdigest()


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end, and leaves nothing behind when that is not reached."""
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name[:80]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
        os.chmod(beside, 0o644)  # mkstemp makes it private
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _failure(error: OSError, what: str) -> DxpyError:
    where = f" (`{error.filename}`)" if error.filename else ""
    return DxpyError(f"cannot {what}: {error.strerror or error}{where}")
