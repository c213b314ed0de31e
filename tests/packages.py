"""Building DPP packages for tests, and asking them everything they can be asked."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from blake3 import blake3

from dxpy_async.core.hashing import blake3_of
from dxpy_async.errors import FormatError
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_archive import write_wheel
from dxpy_async.formats.dpp_builder import DppBuilder
from dxpy_async.formats.dpp_content import DppContent
from dxpy_async.formats.zip_archive import ZipArchive


def package_bytes(wheel: Path, *, fat: bool = True, compiled: dict[str, dict[str, bytes]] | None = None) -> bytes:
    """The package of a wheel; `compiled` maps interpreter tag to source path to compiled code."""
    data, out = wheel.read_bytes(), io.BytesIO()
    with ZipArchive.open(wheel, wheel.name) as archive:
        builder = DppBuilder.from_wheel(
            archive, wheel.name, sha256=hashlib.sha256(data).hexdigest(), blake3=blake3(data).hexdigest(), fat=fat
        )
        for tag, code in (compiled or {}).items():
            builder.add_bytecode(tag, code)
        builder.write(out)
    return out.getvalue()


def write_package(wheel: Path, directory: Path | None = None, *, fat: bool = True) -> Path:
    """The package of a wheel as a file, beside the wheel or in `directory`."""
    path = (directory or wheel.parent) / f"{wheel.stem}.dpp"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(package_bytes(wheel, fat=fat))
    return path


def wheel_bytes(data: bytes) -> bytes:
    """The wheel of a fat package."""
    out = io.BytesIO()
    with DppPackage(data, file="x.dpp") as package:
        write_wheel(package, out)
    return out.getvalue()


def signed(data: bytes) -> bytes:
    """`data` with the digests that fit it, as far as it is a package at all."""
    changed = bytearray(data)
    try:
        content = DppContent(bytes(changed), "x.dpp")
        plan, code = content.plan(), content.code_plan()
        place = content.offsets[layout.FILES] + layout.FILES_DIGEST_OFFSET
        changed[place : place + 32] = blake3_of(
            changed[:32],
            changed[64:place],
            changed[place + 32 : plan.contents],
            changed[content.offsets[layout.BYTECODE] : code[3]],
            changed[content.offsets[layout.NATIVE] :],
        )
    except FormatError:
        pass
    changed[32:64] = blake3_of(bytes(changed[:32]), bytes(changed[64:]))
    return bytes(changed)


def ask_everything(data: bytes) -> None:
    """Whatever a reader can ask of a package. Raises what it raises."""
    failures: list[FormatError] = []
    for ask in (
        lambda: DppPackage(data, file="x.dpp", verify=Verify.EVERYTHING),
        lambda: wheel_bytes(data),
        lambda: _ask(data, "every"),
        lambda: _ask(data, "one"),
    ):
        try:
            ask()
        except FormatError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _ask(data: bytes, what: str) -> None:
    package = DppPackage(data, file="x.dpp", verify=Verify.HEADER)
    if what == "one":
        for path in ("demo/__init__.py", "absent", "demo-1.0.dist-info/METADATA"):
            package.file(path)
            package.bytecode(path, "cp311")
            if package.is_fat and package.file(path) is not None:
                package.read(path)
                assert b"".join(package.chunks(path)) == package.read(path)
        return
    _ = package.identity, package.core_metadata, package.dependencies, package.extras, package.sections
    _ = package.native, package.bytecode_tags, package.compiled, package.files, package.unpacked_size
    package.check()
