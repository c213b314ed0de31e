"""Projects of as many distributions as one likes: parts of a large one that are whole in themselves.

The requirements of several projects are locked together by uv, once. What that gives is put in an order in which each
comes behind all that it requires: so the first N of them, pinned, are a project that needs just these. Left out is what
has a wheel of more than LARGEST bytes, and all that requires such: what is to grow is the number of distributions, and
a few heavy ones would hide it.
"""

from __future__ import annotations

import json
import platform
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from contest import HERE, Tool
from costs import CommandFailed, timed
from packaging.utils import parse_wheel_filename
from versions import TAGS

SCALED = "scaled-"
"""How the names of these projects begin; the size follows."""
SIZES = (25, 50, 100, 200, 400)
UNITED = ("large", "web", "data", "airflow")
LARGEST = 8 * 1024**2


def scaled_text(size: int, uv: Tool, index: str, lab: Path) -> str:
    """The pyproject.toml of a project of `size` distributions, the same ones as long as the lab lives."""
    kept = lab / "scaled.json"
    if not kept.exists():
        kept.write_text(json.dumps(in_order(_lock(uv, index, lab / "scaled"))))
    pins = json.loads(kept.read_text())
    if len(pins) < size:
        raise CommandFailed(f"the projects {', '.join(UNITED)} have only {len(pins)} distributions without heavy ones")
    return _project(f"{SCALED}{size}", pins[:size])


def in_order(packages: Iterable[Mapping[str, Any]]) -> list[str]:
    """Pins of the packages of a uv.lock, each right behind what it requires.

    Left out are heavy packages, those that require each other, and all that require such.
    """
    own = [each for each in packages if "registry" in each["source"]]
    needs = {each["name"]: _required(each) for each in own if _size(each) <= LARGEST}
    whole: set[str] = set()
    while more := {name for name, required in needs.items() if name not in whole and required <= whole}:
        whole |= more
    versions = {each["name"]: each["version"] for each in own}
    ordered: dict[str, None] = {}

    def append(name: str) -> None:
        for required in sorted(needs[name] - ordered.keys()):
            append(required)
        ordered[name] = None

    for name in sorted(whole):
        append(name)
    return [f"{name}=={versions[name]}" for name in ordered]


def _lock(uv: Tool, index: str, where: Path) -> list[dict[str, Any]]:
    where.mkdir(parents=True, exist_ok=True)
    requirements = [requirement for name in UNITED for requirement in _requirements(name)]
    (where / "pyproject.toml").write_text(
        _project("united", requirements) + f"[tool.uv]\nenvironments = [\"sys_platform == '{sys.platform}' and "
        f"platform_machine == '{platform.machine()}' and platform_python_implementation == 'CPython'\"]\n"
    )
    timed([uv.program, "lock"], where, uv.environ(index, where / "cache"))
    packages: list[dict[str, Any]] = tomllib.loads((where / "uv.lock").read_text())["package"]
    return packages


def _requirements(project: str) -> list[str]:
    text = (HERE / "projects" / project / "pyproject.toml").read_text()
    requirements: list[str] = tomllib.loads(text)["project"]["dependencies"]
    return requirements


def _project(name: str, requirements: Iterable[str]) -> str:
    lines = "".join(f'  "{requirement}",\n' for requirement in requirements)
    # Just this one: what is pinned for it may ask for more than the oldest of its minor version.
    here = f'requires-python = "=={platform.python_version()}"'
    return f'[project]\nname = "bench-{name}"\nversion = "0.1"\n{here}\ndependencies = [\n{lines}]\n'


def _required(package: Mapping[str, Any]) -> set[str]:
    """What a package requires, with any of its extras."""
    extras = package.get("optional-dependencies", {}).values()
    return {each["name"] for group in (package.get("dependencies", []), *extras) for each in group}


def _size(package: Mapping[str, Any]) -> float:
    """Bytes of the wheel that is for this machine; endless when there is none."""
    wheels = [wheel for wheel in package.get("wheels", []) if _fits(wheel["url"].rpartition("/")[2])]
    return min((wheel["size"] for wheel in wheels), default=float("inf"))


def _fits(filename: str) -> bool:
    return not parse_wheel_filename(filename)[3].isdisjoint(TAGS)
