"""The layering, read off the source: who may import whom, and who may look at the world.

Knowledge stands at the bottom, effects at the top. A module imports only from layers below its own (or from its own
package), at the top of the file; the cores import nothing that waits or talks; and nothing below the engine asks the
process it runs in for facts that are somebody's to give.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

import dxpy_async

PACKAGE = Path(dxpy_async.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

LAYERS = (
    ("errors.py", "_version.py"),
    ("core",),
    ("formats",),
    ("resolver", "installer/plan.py", "installer/installed.py"),
    ("store", "index", "python", "project", "sources", "builds", "installer"),
    ("engine",),
    ("cli", "__init__.py"),
    ("__main__.py",),
)
"""Lowest first. Two packages of the same row know nothing of each other. A file named alone stands for itself."""

PURE = ("errors.py", "_version.py", "core", "formats", "resolver", "installer/plan.py")
"""Data in, data out."""

EFFECTS = frozenset(
    [
        "aiofiles",
        "aiohttp",
        "anyio",
        "asyncio",
        "concurrent",
        "http",
        "multiprocessing",
        "selectors",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "threading",
        "trio",
        "urllib.request",
    ]
)
"""What a pure module does not import."""

BELOW_ENGINE = (*PURE, "store", "index", "python", "project", "sources", "builds", "installer")

AMBIENT = {
    f"{module}.{name}"
    for module, names in {
        "os": ("environ", "environb", "getenv", "getcwd", "getcwdb", "path.expanduser", "path.expandvars", "cpu_count"),
        "pathlib": ("Path.cwd", "Path.home"),
        "sys": ("argv", "executable", "prefix", "base_prefix", "version_info", "implementation"),
        "time": ("time", "time_ns", "localtime", "gmtime"),
        "datetime": ("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    }.items()
    for name in names
} | {"platform", "site", "sysconfig"}
"""What nothing below the engine asks; such facts are parameters."""

AMBIENT_ALLOWED: dict[tuple[str, str], str] = {
    ("python/probe_script.py", "*"): "runs inside the interpreter that is asked, as a program of its own",
    ("core/user_places.py", "os.path.expanduser"): "asks the system's list of users when the variables name no home",
    ("project/cache_place.py", "os.path.expanduser"): "asks the system's list of users when the variables name no home",
}
"""(module, what it asks) -> why it may."""

LATE_IMPORTS_ALLOWED = frozenset({"__init__.py", "cli/__init__.py"})
"""The public API and the command table import late, because start-up time is a feature."""


def stands_for(entry: str, module: str) -> bool:
    """Whether an entry of the tables above covers a module (a path below the package)."""
    return module == entry or module.startswith(f"{entry}/")


def layer(module: str) -> int:
    """A module's place in LAYERS; the most exact entry counts."""
    matches = [(len(entry), rank) for rank, row in enumerate(LAYERS) for entry in row if stands_for(entry, module)]
    assert matches, f"dxpy_async/{module} has no layer: give it one in {Path(__file__).name}"
    return max(matches)[1]


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_bytes(), filename=module)


def imported(node: ast.stmt, module: str) -> list[str]:
    """The full names that an import statement may bind a module or its contents from; relative ones made absolute."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        package = ["dxpy_async", *Path(module).parent.parts][: -(node.level - 1) or None] if node.level else []
        base = ".".join([*package, *([node.module] if node.module else [])])
        return [f"{base}.{alias.name}" for alias in node.names]
    return []


def own_module(name: str) -> str | None:
    """The file of ours that importing the dotted `name` executes last; None when it is not ours."""
    first, *rest = name.split(".")
    if first != "dxpy_async":
        return None
    for length in range(len(rest), -1, -1):
        path = PACKAGE.joinpath(*rest[:length])
        if length and path.with_suffix(".py").is_file():
            return path.with_suffix(".py").relative_to(PACKAGE).as_posix()
        if (path / "__init__.py").is_file():
            return (path / "__init__.py").relative_to(PACKAGE).as_posix()
    raise AssertionError(f"{name} is imported and is not there")


def imports(module: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in imported(node, module):
                yield node.lineno, name


def asked(module: str) -> Iterator[tuple[int, str]]:
    """Every place where a module names something of AMBIENT, whatever it calls it."""
    source = tree(module)
    meanings: dict[str, str] = {}
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            meanings |= {alias.asname: alias.name for alias in node.names if alias.asname}
            meanings |= {
                first: first for alias in node.names if not alias.asname for first in alias.name.split(".")[:1]
            }
        elif isinstance(node, ast.ImportFrom) and not node.level:
            meanings |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute | ast.Name):
            meaning = dotted(node, meanings)
            # `from platform import machine` asks as much as `platform.machine`.
            module_of_name = meaning.partition(".")[0] if isinstance(node, ast.Name) else meaning
            if {meaning, module_of_name} & AMBIENT:
                yield node.lineno, meaning


def dotted(node: ast.expr, meanings: dict[str, str]) -> str:
    """The full name that an expression like `a.b.c` stands for; empty for anything else."""
    if isinstance(node, ast.Name):
        return meanings.get(node.id, "")
    if isinstance(node, ast.Attribute):
        value = dotted(node.value, meanings)
        return f"{value}.{node.attr}" if value else ""
    return ""


def fail_with(offenders: list[str]) -> None:
    if offenders:
        pytest.fail("\n".join(offenders), pytrace=False)


def test_imports_point_downwards_only() -> None:
    offenders = []
    for module in MODULES:
        for line, name in imports(module):
            target = own_module(name)
            if target is None or target == "__init__.py":
                # The root is imported with everything, and holds nothing but the late imports of the public API.
                continue
            same_package = "/" in module and Path(module).parts[0] == Path(target).parts[0]
            if layer(target) > layer(module) or (layer(target) == layer(module) and not same_package):
                offenders.append(f"dxpy_async/{module}:{line}: imports {name}, which is not below it")
    fail_with(offenders)


def test_pure_modules_import_nothing_that_waits_or_talks() -> None:
    fail_with(
        [
            f"dxpy_async/{module}:{line}: imports {name}"
            for module in MODULES
            if any(stands_for(entry, module) for entry in PURE)
            for line, name in imports(module)
            if any(name == effect or name.startswith(f"{effect}.") for effect in EFFECTS)
        ]
    )


def test_own_imports_stand_at_the_top_of_the_file() -> None:
    offenders = []
    for module in MODULES:
        if module in LATE_IMPORTS_ALLOWED:
            continue
        for function in ast.walk(tree(module)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                offenders += [
                    f"dxpy_async/{module}:{node.lineno}: imports {name} inside a function"
                    for node in ast.walk(function)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                    for name in imported(node, module)
                    if own_module(name)
                ]
    fail_with(sorted(set(offenders)))


def test_nothing_below_the_engine_asks_its_surroundings() -> None:
    fail_with(
        [
            f"dxpy_async/{module}:{line}: asks {what}"
            for module in MODULES
            if any(stands_for(entry, module) for entry in BELOW_ENGINE)
            for line, what in asked(module)
            if (module, what) not in AMBIENT_ALLOWED and (module, "*") not in AMBIENT_ALLOWED
        ]
    )


def test_exceptions_are_still_needed() -> None:
    needed = {(module, what) for module in MODULES for _, what in asked(module)}
    needed |= {(module, "*") for module, _ in needed}
    assert set(AMBIENT_ALLOWED) <= needed
