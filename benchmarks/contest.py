"""The tools that are compared, where each stands before the clock starts, and one attempt at a scenario."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from costs import Cost, hollow, timed

HERE = Path(__file__).resolve().parent
PROJECTS = sorted(path.parent.name for path in HERE.glob("projects/*/pyproject.toml"))
LOCKS = ("uv.lock", "dxpy.lock", "pylock.toml")
INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
"""By its real path: a launcher script in its place costs 100 ms and more."""

ADDED = ("bidict", "boltons", "cachelib", "emoji", "funcy", "parse", "pyfiglet", "pytimeparse", "schedule", "xxhash")
"""Projects without requirements of their own, in no project here. One more is added in every round."""

DEPENDENCIES_END = "\n]\n"
"""How the list of dependencies ends, in every project here."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One of those that are compared. `prefix` begins the names of its environment variables."""

    name: str
    prefix: str
    program: str

    def environ(self, index: str, cache: Path) -> dict[str, str]:
        """The variables its commands run with: this index, this cache, this interpreter, and no configuration."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PIP_", "UV_", "DXPY_", "VIRTUAL_ENV", "CONDA_"))
        }
        own = {"CACHE_DIR": str(cache), "DEFAULT_INDEX": index, "PYTHON": INTERPRETER, "NO_CONFIG": "1"}
        if self.name == "pip":
            own = {"CACHE_DIR": str(cache), "INDEX_URL": index, "CONFIG_FILE": os.devnull}
            # It caches nothing that comes over http, but for hosts that are trusted.
            own |= {"TRUSTED_HOST": "127.0.0.1", "DISABLE_PIP_VERSION_CHECK": "1", "NO_INPUT": "1"}
        return kept | {f"{self.prefix}_{name}": value for name, value in own.items()} | {"NO_COLOR": "1"}

    def version(self) -> str:
        return " ".join(subprocess.check_output([self.program, "--version"], text=True).split()[:2])

    def knows(self, command: str, word: str) -> bool:
        """Whether there is such a command, and its help has a word."""
        asked = [self.program, *command.split(), "--help"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False, env=self.environ("", Path()))
        return said.returncode == 0 and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said.stdout) is not None


@dataclass(slots=True)
class Contest:
    """One tool's standing on one project: a cache that is warm, a project that is synced, and fresh directories."""

    tool: Tool
    project: str
    text: str
    index: str
    place: Path
    _made: int = field(default=0, init=False)

    @property
    def synced(self) -> Path:
        return self.place / "synced"

    @property
    def pinned(self) -> Path:
        """What pip installs: the distributions that uv did."""
        return self.place / "pinned.txt"

    def prime(self) -> None:
        """Lock and sync once, which fills the index copy and the cache, and lets the tool compile itself."""
        self.write_project(self.synced)
        for command in ("lock", "sync"):
            self.run(self.synced, command)

    def prime_pip(self, distributions: Iterable[str]) -> None:
        """The same for pip, which gets its versions from elsewhere."""
        self.synced.mkdir(parents=True)
        self.pinned.write_text("".join(f"{each.replace(' ', '==')}\n" for each in sorted(distributions)))
        self.make_pip_environment(self.synced)
        self.pip_install(self.synced)

    def prime_added(self) -> None:
        """Put what the rounds add into the cache: pages and metadata."""
        where = self.place / "added"
        self.write_project(where, ADDED)
        self.run(where, "lock")

    def distributions(self) -> set[str]:
        """Name and version of everything in the synced environment."""
        found = importlib.metadata.distributions(path=[str(p) for p in self.synced.glob(".venv/lib/*/site-packages")])
        return {f"{re.sub(r'[-_.]+', '-', each.name).lower()} {each.version}" for each in found}

    def new_directory(self) -> Path:
        self._made += 1
        return self.place / str(self._made)

    def write_project(self, where: Path, more: Sequence[str] = ()) -> None:
        """Write the project there, with more requirements than it has."""
        where.mkdir(parents=True)
        added = "".join(f'\n  "{requirement}",' for requirement in more)
        (where / "pyproject.toml").write_text(self.text.replace(DEPENDENCIES_END, added + DEPENDENCIES_END, 1))

    def copy_locks(self, where: Path) -> None:
        for name in LOCKS:
            if (self.synced / name).exists():
                shutil.copy2(self.synced / name, where / name)

    def run(
        self,
        where: Path,
        *command: str,
        cache: Path | None = None,
        variables: Mapping[str, str] | None = None,
        watch: bool = False,
    ) -> Cost:
        environ = {**self.tool.environ(self.index, cache or self.place / "cache"), **(variables or {})}
        return timed([self.tool.program, *command], where, environ, watch=watch)

    def make_pip_environment(self, where: Path, *, watch: bool = False) -> Cost:
        """An environment for pip to install into, without pip in it, as uv and dxpy make theirs."""
        command = [INTERPRETER, "-m", "venv", "--without-pip", ".venv"]
        return timed(command, where, self.tool.environ(self.index, self.place / "cache"), watch=watch)

    def pip_install(self, where: Path, cache: Path | None = None, *, watch: bool = False) -> Cost:
        """What `sync` is with the others."""
        install = ("--python", ".venv/bin/python", "install", "--quiet", "--no-deps", "-r", str(self.pinned))
        return self.run(where, *install, cache=cache, watch=watch)


@dataclass(frozen=True, slots=True)
class Entry:
    """A way to take part in a scenario: a tool, with its flags and variables.

    `needs` are commands, and words that their help must have, without which the tool cannot take part yet. A `cache`
    of another name is one of its own.
    """

    label: str
    tool: str
    flags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    cache: str = "cache"


@dataclass(slots=True)
class Attempt:
    """One run of one entry, in the round `turn`, which is not counted when it is 0."""

    contest: Contest
    entry: Entry
    turn: int
    _used: dict[Path, bool] = field(default_factory=dict, init=False)
    """The directories it wrote, and whether all names of their files are in these."""

    @property
    def tool(self) -> Tool:
        return self.contest.tool

    @property
    def watch(self) -> bool:
        """The round that is not counted is the one in which memory is watched."""
        return self.turn == 0

    @property
    def cache(self) -> Path:
        return self.contest.place / self.entry.cache

    def fresh(self, *, locked: bool, more: Sequence[str] = ()) -> Path:
        """A new directory with the project in it."""
        where = self.contest.new_directory()
        self.contest.write_project(where, more)
        if locked:
            self.contest.copy_locks(where)
        self._used[where] = False
        return where

    def empty_cache(self, where: Path) -> Path:
        """A cache of this attempt's own."""
        cache = where.with_name(f"{where.name}-cache")
        self._used |= {where: True, cache: True}
        return cache

    def run(self, where: Path, *command: str, cache: Path | None = None) -> Cost:
        """Run the entry's tool."""
        return self.contest.run(
            where, *command, cache=cache or self.cache, variables=dict(self.entry.variables), watch=self.watch
        )

    def make_room(self) -> None:
        """Empty what is not looked at again."""
        for directory, linked in self._used.items():
            if directory.exists():
                hollow(directory, linked=linked)
