"""What is measured: who takes part in which scenario, and what each does while the clock runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from contest import ADDED, INTERPRETER, Attempt, Entry
from costs import Cost, disk_mib, timed
from scaled import SCALED, SIZES
from servers import Network
from versions import versions_of_all

FIRST_IMPORTS = {
    "small": "flask, requests, rich, httpx",
    "large": "pandas, sklearn.linear_model, matplotlib.pyplot",
    "data": "pandas, sklearn.linear_model, matplotlib.pyplot",
    "web": "fastapi, sqlalchemy, boto3, httpx",
    "airflow": "boto3, google.cloud.storage, sqlalchemy",
    "versions": "django, sqlalchemy, sympy",
}
"""What a person would import first in the environment of a project."""

TEN_PACKAGES = ("babel", "botocore", "django", "faker", "jedi", "pygments", "rich", "setuptools", "sqlalchemy", "sympy")
"""Those of the project versions: data, sources, and compiled modules."""

UV, DXPY, PIP = Entry("uv", "uv"), Entry("dxpy", "dxpy"), Entry("pip", "pip")
UV_COPY = replace(UV, label="uv, copy", flags=("--link-mode", "copy"))
UV_CLONE = replace(UV, label="uv, clone", flags=("--link-mode", "clone"))
UV_BYTECODE = Entry("uv, bytecode", "uv", ("--compile-bytecode",))
UV_UVX = Entry("uv", "uv", ("tool", "run", "--from"))
DXPY_COPY = replace(DXPY, label="dxpy, copy", flags=("--link-mode", "copy"), needs=(("sync", "--link-mode"),))
DXPY_CLONE = replace(DXPY, label="dxpy, clone", flags=("--link-mode", "clone"), needs=(("sync", "clone"),))
# Bytecode in the store would be linked by the others as well. What is cold is not compiled, not even afterwards: the
# next to be timed would run beside that.
DXPY_SYMLINK = Entry(
    "dxpy, symlink",
    "dxpy",
    ("--link-mode", "symlink", "--compile-bytecode"),
    needs=(("sync", "symlink"),),
    cache="cache-symlink",
)
DXPY_SYMLINK_COLD = replace(DXPY_SYMLINK, flags=("--link-mode", "symlink"), variables=(("DXPY_COMPILE_BYTECODE", "0"),))
DXPY_BYTECODE = Entry(
    "dxpy, bytecode", "dxpy", ("--compile-bytecode",), needs=(("sync", "--compile-bytecode"),), cache="cache-bytecode"
)
DXPY_NO_HINTS = Entry("dxpy", "dxpy", variables=(("DXPY_NO_HINTS", "1"),))
DXPY_ADD = Entry("dxpy", "dxpy", needs=(("add", "--no-sync"),))
DXPY_TOOL = Entry("dxpy", "dxpy", ("tool", "run", "--from"), needs=(("tool run", "--from"),))

GRID = {
    f"{project}, {network}": (project, network)
    for project, megabits in (("web", 200), ("small", 20))
    for network in (Network(round_trip, megabits) for round_trip in (5, 30, 100))
}
"""Projects on networks: over the narrow ones a larger project would take as long with either tool."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One comparison. The first entry is the one that the others' ratios refer to.

    `project` stands for the one that was asked for when it is empty. `most` bounds the rounds of what takes long;
    `quick` ones are measured in a short run, too; `reflinks` need a filesystem that has them. `figure` is the field of
    Cost that counts.
    """

    name: str
    about: str
    step: Callable[[Attempt], Cost]
    entries: tuple[Entry, ...]
    project: str = ""
    network: Network | None = None
    most: int | None = None
    quick: bool = False
    reflinks: bool = False
    figure: str = "seconds"


def nothing_changed_sync(attempt: Attempt) -> Cost:
    if attempt.tool.name == "pip":
        return attempt.contest.pip_install(attempt.contest.synced, watch=attempt.watch)
    return attempt.run(attempt.contest.synced, "sync")


def nothing_changed_run(attempt: Attempt) -> Cost:
    return attempt.run(attempt.contest.synced, "run", "python", "-c", "pass")


def unchanged_lock(attempt: Attempt) -> Cost:
    return attempt.run(attempt.contest.synced, "lock")


def venv(attempt: Attempt) -> Cost:
    where = attempt.fresh(locked=False)
    if attempt.tool.name == "pip":
        return timed([INTERPRETER, "-m", "venv", "env"], where, attempt.tool.environ("", where), watch=attempt.watch)
    return attempt.run(where, "venv", "--quiet", "env")


def warm_lock(attempt: Attempt) -> Cost:
    return attempt.run(attempt.fresh(locked=False), "lock")


def cold_lock(attempt: Attempt) -> Cost:
    where = attempt.fresh(locked=False)
    return attempt.run(where, "lock", cache=attempt.empty_cache(where))


def edit_and_lock(attempt: Attempt) -> Cost:
    added = ADDED[attempt.turn % len(ADDED)]
    return attempt.run(attempt.fresh(locked=True, more=[added]), "lock")


def add(attempt: Attempt) -> Cost:
    return attempt.run(attempt.fresh(locked=True), "add", "--no-sync", ADDED[attempt.turn % len(ADDED)])


def _fill_cache(attempt: Attempt) -> None:
    """Fill a cache of the entry's own before anything is watched or counts."""
    if attempt.tool.name != "pip" and not attempt.cache.exists():
        attempt.run(attempt.fresh(locked=True), "sync", "--frozen", *attempt.entry.flags)


