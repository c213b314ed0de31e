"""`dxpy dpp`: make, look at or take apart DPP packages."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output, count, printable
from dxpy_async.core.quantities import readable_size
from dxpy_async.engine.packages import build_package, rebuild_wheel, verify_package
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_layout import VERSION
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int:
    path = Path(arguments.file)
    if arguments.action == "build":
        _build(path, arguments, output)
    elif arguments.action == "wheel":
        output.say(f"Wrote {rebuild_wheel(path, Path(arguments.output))}")
    elif arguments.action == "verify":
        verify_package(path)
        output.say(f"Verified {path}: everything is what its digests say")
    else:
        _show(path, arguments, output)
    return 0


def _build(wheel: Path, arguments: argparse.Namespace, output: Output) -> None:
    path = Path(arguments.output or f"{wheel.stem}.dpp")
    with settings_of(arguments, None) as settings:
        build_package(
            wheel,
            path,
            fat=arguments.fat,
            tags=arguments.bytecode,
            search=SearchPlaces.from_environ(os.environ, sys.executable),
            environ=os.environ,
            cache_dir=settings.cache_dir,
        )
    kind = "fat" if arguments.fat else "thin"
    output.say(f"Wrote {path} ({kind}, {readable_size(path.stat().st_size)})")


def _show(path: Path, arguments: argparse.Namespace, output: Output) -> None:
    with DppPackage.open(path, verify=Verify.MANIFEST) as package:
        facts = _facts(package, files=arguments.files)
    output.data(json.dumps(facts, indent=2) if arguments.json else printable(_text(facts)))


def _facts(package: DppPackage, *, files: bool) -> dict[str, Any]:
    """What a package says, in JSON's types."""
    identity = package.identity
    compiled = package.compiled
    facts: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "requires-python": package.requires_python,
        "kind": "fat" if package.is_fat else "thin",
        "format-version": VERSION,
        "size": package.size,
        "blake3": package.digest,
        "archive": {
            "filename": identity.filename,
            "size": identity.size,
            "sha256": identity.sha256,
            "blake3": identity.blake3,
        },
        "wheel": {
            "tags": identity.tags,
            "root-is-purelib": identity.root_is_purelib,
            "dist-info": identity.dist_info,
            "data": identity.data,
            "top-level": identity.top_level,
        },
        "dependencies": [str(requirement) for requirement in package.dependencies],
        "extras": package.extras,
        "entry-points": package.entry_points,
        "file-count": package.file_count,
        "unpacked-size": package.unpacked_size,
        "native": [{"path": file.path, "kind": file.kind.name.lower().replace("_", "-")} for file in package.native],
        "bytecode": {tag: sum(file.tag == tag for file in compiled) for tag in package.bytecode_tags},
        "sections": {name: {"offset": offset, "size": size} for name, (offset, size) in package.sections.items()},
    }
    if files:
        facts["files"] = [
            {
                "path": file.path,
                "size": file.size,
                "executable": file.executable,
                "sha256": file.sha256.hex(),
                "blake3": file.blake3.hex(),
            }
            for file in package.files
        ]
    return facts


def _text(facts: dict[str, Any]) -> str:
    archive, groups = facts["archive"], facts["entry-points"]
    lines = [
        f"{facts['name']} {facts['version']}",
        f"requires-python: {facts['requires-python'] or 'any'}",
        f"kind: {facts['kind']} (format version {facts['format-version']}, {facts['size']} bytes)",
        f"blake3: {facts['blake3']}",
        f"made of: {archive['filename']} ({archive['size']} bytes)",
        f"  sha256: {archive['sha256']}",
        f"  blake3: {archive['blake3']}",
        f"tags: {', '.join(facts['wheel']['tags'])}",
        f"files: {facts['file-count']} ({facts['unpacked-size']} bytes unpacked)",
    ]
    files = facts.get("files", ())
    lines += [f"  {file['size']:>10} {'x' if file['executable'] else '-'} {file['path']}" for file in files]
    lines += _listed("dependencies", facts["dependencies"])
    lines += _listed("extras", facts["extras"])
    named = [f"[{group}] {name} = {target}" for group, names in groups.items() for name, target in names.items()]
    lines += _listed("entry points", named)
    lines += _listed("native", [f"{file['path']} ({file['kind']})" for file in facts["native"]])
    lines += _listed("bytecode", [f"{tag} ({count(number, 'file')})" for tag, number in facts["bytecode"].items()])
    places = [f"{name:<12} at {part['offset']}, {part['size']} bytes" for name, part in facts["sections"].items()]
    return "\n".join([*lines, *_listed("sections", places)])


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []
