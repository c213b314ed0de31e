"""ARCHITECTURE.md names what there is: every module, every dependency, and no other."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
LAYERS = ("core", "formats", "resolver", "store", "index", "python", "builds", "project", "installer", "sources")
SECTION = re.compile(r"^\*\*(\w+)\*\*", re.MULTILINE)
NAME = re.compile(r"`(?:\w+\.)?([\w*]+)`")


def named() -> dict[str, tuple[list[str], list[str]]]:
    """Of each layer the words in its section that stand as code, and those of them that a line begins with."""
    _, modules, rest = re.split(r"^## Modules.*|^## One `dxpy sync`.*", TEXT, flags=re.MULTILINE)
    assert rest
    _, *parts = SECTION.split(modules)
    found = {}
    for layer, text in zip(parts[::2], parts[1::2], strict=True):
        heads = re.findall(r"^- ((?:`[\w*]+`(?:, )?)+)", text, re.MULTILINE)
        found[layer] = (NAME.findall(text), [name for head in heads for name in NAME.findall(head)])
    return found


def modules(layer: str) -> list[str]:
    return [path.stem for path in (ROOT / "dxpy_async" / layer).glob("*.py") if path.stem != "__init__"]


def test_every_module_is_named_in_its_layer() -> None:
    words = named()
    assert {layer for layer in words if layer not in ("errors", "benchmarks")} == {*LAYERS, "engine", "cli"}
    missing = [
        f"{layer}/{module}.py"
        for layer in (*LAYERS, "engine", "cli")
        for module in modules(layer)
        if not any(fnmatchcase(module, name) for name in words[layer][0])
    ]
    assert missing == []


def test_lines_about_modules_begin_with_names_of_such() -> None:
    words = named()
    unknown = [
        f"{layer}/{name}"
        for layer in (*LAYERS, "engine", "cli")
        for name in words[layer][1]
        if not any(fnmatchcase(module, name) for module in modules(layer))
    ]
    assert unknown == []


def test_every_dependency_is_in_the_table_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = TEXT.split("## Dependencies")[1].split("## Decisions")[0]
    rows = [row.split(",")[0] for row in re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)]
    assert sorted(row for row in rows if row != "---") == sorted(
        Requirement(each).name for each in project["dependencies"]
    )