def warm_sync(attempt: Attempt) -> Cost:
    _fill_cache(attempt)
    where = attempt.fresh(locked=True)
    return _install(attempt, where, None)


def cold_sync(attempt: Attempt) -> Cost:
    where = attempt.fresh(locked=True)
    return _install(attempt, where, attempt.empty_cache(where))


def _install(attempt: Attempt, where: Path, cache: Path | None) -> Cost:
    """An environment with all that is locked."""
    if attempt.tool.name == "pip":
        made = attempt.contest.make_pip_environment(where, watch=attempt.watch)
        return made + attempt.contest.pip_install(where, cache, watch=attempt.watch)
    return attempt.run(where, "sync", "--frozen", *attempt.entry.flags, cache=cache)


def cold_sync_without_lock(attempt: Attempt) -> Cost:
    where = attempt.fresh(locked=False)
    return attempt.run(where, "sync", *attempt.entry.flags, cache=attempt.empty_cache(where))


def warm_sync_and_import(attempt: Attempt) -> Cost:
    _fill_cache(attempt)
    where = attempt.fresh(locked=True)
    synced = attempt.run(where, "sync", "--frozen", *attempt.entry.flags)
    program = [".venv/bin/python", "-c", f"import {FIRST_IMPORTS[attempt.contest.project]}"]
    environ = attempt.tool.environ(attempt.contest.index, attempt.cache)
    return synced + timed(program, where, environ, watch=attempt.watch)


def tool_run(attempt: Attempt) -> Cost:
    # A program that starts in 3 ms, so that it is not the tool's own start that is compared.
    return attempt.run(attempt.fresh(locked=False), *attempt.entry.flags, "ruff", "ruff", "--version")


def many_versions(attempt: Attempt) -> Cost:
    """What the cache occupies after ten versions of the project's packages were synced, the oldest first."""
    cache = attempt.empty_cache(attempt.fresh(locked=False))
    spent = Cost(0, 0, 0)
    for pins in versions_of_all(attempt.contest.index, TEN_PACKAGES, 10):
        where = attempt.fresh(locked=False, more=pins)
        attempt.empty_cache(where)
        spent += attempt.run(where, "sync", cache=cache)
    return replace(spent, disk_mib=disk_mib(cache))


SCENARIOS = (
    Scenario("nothing-changed sync", "`sync` of a synced project", nothing_changed_sync, (UV, DXPY, PIP), quick=True),
    Scenario(
        "nothing-changed run", "`run python -c pass` in a synced project", nothing_changed_run, (UV, DXPY), quick=True
    ),
    Scenario("venv", "`venv` in an empty directory", venv, (UV, DXPY, PIP), quick=True),
    Scenario("unchanged lock", "`lock` when the lock is up to date", unchanged_lock, (UV, DXPY), quick=True),
    Scenario(
        "lock, exact hint",
        "`lock` without a lock, of what was locked with this cache before",
        warm_lock,
        (UV, DXPY),
        quick=True,
    ),
    Scenario(
        "warm lock",
        "`lock` without a lock; pages and metadata in the cache; dxpy with DXPY_NO_HINTS=1",
        warm_lock,
        (UV, DXPY_NO_HINTS),
        quick=True,
    ),
    Scenario("cold lock", "`lock` with nothing there", cold_lock, (UV, DXPY), quick=True),
    Scenario(
        "lock, one added",
        "`lock` after a requirement was added to pyproject.toml; another one each round",
        edit_and_lock,
        (UV, DXPY),
        quick=True,
    ),
    Scenario("add", "`add --no-sync` of a project; another one each round", add, (UV, DXPY_ADD), quick=True),
    Scenario(
        "tool run, second time",
        "`tool run --from ruff ruff --version`, which was run with this cache before; in another directory each time",
        tool_run,
        (UV_UVX, DXPY_TOOL),
        quick=True,
    ),
    Scenario(
        "warm sync",
        "`sync --frozen`: everything in the cache, no environment; uv in its quickest mode, hardlink",
        warm_sync,
        (UV, DXPY, DXPY_SYMLINK, PIP),
        quick=True,
    ),
    Scenario("warm sync, copy", "the same with `--link-mode copy`", warm_sync, (UV_COPY, DXPY_COPY)),
    Scenario("warm sync, clone", "the same with `--link-mode clone`", warm_sync, (UV_CLONE, DXPY_CLONE), reflinks=True),
    Scenario(
        "warm sync and first import",
        "a warm sync, then a program that imports what the project is for; bytecode was compiled once before",
        warm_sync_and_import,
        (UV, DXPY, DXPY_SYMLINK, DXPY_BYTECODE, UV_BYTECODE),
        most=3,
    ),
    Scenario(
        "cold sync",
        "`sync --frozen` with an empty cache",
        cold_sync,
        (UV, DXPY, DXPY_SYMLINK_COLD, PIP),
        quick=True,
    ),
    Scenario("warm sync, web", "a warm sync of the project web", warm_sync, (UV, DXPY, DXPY_SYMLINK), project="web"),
    Scenario(
        "cold sync, web", "a cold sync of the project web", cold_sync, (UV, DXPY, DXPY_SYMLINK_COLD), project="web"
    ),
    Scenario(
        "store after ten versions",
        "the cache after ten versions of ten packages were synced, one after the other",
        many_versions,
        (UV, DXPY),
        project="versions",
        most=1,
        figure="disk_mib",
    ),
    *(
        Scenario(f"{name}, {size} distributions", about, step, (UV, dxpy), project=f"{SCALED}{size}", most=3)
        for name, about, step, dxpy in (
            ("warm lock", "a warm lock of so many pinned distributions", warm_lock, DXPY_NO_HINTS),
            ("warm sync", "a warm sync of them", warm_sync, DXPY),
            ("cold sync", "a cold sync of them", cold_sync, DXPY),
        )
        for size in SIZES
    ),
    Scenario(
        "large, 30 ms, 200 Mbit/s",
        "`sync` of the project large with nothing there, not even a lock",
        cold_sync_without_lock,
        (UV, DXPY),
        project="large",
        network=Network(30, 200),
        most=3,
    ),
    *(
        Scenario(
            name,
            f"the same with the project {project}",
            cold_sync_without_lock,
            (UV, DXPY),
            project=project,
            network=network,
            most=3,
            quick=name == "small, 30 ms, 20 Mbit/s",
        )
        for name, (project, network) in GRID.items()
    ),
)
